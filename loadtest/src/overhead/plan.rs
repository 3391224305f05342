//! How much is measured, and how long that takes.

use super::{
    arms::{Arm, Group},
    document::is_judged,
    measure::CALIBRATIONS,
    running::SETTLE,
};
use crate::cli::OverheadOptions;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Starting four processes and a receiver, and ending them.
const START_SECONDS: f64 = 0.7;

/// What each round does.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(super) rounds: u16,
    /// After these, with the arms that [`is_judged`] only.
    pub(super) judged_rounds: u16,
    pub(super) warm_up: u64,
    /// Slices that an arm gets of a round, in turn with the others: so many at the fixed rate, and so many at saturation.
    pub(super) slices: u16,
    pub(super) saturation_seconds: f64,
    /// At the fixed rate, for each group; zero orders until its rate is calibrated.
    pub(super) platform: Pace,
    pub(super) peer: Pace,
}

/// The fixed rate.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Pace {
    /// Orders a second.
    pub(super) rate: f64,
    /// Of a slice.
    pub(super) orders: u32,
}

impl Plan {
    pub(super) fn of(options: &OverheadOptions) -> Self {
        let (rounds, warm_up, slices) = if options.quick { (2, 100, 1) } else { (8, 500, 4) };
        let mut plan = Self {
            rounds: options.rounds.unwrap_or(rounds),
            judged_rounds: options.judged_rounds,
            warm_up,
            slices: options.slices.unwrap_or(slices),
            saturation_seconds: 0.5,
            platform: Pace::default(),
            peer: Pace::default(),
        };
        if let Some(rate) = options.rate {
            for group in Group::ALL {
                plan.set_rate(group, rate, options);
            }
        }
        plan
    }

    /// Time and not a number of orders is what is given: a slow machine measures as long as a fast one.
    pub(super) fn set_rate(&mut self, group: Group, rate: f64, options: &OverheadOptions) {
        const SECONDS: f64 = 1.0;
        const FEWEST: u32 = 50;
        let orders = options.orders.unwrap_or(((rate * SECONDS) as u32).max(FEWEST));
        let pace = match group {
            Group::Platform => &mut self.platform,
            Group::Peer => &mut self.peer,
        };
        *pace = Pace { rate, orders };
    }

    pub(super) fn pace(&self, group: Group) -> Pace {
        match group {
            Group::Platform => self.platform,
            Group::Peer => self.peer,
        }
    }

    pub(super) fn all_rounds(&self) -> u16 {
        self.rounds.saturating_add(self.judged_rounds)
    }

    /// What is measured in a round, of the arms that were chosen.
    pub(super) fn arms_of(&self, round: u16, arms: &[&'static Arm]) -> Vec<&'static Arm> {
        let is_part = |arm: &&&Arm| round < self.rounds || is_judged(arm);
        arms.iter().filter(is_part).copied().collect()
    }

    /// About how long these arms take, all rounds together.
    pub(super) fn time(&self, arms: &[&'static Arm]) -> Duration {
        let of = |arm: &Arm| {
            let Pace { rate, orders } = self.pace(arm.group);
            // The rate is half of what is possible.
            let warm_up = self.warm_up as f64 / (2.0 * rate);
            // Spans are waited for until none come any more, which is twice.
            let settles = 3.0 * SETTLE.as_secs_f64();
            let slice = f64::from(orders) / rate + self.saturation_seconds + settles;
            START_SECONDS + warm_up + SETTLE.as_secs_f64() + f64::from(self.slices) * slice
        };
        let of_round = |round| self.arms_of(round, arms).into_iter().map(of).sum::<f64>();
        Duration::from_secs_f64((0..self.all_rounds()).map(of_round).sum())
    }

    /// About how long a group's calibration takes, with a guess at its rate.
    pub(super) fn calibration_time(&self) -> Duration {
        Duration::from_secs_f64(CALIBRATIONS as f64 * (START_SECONDS + 2.0 + self.saturation_seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overhead::arms;

    #[test]
    fn all_of_it_takes_three_quarters_of_an_hour() {
        let pace = |rate| Pace { rate, orders: rate as u32 };
        let plan = Plan {
            rounds: 8,
            judged_rounds: 0,
            warm_up: 500,
            slices: 4,
            saturation_seconds: 0.5,
            platform: pace(250.0),
            peer: pace(500.0),
        };
        let minutes = plan.time(&arms::chosen(&["all".to_owned()]).unwrap()).as_secs_f64() / 60.0;
        assert!((35.0..50.0).contains(&minutes), "{minutes}");
    }

    #[test]
    fn what_has_a_target_gets_more_rounds() {
        let arms = arms::chosen(&["all".to_owned()]).unwrap();
        let plan = Plan {
            rounds: 2,
            judged_rounds: 3,
            warm_up: 1,
            slices: 1,
            saturation_seconds: 1.0,
            platform: Pace::default(),
            peer: Pace::default(),
        };
        assert_eq!(plan.all_rounds(), 5);
        assert_eq!(plan.arms_of(1, &arms).len(), arms.len());
        let judged: Vec<_> = plan.arms_of(2, &arms).iter().map(|arm| arm.name).collect();
        assert_eq!(
            judged,
            [
                "off",
                "off-again",
                "direct-traces-0",
                "direct-traces-10",
                "direct-traces-100",
                "direct-everything"
            ]
        );
    }
}
