//! Counts of the last while, in steps of a sixtieth of it.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::Nanos;

const STEPS: u64 = 60;

/// Hits and all lines of a sliding window. Memory does not depend on how many lines there are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Window {
    /// Nanoseconds a step takes.
    step: Nanos,
    /// Number of the step since the Unix epoch, hits, lines; only those with lines, oldest first.
    steps: VecDeque<(u64, u64, u64)>,
}

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        Self { step: (length.as_nanos() as Nanos / STEPS).max(1), steps: VecDeque::new() }
    }

    pub(super) fn add(&mut self, now: Nanos, is_hit: bool) {
        let number = now / self.step;
        let hit = u64::from(is_hit);
        match self.steps.back_mut() {
            // Also when the clock went back a little.
            Some((newest, hits, lines)) if *newest >= number => {
                *hits += hit;
                *lines += 1;
            }
            _ => {
                self.steps.push_back((number, hit, 1));
                self.forget(number);
            }
        }
    }

    /// Hits and lines up to now.
    pub(super) fn counts(&mut self, now: Nanos) -> (u64, u64) {
        self.forget(now / self.step);
        self.steps.iter().fold((0, 0), |(hits, lines), step| (hits + step.1, lines + step.2))
    }

    fn forget(&mut self, number: u64) {
        while self.steps.front().is_some_and(|(oldest, ..)| oldest + STEPS <= number) {
            self.steps.pop_front();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = 1_000_000_000;

    #[test]
    fn counts_what_is_not_too_long_ago() {
        let mut window = Window::new(Duration::from_mins(1));
        for second in 0..600 {
            window.add(second * SECOND, second % 10 == 0);
            assert!(window.steps.len() <= 60);
        }
        assert_eq!(window.counts(599 * SECOND), (6, 60));
        assert_eq!(window.counts(629 * SECOND), (3, 30));
        // A clock that goes back loses nothing.
        window.add(590 * SECOND, true);
        assert_eq!(window.counts(629 * SECOND), (4, 31));
        assert_eq!(window.counts(700 * SECOND), (0, 0));
        assert!(window.is_empty());
    }
}
