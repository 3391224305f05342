//! Scales: seconds on an axis of equal bands (a histogram's buckets, or decades), and ticks on the wall clock.

use crate::model::Nanos;

/// A vertical axis of durations. Each band has the same height, so buckets that grow by a factor stand on a
/// logarithmic scale.
pub(super) struct Axis {
    /// Below the first band, in seconds.
    floor: f64,
    /// Upper bound of each band, in seconds, ascending.
    bounds: Vec<f64>,
    band: f64,
}

impl Axis {
    /// The buckets from the first to the last that `used` says something about.
    pub(super) fn of_buckets(bounds: &[f64], used: impl Fn(usize) -> bool) -> Self {
        let first = (0..bounds.len()).find(|index| used(*index)).unwrap_or(0);
        let last = (0..bounds.len()).rfind(|index| used(*index)).unwrap_or(first);
        let floor = first.checked_sub(1).and_then(|below| bounds.get(below)).copied().unwrap_or(0.0);
        Self::new(floor, bounds.get(first..=last).unwrap_or_default().to_vec())
    }

    /// Half decades (1, 3, 10, 30 …) around some values.
    pub(super) fn of_values(values: impl Iterator<Item = f64>) -> Self {
        let steps: Vec<i32> =
            values.filter(|value| *value > 0.0).map(|value| (value.log10() * 2.0).floor() as i32).collect();
        let lowest = steps.iter().min().copied().unwrap_or(-6);
        let highest = steps.iter().max().copied().unwrap_or(-4).max(lowest + 2);
        let bound = |step: i32| {
            let decade = 10_f64.powi(step.div_euclid(2));
            if step.rem_euclid(2) == 0 { decade } else { decade * 3.0 }
        };
        Self::new(bound(lowest), (lowest + 1..=highest + 1).map(bound).collect())
    }

    fn new(floor: f64, bounds: Vec<f64>) -> Self {
        // Few bands may be tall, many must not be.
        let band = (176.0 / bounds.len().max(1) as f64).clamp(16.0, 30.0).floor();
        Self { floor, bounds, band }
    }

    /// In pixels.
    pub(super) fn height(&self) -> f64 {
        self.band * self.bounds.len().max(1) as f64
    }

    /// Height of a band in pixels.
    pub(super) fn band(&self) -> f64 {
        self.band
    }

    /// The lines between the bands, the lowest first, in seconds.
    pub(super) fn lines(&self) -> impl Iterator<Item = f64> {
        std::iter::once(self.floor).chain(self.bounds.iter().copied())
    }

    /// Pixels from the top to the upper edge of the band that ends at `bound`.
    pub(super) fn top_of(&self, bound: f64) -> Option<f64> {
        let index = self.bounds.iter().position(|known| *known >= bound)?;
        Some(self.height() - (index + 1) as f64 * self.band)
    }

    /// Pixels from the top to a value in seconds.
    pub(super) fn y(&self, value: f64) -> f64 {
        let index =
            self.bounds.partition_point(|bound| *bound < value).min(self.bounds.len().saturating_sub(1));
        let upper = self.bounds.get(index).copied().unwrap_or(f64::INFINITY);
        let lower =
            index.checked_sub(1).and_then(|below| self.bounds.get(below)).copied().unwrap_or(self.floor);
        let within = if !upper.is_finite() {
            0.5
        } else if lower > 0.0 {
            (value / lower).ln() / (upper / lower).ln()
        } else {
            value / upper
        };
        let within = if within.is_finite() { within.clamp(0.0, 1.0) } else { 0.0 };
        self.height() - (index as f64 + within) * self.band
    }
}

/// A horizontal axis of moments, a little wider than what stands on it.
pub(super) struct TimeAxis {
    start: Nanos,
    width: Nanos,
}

impl TimeAxis {
    /// At least ten seconds wide.
    pub(super) fn around(times: impl Iterator<Item = Nanos> + Clone) -> Self {
        const LEAST: Nanos = 10_000_000_000;
        let first = times.clone().min().unwrap_or(0);
        let last = times.max().unwrap_or(first);
        let margin = ((last - first) / 30).max(LEAST.saturating_sub(last - first) / 2);
        let start = first.saturating_sub(margin);
        Self { start, width: last.saturating_add(margin).saturating_sub(start).max(1) }
    }

    /// From 0 to 1.
    pub(super) fn x(&self, moment: Nanos) -> f64 {
        moment.saturating_sub(self.start) as f64 / self.width as f64
    }

    /// The distance of the ticks, and at most five of them.
    pub(super) fn ticks(&self) -> (Nanos, Vec<Nanos>) {
        const SECONDS: [u64; 15] =
            [1, 2, 5, 10, 15, 30, 60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400];
        let step = SECONDS
            .into_iter()
            .map(|seconds| seconds * 1_000_000_000)
            .find(|step| self.width / step < 5)
            .unwrap_or(self.width / 4);
        let first = (self.start / step + 1).saturating_mul(step);
        let ticks =
            (0..5).map(|n| first.saturating_add(n * step)).filter(|tick| *tick < self.start + self.width);
        (step, ticks.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stands_in_its_bucket() {
        let axis = Axis::of_buckets(&[0.01, 0.1, 1.0, f64::INFINITY], |index| index > 0);
        assert!((axis.height() - 90.0).abs() < 1e-9);
        assert!((axis.y(0.01) - 90.0).abs() < 1e-9, "the floor");
        assert!((axis.y(0.1) - 60.0).abs() < 1e-9, "the upper end of its band");
        assert!((axis.y(0.031_622_776) - 75.0).abs() < 1e-3, "half of a decade");
        assert!((axis.y(50.0) - 15.0).abs() < 1e-9, "above all bounds: the middle of the last band");
        assert_eq!(axis.top_of(f64::INFINITY), Some(0.0));
        for odd in [f64::NAN, f64::INFINITY, -1.0] {
            assert!((0.0..=90.0).contains(&axis.y(odd)), "{odd}");
        }
    }

    #[test]
    fn half_decades_hold_all_values() {
        let axis = Axis::of_values([0.012, 0.5].into_iter());
        let lines: Vec<f64> = axis.lines().collect();
        assert!(lines.first().unwrap() <= &0.012 && lines.last().unwrap() >= &0.5, "{lines:?}");
        assert!(Axis::of_values(std::iter::empty()).height() > 0.0);
    }

    #[test]
    fn ticks_stand_on_round_times() {
        let second = 1_000_000_000;
        let axis = TimeAxis::around([100 * second, 220 * second].into_iter());
        let (step, ticks) = axis.ticks();
        assert_eq!(step, 30 * second);
        assert_eq!(ticks, [120, 150, 180, 210].map(|at| at * second));
        assert!(TimeAxis::around(std::iter::empty()).ticks().1.len() <= 5);
    }
}
