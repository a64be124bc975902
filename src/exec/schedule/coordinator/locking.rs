//! The coordinator's side of locks between processes: trying, waiting, giving back.

use std::collections::BTreeSet;
use std::time::Instant;

use rayon::Scope;

use super::super::shelf::Part;
use super::super::spec::{Message, ScheduleEvent, TaskIndex, Work};
use super::Coordinator;
use crate::exec::error::ExecError;
use crate::exec::locks::{Attempt, Busy, LockGuard};

/// What came of a task's locks.
pub(super) enum Locking {
    /// It has them, if it needs any.
    Held(Option<LockGuard>),
    /// It waits for another process.
    Waits,
}

/// A task that waits for another process.
pub(super) struct LockWait {
    /// For what.
    busy: Busy,
    /// Since when.
    since: Instant,
    /// Whether that was said.
    told: bool,
}

impl<'a, W: Work> Coordinator<'a, W> {
    /// Takes a task's locks, or waits for the process that has one.
    pub(super) fn lock(&mut self, task: TaskIndex) -> Result<Locking, ExecError> {
        let Some(locks) = self.control.locks else {
            return Ok(Locking::Held(None));
        };
        let names: BTreeSet<String> = self.shelf.lock_names(task).map(str::to_owned).collect();
        if names.is_empty() {
            return Ok(Locking::Held(None));
        }
        let busy = match locks.try_acquire(&names)? {
            Attempt::Held(guard) => return Ok(Locking::Held(Some(guard))),
            Attempt::Busy(busy) => busy,
        };
        if self.control.options.no_wait {
            return Err(ExecError::LockBusy { name: busy.name, holder: busy.holder });
        }
        let outbox = self.outbox.clone();
        locks.acquire_notify(names, busy.clone(), move |result| {
            drop(outbox.send(Message::Locked(task, result)));
        })?;
        self.shelf.release(task, Part::Counted);
        self.lock_waits.insert(task, LockWait { busy, since: Instant::now(), told: false });
        Ok(Locking::Waits)
    }

    /// The locks a task waited for are there. Without a free slot they are given back at once.
    pub(super) fn locked<'scope>(
        &mut self,
        task: TaskIndex,
        result: Result<LockGuard, ExecError>,
        scope: &Scope<'scope>,
    ) where
        'a: 'scope,
    {
        if self.lock_waits.remove(&task).is_none() {
            return;
        }
        match result {
            Ok(guard)
                if self.progress.running() < self.slots
                    && self.may_start()
                    && self.shelf.reclaim(task, Part::Counted) =>
            {
                self.start(task, Some(guard), scope);
            }
            Ok(guard) => {
                drop(guard);
                self.shelf.release(task, Part::Shared);
                self.shelf.push(task);
            }
            Err(error) => {
                self.shelf.release(task, Part::Shared);
                self.fail_unstarted(task, error);
            }
        }
    }

    /// When the next wait becomes long.
    pub(super) fn next_lock_notice(&self) -> Option<Instant> {
        let untold = self.lock_waits.values().filter(|wait| !wait.told);
        untold.map(|wait| wait.since + self.control.options.lock_notice).min()
    }

    /// Says which waits have become long.
    pub(super) fn tell_lock_waits(&mut self, now: Instant) {
        for (task, wait) in &mut self.lock_waits {
            if !wait.told && now >= wait.since + self.control.options.lock_notice {
                wait.told = true;
                (self.sink)(ScheduleEvent::LockWaiting { task: *task, busy: wait.busy.clone() });
            }
        }
    }
}
