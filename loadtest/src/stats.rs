//! Ratios with an interval, and what may be said of them.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::Serialize;

const RESAMPLES: usize = 2000;
/// A bootstrap of fewer rounds gives intervals that are too narrow.
const FEWEST_ROUNDS: usize = 6;

/// An estimate with its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Ratio {
    pub(crate) estimate: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) rounds: usize,
}

/// What a ratio allows to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    More,
    Less,
    NoDifference,
    TooFewRounds,
    /// The same arm twice differs: the rounds have something else in them.
    NoiseIsNoChance,
}

/// Whether a limit on a ratio is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    Met,
    NotMet,
    /// The interval holds the limit, or the machine differs as much from itself.
    InsideNoise,
    TooFewRounds,
    NoiseIsNoChance,
}

/// The value in the middle; NaN of none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5)
}

/// The value at a quantile of sorted values, between its neighbours where it falls between two.
pub(crate) fn quantile(sorted: &[f64], quantile: f64) -> f64 {
    let place = quantile * (sorted.len().saturating_sub(1)) as f64;
    let at = |place: f64| sorted.get(place as usize).copied().unwrap_or(f64::NAN);
    let (low, high) = (at(place.floor()), at(place.ceil()));
    low + (high - low) * place.fract()
}

/// The geometric mean of the rounds' ratios. Each round compares an arm with the first arm of the same round, so that
/// what slows down a whole round slows down both; whole rounds are drawn again for the interval. `None` without a
/// round in which both were measured.
pub(crate) fn ratio(pairs: &[(f64, f64)]) -> Option<Ratio> {
    let logs: Vec<f64> = pairs
        .iter()
        .filter(|(value, base)| *value > 0.0 && *base > 0.0)
        .map(|(value, base)| (value / base).ln())
        .collect();
    if logs.is_empty() {
        return None;
    }
    // A fixed seed: the same rounds give the same report.
    let mut random = StdRng::seed_from_u64(0x5eed);
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let drawn = logs.iter().map(|_| logs.get(random.random_range(0..logs.len())));
            drawn.flatten().sum::<f64>() / logs.len() as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    Some(Ratio {
        estimate: mean.exp(),
        low: quantile(&means, 0.025).exp(),
        high: quantile(&means, 0.975).exp(),
        rounds: logs.len(),
    })
}

impl Ratio {
    /// How far from 1 this interval reaches, to the side where it reaches further: of an A/A arm, the machine's noise.
    pub(crate) fn reach(&self) -> f64 {
        self.high.max(self.low.recip())
    }

    /// Whether the ratio is at most `limit`: met when the whole interval is below it, not met when the whole interval is
    /// above it and the ratio is beyond the machine's noise.
    pub(crate) fn held(&self, limit: f64, noise: Option<&Self>) -> Held {
        match self.verdict(noise) {
            Verdict::TooFewRounds => Held::TooFewRounds,
            Verdict::NoiseIsNoChance => Held::NoiseIsNoChance,
            _ if self.high <= limit => Held::Met,
            Verdict::More if self.low > limit => Held::NotMet,
            _ => Held::InsideNoise,
        }
    }

