//! How orders ended, counted.

use std::{collections::BTreeMap, time::Instant};

pub(super) struct Tally {
    start: Instant,
    outcomes: BTreeMap<String, u64>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { start: Instant::now(), outcomes: BTreeMap::new() }
    }
}

impl Tally {
    pub(super) fn add(&mut self, outcome: String) {
        *self.outcomes.entry(outcome).or_default() += 1;
    }

    /// Each outcome on a line, then all of them.
    pub(super) fn show(&self) {
        for (outcome, orders) in &self.outcomes {
            anstream::println!("{orders:>8} {outcome}");
        }
        let all: u64 = self.outcomes.values().sum();
        let seconds = self.start.elapsed().as_secs_f64();
        anstream::println!("{all:>8} orders in {seconds:.1} s: {:.1} a second", all as f64 / seconds);
    }
}
