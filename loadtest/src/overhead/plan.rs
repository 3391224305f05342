//! How much is measured, and how long that takes.

use super::{
    arms::{Arm, Group},
    measure::{CALIBRATIONS, SETTLE},
};
use crate::cli::OverheadOptions;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Starting four processes, and ending them.
const START_SECONDS: f64 = 0.6;

/// What each round does.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(super) rounds: u16,
    pub(super) warm_up: u64,
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
    pub(super) orders: u32,
}

impl Plan {
    pub(super) fn of(options: &OverheadOptions) -> Self {
        let (rounds, warm_up, saturation_seconds) =
            if options.quick { (2, 100, 0.5) } else { (10, 500, 1.5) };
        let mut plan = Self {
            rounds: options.rounds.unwrap_or(rounds),
            warm_up,
            saturation_seconds,
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
        let (seconds, fewest) = if options.quick { (1.0, 50) } else { (3.0, 200) };
        let orders = options.orders.unwrap_or(((rate * seconds) as u32).max(fewest));
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

    /// About how long these arms take, all rounds together.
    pub(super) fn time(&self, arms: &[Arm]) -> Duration {
        let of = |arm: &Arm| {
            let Pace { rate, orders } = self.pace(arm.group);
            // The rate is half of what is possible.
            let warm_up = self.warm_up as f64 / (2.0 * rate);
            let settles = 3.0 * SETTLE.as_secs_f64();
            START_SECONDS + warm_up + f64::from(orders) / rate + self.saturation_seconds + settles
        };
        Duration::from_secs_f64(arms.iter().map(of).sum::<f64>() * f64::from(self.rounds))
    }

    /// About how long a group's calibration takes, with a guess at its rate.
    pub(super) fn calibration_time(&self) -> Duration {
        Duration::from_secs_f64(CALIBRATIONS as f64 * (START_SECONDS + 1.0 + self.saturation_seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overhead::arms;

    #[test]
    fn all_of_it_takes_half_an_hour() {
        let pace = |rate| Pace { rate, orders: (3.0 * rate) as u32 };
        let plan = Plan {
            rounds: 10,
            warm_up: 500,
            saturation_seconds: 1.5,
            platform: pace(250.0),
            peer: pace(500.0),
        };
        let minutes = plan.time(&arms::chosen(&["all".to_owned()]).unwrap()).as_secs_f64() / 60.0;
        assert!((20.0..32.0).contains(&minutes), "{minutes}");
    }
}
