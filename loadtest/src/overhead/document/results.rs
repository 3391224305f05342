//! What the rounds say about an arm: medians, ratios, verdicts.

use super::super::{
    Experiment,
    arms::{Arm, Group, named},
    measure::Measured,
};
use crate::{
    report::plot::Whisker,
    stats::{self, Ratio, Verdict, median},
};
use std::{collections::BTreeSet, ops::Range};

/// Something measured in every round.
#[derive(Clone, Copy)]
pub(super) struct Figure {
    /// Of its plot's file.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) of: fn(&Measured) -> f64,
    digits: usize,
    is_latency: bool,
}

pub(super) const CPU: Figure = Figure {
    name: "cpu",
    title: "CPU time an order at the fixed rate, µs",
    of: |m| m.cpu,
    digits: 0,
    is_latency: false,
};
pub(super) const SATURATED: Figure = Figure {
    name: "cpu-saturated",
    title: "CPU time an order at saturation, µs",
    of: |m| m.cpu_saturated,
    digits: 0,
    is_latency: false,
};
pub(super) const THROUGHPUT: Figure = Figure {
    name: "throughput",
    title: "Orders a second at saturation",
    of: |m| m.throughput,
    digits: 0,
    is_latency: false,
};
pub(super) const RESIDENT: Figure = Figure {
    name: "memory",
    title: "Resident memory, MB",
    of: |m| m.resident / 1e6,
    digits: 1,
    is_latency: false,
};
pub(super) const LATENCIES: [Figure; 3] = [
    Figure { name: "p50", title: "p50 at the fixed rate, ms", of: |m| m.p50, digits: 2, is_latency: true },
    Figure { name: "p99", title: "p99 at the fixed rate, ms", of: |m| m.p99, digits: 2, is_latency: true },
    Figure {
        name: "p99-9",
        title: "p99.9 at the fixed rate, ms",
        of: |m| m.p999,
        digits: 2,
        is_latency: true,
    },
];

/// Of rounds with the same arms: what is alive beside an arm is part of its conditions, so others tell nothing about it.
pub(super) struct Results<'a> {
    experiment: &'a Experiment,
    rounds: Range<u16>,
}

impl<'a> Results<'a> {
    /// Of the rounds with all arms.
    pub(super) fn of_all(experiment: &'a Experiment) -> Self {
        Self { experiment, rounds: 0..experiment.plan.rounds }
    }

    /// Of the rounds with the judged arms only; without such rounds, of those with all.
    pub(super) fn of_judged(experiment: &'a Experiment) -> Self {
        let plan = experiment.plan;
        let of_judged = Self { experiment, rounds: plan.rounds..plan.all_rounds() };
        let has_any = experiment.rounds.iter().any(|measured| of_judged.rounds.contains(&measured.round));
        if has_any { of_judged } else { Self::of_all(experiment) }
    }

    /// Rounds in which anything was measured.
    pub(super) fn complete(&self) -> usize {
        let of_these = self.experiment.rounds.iter().map(|measured| measured.round);
        of_these.filter(|round| self.rounds.contains(round)).collect::<BTreeSet<_>>().len()
    }

    pub(super) fn rounds(&self, arm: &str) -> impl Iterator<Item = &'a Measured> {
        let rounds = self.rounds.clone();
        let is_meant = move |measured: &&Measured| measured.arm == arm && rounds.contains(&measured.round);
        self.experiment.rounds.iter().filter(is_meant)
    }

    /// The median, as a table has it.
    pub(super) fn shown(&self, figure: Figure, arm: &Arm) -> String {
        let median = median(self.rounds(arm.name).map(figure.of));
        if median.is_nan() { "–".to_owned() } else { format!("{median:.*}", figure.digits) }
    }

    /// Both of each round in which the arm and the one it is compared with were measured.
    pub(super) fn pairs(&self, figure: Figure, arm: &Arm) -> Vec<(f64, f64)> {
        let base = |round| self.rounds(arm.group.base()).find(|measured| measured.round == round);
        self.rounds(arm.name)
            .filter_map(|measured| Some(((figure.of)(measured), (figure.of)(base(measured.round)?))))
            .collect()
    }

    /// To the arm without telemetry, which has none.
    pub(super) fn ratio(&self, figure: Figure, arm: &Arm) -> Option<Ratio> {
        if arm.name == arm.group.base() {
            return None;
        }
        stats::ratio(&self.pairs(figure, arm))
    }

    /// Of the same arm once more.
    pub(super) fn noise_ratio(&self, figure: Figure, group: Group) -> Option<Ratio> {
        self.ratio(figure, named(group.again())?)
    }

    /// How far from 1 the machine's noise reaches.
    pub(super) fn noise(&self, figure: Figure, group: Group) -> f64 {
        self.noise_ratio(figure, group).map_or(1.0, |ratio| ratio.reach())
    }

    /// Whether this machine can tell.
    pub(super) fn can_tell(&self, figure: Figure) -> bool {
        !figure.is_latency || self.experiment.oversleep.keeps_time()
    }

    /// `None`: this machine cannot tell.
    fn verdict(&self, figure: Figure, arm: &Arm, ratio: &Ratio) -> Option<Verdict> {
        self.can_tell(figure).then(|| ratio.verdict(self.noise_ratio(figure, arm.group).as_ref()))
    }

    /// Whether it is a difference, and not the machine's noise.
    pub(super) fn is_seen(&self, figure: Figure, arm: &Arm, ratio: &Ratio) -> bool {
        let verdict = self.verdict(figure, arm, ratio);
        arm.name != arm.group.again() && matches!(verdict, Some(Verdict::More | Verdict::Less))
    }

    pub(super) fn said(&self, figure: Figure, arm: &Arm, ratio: &Ratio) -> String {
        if arm.name == arm.group.again() {
            return "the noise".to_owned();
        }
        match self.verdict(figure, arm, ratio) {
            Some(Verdict::More) => "**more**".to_owned(),
            Some(Verdict::Less) => "**less**".to_owned(),
            Some(Verdict::NoDifference) => "no difference seen".to_owned(),
            Some(Verdict::NoiseIsNoChance) => format!("not judged: `{}` differs", arm.group.again()),
            Some(Verdict::TooFewRounds) => "not judged: too few rounds".to_owned(),
            None => "not judged".to_owned(),
        }
    }

    pub(super) fn whisker(&self, figure: Figure, arm: &Arm) -> Option<Whisker> {
        let ratio = self.ratio(figure, arm)?;
        Some(Whisker {
            name: arm.name.to_owned(),
            estimate: ratio.estimate,
            low: ratio.low,
            high: ratio.high,
            is_seen: self.is_seen(figure, arm, &ratio),
        })
    }
}
