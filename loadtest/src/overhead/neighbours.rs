//! What others did with the processors meanwhile: other processes of this machine, and other machines of its host.

use serde::{Deserialize, Serialize};
use std::fs;

/// Shares of all processor time.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Neighbours {
    /// Processes that are not of the experiment.
    pub(super) others: f64,
    /// What a hypervisor withheld.
    pub(super) stolen: f64,
}

/// Ticks since the system, or this process, began.
#[derive(Clone, Copy, Default)]
pub(super) struct Ticks {
    all: u64,
    busy: u64,
    stolen: u64,
    own: u64,
}

impl Ticks {
    /// As they are now; of this process and its children that have ended.
    pub(super) fn now() -> Self {
        let of_all = fs::read_to_string("/proc/stat").unwrap_or_default();
        let of_own = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        Self::read(&of_all, &of_own)
    }

    fn read(of_all: &str, of_own: &str) -> Self {
        let numbers = |text: &str| -> Vec<u64> { text.split_whitespace().flat_map(str::parse).collect() };
        // user nice system idle iowait irq softirq steal, in proc(5).
        let first = of_all.lines().next().and_then(|line| line.strip_prefix("cpu ")).unwrap_or_default();
        let all = numbers(first);
        let sum = |places: &[usize]| places.iter().filter_map(|place| all.get(*place)).sum();
        // After the name, which may hold anything: the 12th to 15th are utime, stime, cutime, cstime.
        let own = of_own.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let own = own.split_whitespace().skip(11).take(4).flat_map(str::parse::<u64>).sum();
        Self { all: sum(&[0, 1, 2, 3, 4, 5, 6, 7]), busy: sum(&[0, 1, 2, 5, 6]), stolen: sum(&[7]), own }
    }

    pub(super) fn until(self, end: Self) -> Neighbours {
        let all = end.all.saturating_sub(self.all).max(1) as f64;
        let own = end.own.saturating_sub(self.own);
        let others = end.busy.saturating_sub(self.busy).saturating_sub(own);
        Neighbours {
            others: others as f64 / all,
            stolen: end.stolen.saturating_sub(self.stolen) as f64 / all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_all_time() {
        let start = Ticks::read(
            "cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1",
            "1 (a) b) S 1 1 1 0 -1 0 0 0 0 0 5 5 0 0 20 0",
        );
        let end = Ticks::read(
            "cpu  140 0 120 820 0 0 0 20 0 0\n",
            "1 (a) b) S 1 1 1 0 -1 0 0 0 0 0 15 15 10 10 20 0",
        );
        let neighbours = start.until(end);
        // Of 100 ticks 60 were busy, 40 of them ours.
        assert!((neighbours.others - 0.2).abs() < 1e-9, "{neighbours:?}");
        assert!((neighbours.stolen - 0.2).abs() < 1e-9, "{neighbours:?}");
    }
}
