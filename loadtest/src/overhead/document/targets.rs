//! What was aimed at, against what was measured.

use super::{
    super::{
        Experiment,
        arms::{Arm, Group, named},
    },
    results::{CPU, Figure, LATENCIES, Results, SATURATED, THROUGHPUT},
};
use crate::{report::table, stats::Held};

/// A limit on a ratio, for the arm of the standard pipeline and of the direct one, which is the default.
struct Target {
    says: &'static str,
    arms: [&'static str; 2],
    figure: Figure,
    limit: f64,
}

const TARGETS: [Target; 4] = [
    Target {
        says: "lines, metrics and all traces: CPU time an order",
        arms: ["everything", "direct-everything"],
        figure: CPU,
        limit: 1.10,
    },
    Target {
        says: "lines, metrics and all traces: p99",
        arms: ["everything", "direct-everything"],
        figure: LATENCIES[1],
        limit: 1.05,
    },
    Target {
        says: "all traces alone: CPU time an order",
        arms: ["traces-100", "direct-traces-100"],
        figure: CPU,
        limit: 1.05,
    },
    Target {
        says: "10 % of traces alone: CPU time an order",
        arms: ["traces-10", "direct-traces-10"],
        figure: CPU,
        limit: 1.02,
    },
];

/// A limit on a span's time, in nanoseconds, for the configuration of each pipeline.
const TIMES: [(&str, [&str; 2], f64); 2] = [
    ("a span that is not sampled", ["standard unsampled", "direct unsampled"], 300.0),
    ("a sampled span", ["standard", "direct"], 1000.0),
];

/// No share of traces costs less than none of them.
const FLOOR: &str = "direct-traces-0";

/// Whether the default pipeline is to meet a target with this arm.
pub(in crate::overhead) fn has_target(arm: &Arm) -> bool {
    TARGETS.iter().any(|target| target.arms[1] == arm.name)
}

/// Whether it is, or the arm is needed to say so, or what the least is: the ids and contexts of traces that are not kept.
pub(in crate::overhead) fn is_judged(arm: &Arm) -> bool {
    has_target(arm) || [Group::Platform.base(), Group::Platform.again(), FLOOR].contains(&arm.name)
}

pub(super) fn section(experiment: &Experiment) -> String {
    let (all, judged) = (Results::of_all(experiment), Results::of_judged(experiment));
    let ratios = TARGETS.iter().map(|target| {
        let [standard, direct] = target.arms;
        let (standard, direct) = (verdict(&all, target, standard), verdict(&judged, target, direct));
        let limit = format!("+{:.0} %", (target.limit - 1.0) * 100.0);
        vec![target.says.to_owned(), limit, standard, direct]
    });
    let times = TIMES.iter().map(|(says, configurations, limit)| {
        let [standard, direct] = configurations.map(|name| timed(experiment, name, *limit));
        vec![(*says).to_owned(), format!("{limit} ns"), standard, direct]
    });
    format!(
        "\n### Targets\n\nAgainst `off`, at half of what `everything` does at saturation; the direct pipeline by {} rounds, the standard one by {}. *Met*: the whole interval is \
         within the limit. *Not met*: all of it is beyond, and the ratio is beyond the machine's noise. Otherwise the figure is *inside the \
         noise*, and more rounds or a quieter machine are needed. A span's time is its caller's (`cargo bench -p telemetry --bench cost -- span`: \
         median, 5th to 95th percentile).\n\n{}",
        judged.complete(),
        all.complete(),
        table(&["target", "at most", "standard pipeline", "direct pipeline"], ratios.chain(times))
    )
}

/// All figures of the judged arms by the rounds that they have for themselves.
pub(super) fn judged_section(experiment: &Experiment) -> String {
    if experiment.plan.judged_rounds == 0 {
        return String::new();
    }
    let results = Results::of_judged(experiment);
    let figures = [CPU, SATURATED, THROUGHPUT].into_iter().chain(LATENCIES);
    let rows = figures.map(|figure| {
        let arms = experiment.arms_of(Group::Platform).filter(|arm| is_judged(arm));
        let cells = arms.map(|arm| {
            let shown = results.shown(figure, arm);
            let Some(ratio) = results.ratio(figure, arm) else { return shown };
            let mark = if results.is_seen(figure, arm, &ratio) { "**" } else { "" };
            format!("{mark}× {:.3}{mark} ({:.3} – {:.3})", ratio.estimate, ratio.low, ratio.high)
        });
        [figure.title.to_owned()].into_iter().chain(cells).collect::<Vec<_>>()
    });
    let arms = experiment.arms_of(Group::Platform).filter(|arm| is_judged(arm));
    let names: Vec<_> = arms.map(|arm| format!("`{}`", arm.name)).collect();
    let header: Vec<_> =
        ["by these rounds alone"].into_iter().chain(names.iter().map(String::as_str)).collect();
    format!(
        "\n### The arms with a target\n\nRatios to `off`, bold where they are a difference.\n\n{}",
        table(&header, rows)
    )
}

fn verdict(results: &Results<'_>, target: &Target, arm: &str) -> String {
    let figure = target.figure;
    let Some((ratio, group)) = named(arm).and_then(|arm| Some((results.ratio(figure, arm)?, arm.group)))
    else {
        return "not measured".to_owned();
    };
    let held = results
        .can_tell(figure)
        .then(|| ratio.held(target.limit, results.noise_ratio(figure, group).as_ref()));
    let percent = |ratio: f64| format!("{:+.1}", (ratio - 1.0) * 100.0);
    let (estimate, low, high) = (percent(ratio.estimate), percent(ratio.low), percent(ratio.high));
    format!("{estimate} % ({low} to {high}): {}", said(held))
}

fn said(held: Option<Held>) -> &'static str {
    match held {
        Some(Held::Met) => "met",
        Some(Held::NotMet) => "**not met**",
        Some(Held::InsideNoise) => "inside the noise",
        Some(Held::TooFewRounds) => "not judged, too few rounds",
        Some(Held::NoiseIsNoChance) => "not judged, `off-again` differs",
        None => "not judged, the machine keeps no time",
    }
}

fn timed(experiment: &Experiment, configuration: &str, limit: f64) -> String {
    let Some(time) = experiment.span_times.iter().find(|time| time.configuration == configuration) else {
        return "not measured".to_owned();
    };
    let held = match time {
        time if time.high < limit => Held::Met,
        time if time.low > limit => Held::NotMet,
        _ => Held::InsideNoise,
    };
    format!("{:.0} ns ({:.0} to {:.0}): {}", time.median, time.low, time.high, said(Some(held)))
}
