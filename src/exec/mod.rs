//! Layer 8: a sealed graph and its premises -> [`Event`](crate::event::Event)s, and how it ended.
//!
//! [`execute`] is the door. The scheduler (`schedule`) knows tasks only as places with edges and claims; `work` tells
//! it how to decide and run one; `action` holds what each kind of task does. Children run in process groups of their
//! own (`child`, `groups`), under a supervisor that outlives envloom (`supervisor`); locks between processes lie in
//! `.envloom/locks` (`locks`). It must not know how anything is shown.

mod action;
mod cancel;
mod child;
mod command;
mod error;
mod failure;
mod groups;
mod interactive;
mod jobserver;
mod ledger_file;
mod locks;
mod mask;
mod masked;
mod means;
mod narrator;
mod output;
mod run;
mod run_id;
mod schedule;
mod services;
mod signals;
mod spawn;
mod supervisor;
mod work;

pub(crate) use cancel::Cancel;
pub(crate) use command::cell_variables;
pub(crate) use error::{CODES, ExecError};
pub(crate) use jobserver::Jobserver;
pub(crate) use ledger_file::{change_record, lock_record};
pub(crate) use locks::{Attempt, LOCKS_VARIABLE, LockGuard, Locks};
pub(crate) use means::{CODES as MEANS_CODES, Means, MeansError};
pub(crate) use narrator::Tally;
pub(crate) use run::{Request, execute, manifest_lock};
pub(crate) use run_id::RUN_VARIABLE;
pub(crate) use signals::{SignalEvent, SignalWatch, fail_writes_over_the_limit, suspend_self};
pub(crate) use supervisor::{SUPERVISE_VERB, supervise};
