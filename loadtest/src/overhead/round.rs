//! One round: all arms alive at once, with load for one at a time.

use super::{
    arms::Arm,
    measure::Measured,
    plan::Plan,
    platform::Programs,
    running::{Phase, Running},
};
use crate::progress::Progress;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use std::error::Error;

/// An arm that could not be measured in a round.
#[derive(Serialize, Deserialize)]
pub(super) struct Failed {
    pub(super) arm: String,
    pub(super) round: u16,
    pub(super) error: String,
}

/// What came out of a round, and what is needed for it.
pub(super) struct Round<'a> {
    pub(super) measured: Vec<Measured>,
    pub(super) failed: Vec<Failed>,
    number: u16,
    plan: Plan,
    progress: &'a mut Progress,
}

impl<'a> Round<'a> {
    pub(super) fn new(number: u16, plan: Plan, progress: &'a mut Progress) -> Self {
        Self { measured: Vec::new(), failed: Vec::new(), number, plan, progress }
    }

    /// An arm that fails is said and is out.
    pub(super) async fn run(mut self, programs: &Programs, arms: &[&'static Arm]) -> Self {
        let mut all = Vec::new();
        for arm in shuffled(arms.to_vec()) {
            self.say(&format!("starts {}", arm.name));
            let started = Running::start(programs, arm, &self.plan, self.seed(0)).await;
            all.extend(self.or_failed(arm, started));
        }
        for phase in Phase::ALL {
            for slice in 0..self.plan.slices {
                self.say(&format!("{phase}, slice {} of {}", slice + 1, self.plan.slices));
                all = self.slice(all, phase, slice).await;
            }
        }
        for running in all {
            let arm = running.arm;
            let measured = running.end(self.number).await;
            let measured = self.or_failed(arm, measured);
            self.measured.extend(measured);
        }
        self
    }

    /// A slice of each; those that did not fail.
    async fn slice(&mut self, all: Vec<Running>, phase: Phase, slice: u16) -> Vec<Running> {
        let mut left = Vec::new();
        for mut running in shuffled(all) {
            let arm = running.arm;
            let measured = running.slice(phase, &self.plan, self.seed(slice)).await;
            left.extend(self.or_failed(arm, measured.map(|()| running)));
        }
        left
    }

    /// The same orders for each arm.
    fn seed(&self, slice: u16) -> u64 {
        u64::from(self.number) << 16 | u64::from(slice)
    }

    fn say(&mut self, what: &str) {
        self.progress.say(&format!("round {} of {}: {what}", self.number + 1, self.plan.all_rounds()));
    }

    fn or_failed<T>(&mut self, arm: &Arm, result: Result<T, Box<dyn Error>>) -> Option<T> {
        let error = match result {
            Ok(value) => return Some(value),
            Err(error) => error.to_string(),
        };
        self.progress.keep(&format!("round {}: {} FAILED: {error}", self.number + 1, arm.name));
        self.failed.push(Failed { arm: arm.name.to_owned(), round: self.number, error });
        None
    }
}

fn shuffled<T>(mut all: Vec<T>) -> Vec<T> {
    all.shuffle(&mut rand::rng());
    all
}
