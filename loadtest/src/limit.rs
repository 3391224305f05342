//! Where the platform's limit is: the first moment of a ramp after which it never keeps up again.

use crate::tally::Interval;
use serde::Serialize;

/// An interval that does less than this share of what is due is behind.
const KEEPS_UP: f64 = 0.9;

/// Orders a second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Limit {
    /// What was offered when it stopped to keep up.
    pub(crate) offered: f64,
    /// The most it did, as the mean of three intervals.
    pub(crate) most: f64,
}

/// `None` when it kept up to the end.
pub(crate) fn of(intervals: &[Interval]) -> Option<Limit> {
    let is_behind =
        |interval: &&Interval| interval.throughput < KEEPS_UP * interval.offered || interval.held_back > 0;
    let behind = intervals.iter().rev().take_while(is_behind).count();
    let first = intervals.get(intervals.len().checked_sub(behind.max(1))?)?;
    if behind == 0 {
        return None;
    }
    let three = intervals.windows(3.min(intervals.len()));
    let means = three.map(|w| w.iter().map(|interval| interval.throughput).sum::<f64>() / w.len() as f64);
    Some(Limit { offered: first.offered, most: means.fold(0.0, f64::max) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intervals(pairs: &[(f64, f64)]) -> Vec<Interval> {
        let interval = |(offered, throughput): &(f64, f64)| Interval {
            offered: *offered,
            throughput: *throughput,
            ..Interval::default()
        };
        pairs.iter().map(interval).collect()
    }

    #[test]
    fn a_platform_that_keeps_up_has_no_limit() {
        assert_eq!(of(&intervals(&[(10.0, 10.0), (20.0, 15.0), (30.0, 30.0)])), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn the_limit_is_where_it_stays_behind() {
        let ramp = [(10.0, 10.0), (20.0, 10.0), (30.0, 30.0), (40.0, 33.0), (50.0, 33.0), (60.0, 33.0)];
        assert_eq!(of(&intervals(&ramp)), Some(Limit { offered: 40.0, most: 33.0 }));
    }
}