    /// A difference is one only when the interval leaves out 1 and the estimate is beyond the machine's noise.
    pub(crate) fn verdict(&self, noise: Option<&Self>) -> Verdict {
        let differs_from_itself = noise.is_some_and(|noise| noise.low > 1.0 || noise.high < 1.0);
        let noise = noise.map_or(1.0, Self::reach);
        if self.rounds < FEWEST_ROUNDS {
            Verdict::TooFewRounds
        } else if differs_from_itself {
            Verdict::NoiseIsNoChance
        } else if self.low > 1.0 && self.estimate > noise {
            Verdict::More
        } else if self.high < 1.0 && self.estimate < noise.recip() {
            Verdict::Less
        } else {
            Verdict::NoDifference
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Twelve rounds with a spread of 10 %.
    fn noisy(factor: f64, seed: u64) -> Vec<(f64, f64)> {
        let mut random = StdRng::seed_from_u64(seed);
        let mut noise = || 1.0 + 0.1 * (random.random::<f64>() - 0.5);
        (0..12).map(|_| (factor * 250.0 * noise(), 250.0 * noise())).collect()
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        let values = [1.0, 2.0, 3.0, 5.0];
        let found = [0.0, 0.5, 1.0].map(|at| quantile(&values, at));
        assert!(found.iter().zip([1.0, 2.5, 5.0]).all(|(found, expected)| (found - expected).abs() < 1e-9));
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn a_difference_is_seen_and_noise_is_not() {
        let mut wrong = 0;
        for seed in 0..100 {
            let noise = ratio(&noisy(1.0, seed)).unwrap();
            if noise.low > 1.0 || noise.high < 1.0 {
                continue;
            }
            let verdict = |factor| ratio(&noisy(factor, 1000 + seed)).unwrap().verdict(Some(&noise));
            assert_eq!((verdict(1.1), verdict(0.9)), (Verdict::More, Verdict::Less), "{seed}");
            wrong += u32::from(verdict(1.0) != Verdict::NoDifference);
        }
        // A 95 % interval is wrong once in twenty times, and a little more often when it comes from few rounds.
        assert!(wrong <= 10, "{wrong} of 100");
    }

    #[test]
    fn a_difference_inside_the_noise_of_the_machine_is_none() {
        let noise = Ratio { estimate: 1.02, low: 0.9, high: 1.05, rounds: 12 };
        let arm = Ratio { estimate: 1.08, low: 1.04, high: 1.12, rounds: 12 };
        assert_eq!(arm.verdict(Some(&noise)), Verdict::NoDifference);
        assert_eq!(arm.verdict(None), Verdict::More);
        let shifted = Ratio { low: 1.01, ..noise };
        assert_eq!(
            Ratio { estimate: 2.0, low: 1.9, ..arm }.verdict(Some(&shifted)),
            Verdict::NoiseIsNoChance
        );
        assert_eq!(Ratio { rounds: 3, ..arm }.verdict(None), Verdict::TooFewRounds);
    }

    #[test]
    fn a_limit_is_met_or_not_or_nobody_knows() {
        let noise = Ratio { estimate: 1.0, low: 0.97, high: 1.03, rounds: 12 };
        let ratio = |estimate, low, high| Ratio { estimate, low, high, rounds: 12 };
        let held = |ratio: Ratio, noise| ratio.held(1.05, Some(&noise));
        assert_eq!(held(ratio(1.02, 1.0, 1.04), noise), Held::Met);
        assert_eq!(held(ratio(1.2, 1.1, 1.3), noise), Held::NotMet);
        assert_eq!(held(ratio(1.04, 1.01, 1.07), noise), Held::InsideNoise);
        // The machine is as far from itself.
        assert_eq!(held(ratio(1.2, 1.1, 1.3), ratio(1.0, 0.8, 1.25)), Held::InsideNoise);
        assert_eq!(held(ratio(1.02, 1.0, 1.04), ratio(1.02, 1.01, 1.03)), Held::NoiseIsNoChance);
        assert_eq!(held(Ratio { rounds: 3, ..ratio(1.2, 1.1, 1.3) }, noise), Held::TooFewRounds);
    }

    #[test]
    fn a_slow_round_slows_both() {
        let pairs: Vec<_> = (1..=10).map(|round| (f64::from(round) * 1.2, f64::from(round))).collect();
        let ratio = ratio(&pairs).unwrap();
        assert!((ratio.low - 1.2).abs() < 1e-9 && (ratio.high - 1.2).abs() < 1e-9, "{ratio:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn the_interval_holds_the_estimate(pairs in prop::collection::vec((0.1..1e6_f64, 0.1..1e6_f64), 1..20)) {
            let ratio = ratio(&pairs).unwrap();
            prop_assert!(ratio.low <= ratio.estimate * 1.000_001 && ratio.estimate <= ratio.high * 1.000_001);
            let turned: Vec<_> = pairs.iter().map(|(value, base)| (*base, *value)).collect();
            let turned = super::ratio(&turned).unwrap();
            prop_assert!((turned.estimate * ratio.estimate - 1.0).abs() < 1e-6);
        }

        #[test]
        fn without_a_whole_round_there_is_no_ratio(value in -1.0..=0.0_f64) {
            prop_assert_eq!(ratio(&[(value, 1.0), (1.0, value)]), None);
        }
    }
}
