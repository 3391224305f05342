//! Whether the machine keeps time: how late a sleep of a millisecond ends while nothing else is going on.

use crate::stats::quantile;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

const SLEEP: Duration = Duration::from_millis(1);
const LOOKS: usize = 200;
/// Later than this, latencies tell about the neighbours of this machine.
const LIMIT: f64 = 0.3;

/// Milliseconds too late.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Oversleep {
    late: Vec<f64>,
}

impl Oversleep {
    /// Sleeps some 200 times. Blocks: that nothing else happens is what it is about.
    pub(super) fn look(&mut self) {
        for _ in 0..LOOKS {
            let start = Instant::now();
            std::thread::sleep(SLEEP);
            self.late.push(start.elapsed().saturating_sub(SLEEP).as_secs_f64() * 1e3);
        }
        self.late.sort_by(f64::total_cmp);
    }

    pub(super) fn p99(&self) -> f64 {
        quantile(&self.late, 0.99)
    }

    /// Whether latencies can be judged.
    pub(super) fn keeps_time(&self) -> bool {
        self.p99() <= LIMIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_is_late_is_not_trusted() {
        let late =
            |one_in_hundred: f64| Oversleep { late: [vec![0.06; 97], vec![one_in_hundred; 3]].concat() };
        assert!(late(0.2).keeps_time());
        assert!(!late(0.9).keeps_time());
        assert!(!Oversleep::default().keeps_time());
    }
}
