//! Lines of a task that must wait for their turn, in bounded memory.
//!
//! A task may print 10 GB while another has the word. Kept are the first lines and the last ones; how
//! many are missing in between is counted, and the log has them all.

use std::collections::VecDeque;

/// Bytes kept of the beginning, and as many of the end.
const KEPT: usize = 128 * 1024;
/// A longer line is cut: its start is what a person reads.
const LONGEST: usize = 16 * 1024;
/// What a line costs beside its text.
const OVERHEAD: usize = 48;

/// The lines held for one task.
#[derive(Debug, Default)]
pub(super) struct Held {
    head: Vec<String>,
    head_cost: usize,
    tail: VecDeque<String>,
    tail_cost: usize,
    missing: u64,
}

/// What was held, in order: `head`, a gap of `missing` lines, `tail`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) head: Vec<String>,
    pub(super) missing: u64,
    pub(super) tail: VecDeque<String>,
}

impl Held {
    pub(super) fn push(&mut self, line: &str) {
        let line = line[..line.floor_char_boundary(LONGEST)].to_owned();
        let cost = line.len() + OVERHEAD;
        if self.tail.is_empty() && self.head_cost + cost <= KEPT {
            self.head_cost += cost;
            self.head.push(line);
            return;
        }
        self.tail_cost += cost;
        self.tail.push_back(line);
        while self.tail_cost > KEPT {
            let Some(oldest) = self.tail.pop_front() else {
                break;
            };
            self.tail_cost -= oldest.len() + OVERHEAD;
            self.missing += 1;
        }
    }

    /// Hands over what is held; nothing is held afterwards.
    pub(super) fn take(&mut self) -> Taken {
        let Self { head, missing, tail, .. } = std::mem::take(self);
        Taken { head, missing, tail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_and_the_end_are_kept() {
        let mut held = Held::default();
        for number in 0..1_000_000 {
            held.push(&number.to_string());
        }
        let taken = held.take();
        assert_eq!(taken.head.first().unwrap(), "0");
        assert_eq!(taken.tail.back().unwrap(), "999999");
        assert_eq!(taken.head.len() + taken.tail.len() + usize::try_from(taken.missing).unwrap(), 1_000_000);
        assert!(
            taken.head.iter().chain(&taken.tail).map(|line| line.len() + OVERHEAD).sum::<usize>() <= 2 * KEPT
        );
        assert_eq!(held.take(), Taken::default());
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let mut held = Held::default();
        held.push(&"é".repeat(1_000_000));
        assert_eq!(held.take().head[0].len(), LONGEST);
    }
}
