//! The same work with the usual crates and with ours, in one table.

use super::{
    super::{
        Experiment,
        arms::{Arm, Group},
        measure::Measured,
    },
    results::{CPU, Figure, LATENCIES, RESIDENT, Results, SATURATED, THROUGHPUT},
};
use crate::{report::table, stats::median};
use std::fmt::Write;

/// Of an order through `loadtest/stock`, with every way of telemetry (its tests hold them to it).
const SPANS: f64 = 8.0;
const COLUMNS: [(&str, Figure); 6] = [
    ("CPU, µs an order", CPU),
    ("CPU at saturation, µs", SATURATED),
    ("orders a second at saturation", THROUGHPUT),
    ("p50, ms", LATENCIES[0]),
    ("p99, ms", LATENCIES[1]),
    ("memory, MB", RESIDENT),
];
pub(super) const PLOTS: [Figure; 3] = [CPU, THROUGHPUT, LATENCIES[1]];

pub(super) fn section(experiment: &Experiment, results: &Results<'_>) -> String {
    let mut text = "\n## The same work with the usual crates\n\n\
         Four tiny services ([loadtest/stock](../loadtest/stock/src/main.rs)) that do nothing but hand on an order, without a database: so \
         telemetry is a far larger share of their work than of the platform's. The same program runs without telemetry, with ours, and with \
         the usual crates as their pages show them ([stock.rs](../loadtest/stock/src/stock.rs)): the same spans and parentage, the same messages in lines to \
         standard output (the usual format repeats all spans around a line), the same things measured, calls by the same client, a batch of spans at the latest every 200 ms. All get the same rate: half of what the usual crates do at saturation.\n\n\
         In brackets the ratio to `peer-none` with its interval, bold where it is a difference, and nowhere in a column in which \
         `peer-none` differs from itself; *added* is the median of what telemetry adds in a round to the CPU time of an order at the fixed rate.\n\n"
        .to_owned();
    for figure in PLOTS {
        let (name, title) = (figure.name, figure.title);
        let _ = writeln!(text, "![{title}: ratio to peer-none](images/peer-{name}.svg)\n");
    }
    let header: Vec<&str> =
        ["arm", "added, µs"].into_iter().chain(COLUMNS.iter().map(|(title, _)| *title)).collect();
    text.push_str(&table(&header, experiment.arms_of(Group::Peer).map(|arm| row(results, arm))));
    text.push_str(
        "\nWhat was sent, an order. Spans by the receiver's count over all phases, saturation among them; the usual batch processor \
         drops what its queue has no place for, and counts it nowhere.\n\n",
    );
    let header =
        ["arm", "OTLP bytes", "bytes of lines", "bytes of scrapes", "spans made", "spans arrived", "lost"];
    text + &table(&header, experiment.arms_of(Group::Peer).map(|arm| sent(results, arm)))
}

fn row(results: &Results<'_>, arm: &Arm) -> Vec<String> {
    let added = results.pairs(CPU, arm).into_iter().map(|(with, without)| with - without);
    let added = if arm.name == arm.group.base() { String::new() } else { format!("{:.0}", median(added)) };
    let cells = COLUMNS.iter().map(|(_, figure)| {
        let shown = results.shown(*figure, arm);
        let Some(ratio) = results.ratio(*figure, arm) else { return shown };
        let mark = if results.is_seen(*figure, arm, &ratio) { "**" } else { "" };
        format!("{shown} ({mark}× {:.2}{mark}, {:.2} – {:.2})", ratio.estimate, ratio.low, ratio.high)
    });
    [format!("`{}`: {}", arm.name, arm.says), added].into_iter().chain(cells).collect()
}

fn sent(results: &Results<'_>, arm: &Arm) -> Vec<String> {
    let of = |of: fn(&Measured) -> f64| median(results.rounds(arm.name).map(of));
    let arrived = of(|m| m.spans_arrived);
    // Of a share of traces it is not known how many spans there are.
    let (made, lost) = if arm.samples_all() {
        (format!("{SPANS}"), format!("{:.1} %", (1.0 - arrived / SPANS).max(0.0) * 100.0))
    } else {
        (String::new(), String::new())
    };
    let bytes = [of(|m| m.otlp_bytes), of(|m| m.line_bytes), of(|m| m.metrics_bytes)];
    [format!("`{}`", arm.name)]
        .into_iter()
        .chain(bytes.map(|bytes| format!("{bytes:.0}")))
        .chain([made, format!("{arrived:.2}"), lost])
        .collect()
}
