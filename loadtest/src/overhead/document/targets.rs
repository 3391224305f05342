//! What was aimed at, against what was measured.

use super::{
    super::{
        Experiment,
        arms::{Arm, Group, named},
    },
    results::{CPU, Figure, LATENCIES, Results},
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

/// Whether the default pipeline is to meet a target with this arm, or the arm is needed to say so.
pub(in crate::overhead) fn is_judged(arm: &Arm) -> bool {
    let group = Group::Platform;
    let needed = [group.base(), group.again()];
    TARGETS.iter().map(|target| target.arms[1]).chain(needed).any(|name| name == arm.name)
}

pub(super) fn section(experiment: &Experiment, results: &Results<'_>) -> String {
    let ratios = TARGETS.iter().map(|target| {
        let [standard, direct] = target.arms.map(|arm| judged(results, target, arm));
        let limit = format!("+{:.0} %", (target.limit - 1.0) * 100.0);
        vec![target.says.to_owned(), limit, standard, direct]
    });
    let times = TIMES.iter().map(|(says, configurations, limit)| {
        let [standard, direct] = configurations.map(|name| timed(experiment, name, *limit));
        vec![(*says).to_owned(), format!("{limit} ns"), standard, direct]
    });
    format!(
        "\n### Targets\n\nAgainst `off`, at half of what the platform with everything on does at saturation. *Met*: the whole interval is \
         within the limit. *Not met*: all of it is beyond, and the ratio is beyond the machine's noise. Otherwise the figure is *inside the \
         noise*, and more rounds or a quieter machine are needed. A span's time is its caller's (`cargo bench -p telemetry --bench cost -- span`: \
         median, 5th to 95th percentile).\n\n{}",
        table(&["target", "at most", "standard pipeline", "direct pipeline"], ratios.chain(times))
    )
}

fn judged(results: &Results<'_>, target: &Target, arm: &str) -> String {
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
