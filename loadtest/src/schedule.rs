//! When orders are due: times that are fixed before the first one is sent.
//!
//! A profile says how many orders a second are due at each moment; its integral says how many are due up to then.
//! The n-th order is due where the integral reaches n (constant), or where it reaches the n-th point of a Poisson
//! process of rate one (random, with the same mean).

use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::time::Duration;

/// A piecewise-linear rate over time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Profile {
    segments: Vec<Segment>,
}

/// From one rate to another, evenly.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Segment {
    seconds: f64,
    from: f64,
    to: f64,
}

impl Segment {
    fn orders(self) -> f64 {
        self.seconds * f64::midpoint(self.from, self.to)
    }

    /// Seconds into the segment at which `orders` of it are due: the root of from·t + slope/2·t² = orders, in the form
    /// that also works for a slope of zero.
    fn time_of(self, orders: f64) -> f64 {
        let slope = (self.to - self.from) / self.seconds;
        let root = (self.from * self.from + 2.0 * slope * orders).max(0.0).sqrt();
        if self.from + root > 0.0 { (2.0 * orders / (self.from + root)).min(self.seconds) } else { 0.0 }
    }
}

impl Profile {
    pub(crate) fn steady(rate: f64, duration: Duration) -> Self {
        Self::ramp(rate, rate, duration)
    }

    pub(crate) fn ramp(from: f64, to: f64, duration: Duration) -> Self {
        Self { segments: vec![Segment { seconds: duration.as_secs_f64(), from, to }] }
    }

    /// A burst of `peak` in the middle, a fifth of the time long, with the edges of a twentieth each.
    pub(crate) fn spike(rate: f64, peak: f64, duration: Duration) -> Self {
        let seconds = duration.as_secs_f64();
        let part = |share: f64, from, to| Segment { seconds: seconds * share, from, to };
        Self {
            segments: vec![
                part(0.35, rate, rate),
                part(0.05, rate, peak),
                part(0.2, peak, peak),
                part(0.05, peak, rate),
                part(0.35, rate, rate),
            ],
        }
    }

    /// The same after a warm-up at the rate it begins with.
    pub(crate) fn after_warm_up(mut self, warm_up: Duration) -> Self {
        let rate = self.rate_at(Duration::ZERO);
        if !warm_up.is_zero() {
            self.segments.insert(0, Segment { seconds: warm_up.as_secs_f64(), from: rate, to: rate });
        }
        self
    }

    pub(crate) fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.segments.iter().map(|segment| segment.seconds).sum())
    }

    /// Orders a second at a moment; zero after the end.
    pub(crate) fn rate_at(&self, at: Duration) -> f64 {
        let mut left = at.as_secs_f64();
        for segment in &self.segments {
            if left <= segment.seconds {
                return segment.from + (segment.to - segment.from) * left / segment.seconds;
            }
            left -= segment.seconds;
        }
        0.0
    }

    /// When the integral of the rate reaches `orders`; `None` when it never does.
    fn time_of(&self, orders: f64) -> Option<Duration> {
        let (mut left, mut passed) = (orders, 0.0);
        for segment in &self.segments {
            if left < segment.orders() {
                return Some(Duration::from_secs_f64(passed + segment.time_of(left)));
            }
            left -= segment.orders();
            passed += segment.seconds;
        }
        None
    }

    /// The times of all orders, from the beginning. Random with a seed, evenly spread without one.
    pub(crate) fn arrivals(self, seed: Option<u64>) -> impl Iterator<Item = Duration> + Send + 'static {
        let mut random = seed.map(StdRng::seed_from_u64);
        let mut due = 0.0;
        std::iter::from_fn(move || {
            if let Some(random) = &mut random {
                // Gaps of a Poisson process are exponential; 1 - u, because u may be zero.
                due -= (1.0 - random.random::<f64>()).ln();
            }
            let at = self.time_of(due);
            if random.is_none() {
                due += 1.0;
            }
            at
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn seconds(profile: Profile) -> Vec<f64> {
        profile.arrivals(None).map(|at| at.as_secs_f64()).collect()
    }

    #[test]
    fn a_constant_rate_is_evenly_spread() {
        assert_eq!(seconds(Profile::steady(4.0, SECOND)), [0.0, 0.25, 0.5, 0.75]);
    }

    #[test]
    fn a_ramp_gets_denser() {
        let due = seconds(Profile::ramp(0.0, 8.0, SECOND));
        let expected = [0.0, 0.5, 0.5_f64.sqrt(), 0.75_f64.sqrt()];
        assert!(
            due.len() == 4 && due.iter().zip(expected).all(|(due, at)| (due - at).abs() < 1e-6),
            "{due:?}"
        );
    }

    #[test]
    fn a_spike_has_its_peak_in_the_middle() {
        let profile = Profile::spike(10.0, 100.0, 10 * SECOND);
        let rates = [1, 5, 9, 11].map(|second| profile.rate_at(second * SECOND).round() as i32);
        assert_eq!(rates, [10, 100, 10, 0]);
        assert_eq!(profile.after_warm_up(SECOND).rate_at(6 * SECOND).round() as i32, 100);
    }

    #[test]
    fn poisson_has_the_same_mean_and_the_spread_of_chance() {
        let due: Vec<f64> =
            Profile::steady(1000.0, 20 * SECOND).arrivals(Some(7)).map(|at| at.as_secs_f64()).collect();
        assert!((19_500..20_500).contains(&due.len()), "{}", due.len());
        let gaps: Vec<f64> = due.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // An exponential distribution's deviation is its mean.
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.05, "{}", variance.sqrt() / mean);
    }

    proptest! {
        #[test]
        fn due_times_follow_the_rate(from in 0.0..500.0_f64, to in 0.0..500.0_f64, length in 0.1..20.0_f64) {
            let profile = Profile::ramp(from, to, Duration::from_secs_f64(length));
            let due = seconds(profile);
            let all = length * (from + to) / 2.0;
            prop_assert!((due.len() as f64 - all).abs() <= 1.0, "{} of {all}", due.len());
            prop_assert!(due.windows(2).all(|pair| pair[0] <= pair[1]));
            for (n, at) in due.iter().enumerate() {
                let integral = from * at + (to - from) / length * at * at / 2.0;
                prop_assert!((integral - n as f64).abs() < 1e-3, "{n}: {integral}");
            }
        }

        #[test]
        fn the_same_seed_gives_the_same_times(seed: u64) {
            let times = || Profile::steady(50.0, SECOND).arrivals(Some(seed)).collect::<Vec<_>>();
            prop_assert_eq!(times(), times());
        }
    }
}
