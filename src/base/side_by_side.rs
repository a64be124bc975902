//! The same work on several items at once, for what waits more than it computes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// How many at a time: enough to hide round trips to servers, few enough for a server's patience.
const WIDTH: usize = 8;

/// The answers of `work` on every item, in the items' order, at most [`WIDTH`] at a time. This thread works
/// too, so a system that refuses further threads only makes it slower.
pub(crate) fn side_by_side<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(BTreeMap::new());
    let worker = || {
        while let Some((at, item)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, items.get(at)?)))
        {
            let answer = work(item);
            answers.lock().unwrap_or_else(PoisonError::into_inner).insert(at, answer);
        }
    };
    thread::scope(|scope| {
        for _ in 1..items.len().min(WIDTH) {
            if thread::Builder::new().spawn_scoped(scope, worker).is_err() {
                break;
            }
        }
        worker();
    });
    answers.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..100).collect();
        assert_eq!(side_by_side(&items, |at| at * 2), items.iter().map(|at| at * 2).collect::<Vec<_>>());
        assert!(side_by_side(&[] as &[usize], |at| *at).is_empty());
    }
}
