//! The report as one page: no script, no font, no image from anywhere else.

use super::{
    Report,
    plot::{self, Chart, Line},
};
use crate::tally::{Interval, Quantiles};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #57606a; --paper: #ffffff; --card: #f6f8fa; --line: #d0d7de; --good: #1a7f37; --bad: #cf222e }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --dim: #9198a1; --paper: #0d1117; --card: #161b22; --line: #30363d; --good: #3fb950; --bad: #f85149 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 72rem; padding: 1rem; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
h1 { margin: .5rem 0; font-size: 1.6rem } h2 { margin: 2rem 0 .75rem; font-size: 1.15rem }
p { margin: .5rem 0 } .dim { color: var(--dim); font-size: .9rem; overflow-wrap: anywhere }
.facts, .plots { display: grid; gap: .75rem }
.facts { grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)) } .plots { grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)) }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem }
.half { max-width: 36rem }
.card b { display: block; font-size: 1.25rem; white-space: nowrap; font-variant-numeric: tabular-nums }
.wide { overflow-x: auto } svg { display: block; width: 100%; height: auto }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: .35rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left } th { color: var(--dim); font-weight: 600; font-size: .85rem }
a { color: inherit } .held { color: var(--good) } .broken { color: var(--bad); font-weight: 600 }
code { font-size: .85em }
";

/// The whole page.
pub(crate) fn page(report: &Report) -> String {
    let title = format!("Load: {}", report.scenario);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(plot::STYLE)) }
            }
            body {
                h1 { (title) }
                p { (report.load) "." }
                (facts(report))
                (checks(report))
                h2 { "Over time" }
                div class="plots" { @for chart in over_time(&report.summary.intervals) { div class="card" { (chart) } } }
                h2 { "Latency" }
                div class="wide" { (latencies(report)) }
                p {}
                div class="card half" { (distribution(report)) }
                h2 { "Outcomes" }
                div class="wide" { table {
                    tr { th { "outcome" } th { "orders" } }
                    @for (outcome, orders) in &report.summary.outcomes { tr { td { (outcome) } td { (orders) } } }
                } }
                (both_sides(report))
                p class="dim" {
                    (report.started) " · " (report.gateway) " · " (report.machine) " · the generator itself took "
                    (format!("{:.0}", report.client_cpu_micros)) " µs CPU an order"
                }
            }
        }
    };
    page.into_string()
}

fn facts(report: &Report) -> Markup {
    let summary = &report.summary;
    let mut facts = vec![
        ("orders a second", format!("{:.1}", summary.throughput)),
        ("p50", format!("{:.2} ms", summary.latency.p50)),
        ("p99", format!("{:.2} ms", summary.latency.p99)),
        ("p99.9", format!("{:.2} ms", summary.latency.p999)),
        ("errors", format!("{:.2} %", summary.error_share * 100.0)),
        ("held back", summary.held_back.to_string()),
        ("not sent in time", summary.dropped.to_string()),
    ];
    if let Some(limit) = &report.limit {
        facts.push(("kept up to", format!("{:.0}/s", limit.offered)));
        facts.push(("the most it did", format!("{:.0}/s", limit.most)));
    } else if report.scenario == "ramp" {
        facts.push(("limit", "not reached".to_owned()));
    }
    html! { div class="facts" { @for (name, value) in facts { div class="card" { (name) b { (value) } } } } }
}

fn checks(report: &Report) -> Markup {
    html! { @if !report.checks.is_empty() {
        h2 { "Thresholds" }
        div class="wide" { table {
            tr { th { "threshold" } th { "limit" } th { "seen" } th {} }
            @for check in &report.checks { tr {
                td { (check.name) } td { (check.limit) } td { (check.seen) }
                @if check.held { td class="held" { "held" } } @else { td class="broken" { "broken" } }
            } }
        } }
    } }
}

fn over_time(intervals: &[Interval]) -> [Markup; 2] {
    let line = |name, of: fn(&Interval) -> f64| Line {
        name,
        points: intervals.iter().map(|interval| (interval.second, of(interval))).collect(),
    };
    [
        plot::lines(&Chart {
            title: "Orders a second",
            x: "seconds",
            log_y: false,
            quantiles: false,
            lines: vec![line("due", |i| i.offered), line("done", |i| i.throughput)],
        }),
        plot::lines(&Chart {
            title: "Latency, ms",
            x: "seconds",
            log_y: true,
            quantiles: false,
            lines: vec![line("p50", |i| i.p50), line("p99", |i| i.p99), line("max", |i| i.max)],
        }),
    ]
}

fn distribution(report: &Report) -> Markup {
    // The x axis counts nines: 0 is the fastest order, 1 is p90, 2 is p99, 3 is p99.9.
    let nines = |(quantile, millis): &(f64, f64)| (-(1.0 - quantile).log10(), *millis);
    plot::lines(&Chart {
        title: "Latency by share of orders, ms",
        x: "",
        log_y: true,
        quantiles: true,
        lines: vec![Line {
            name: "from when it was due",
            points: report.summary.distribution.iter().map(nines).collect(),
        }],
    })
}

fn latencies(report: &Report) -> Markup {
    let summary = &report.summary;
    let first = [
        ("from when it was due", &summary.latency),
        ("from when it was sent", &summary.service),
        ("between the two", &summary.lateness),
    ];
    quantiles(first.into_iter().chain(summary.kinds.iter().map(|(name, of)| (*name, of))))
}

fn quantiles<'a>(rows: impl IntoIterator<Item = (&'a str, &'a Quantiles)>) -> Markup {
    html! { table {
        tr { th { "ms" } @for name in ["orders", "p50", "p90", "p99", "p99.9", "max"] { th { (name) } } }
        @for (name, of) in rows { tr {
            td { (name) } td { (of.count) }
            @for value in [of.p50, of.p90, of.p99, of.p999, of.max] { td { (format!("{value:.2}")) } }
        } }
    } }
}

fn both_sides(report: &Report) -> Markup {
    let Some(traces) = &report.traces else { return html! {} };
    html! {
        h2 { "From both sides" }
        p { (traces.traced) " orders were traced from here, " (traces.looked_up) " looked up, " (traces.found) " found." }
        div class="wide" { (quantiles([
            ("client", &traces.client),
            ("server's span", &traces.server),
            ("between the two", &traces.between),
        ])) }
        div class="wide" { table {
            tr { th { "the slowest" } th { "client, ms" } th { "server, ms" } }
            @for seen in &traces.slowest { tr {
                td { a href=(seen.link) { code { (seen.trace) } } }
                td { (format!("{:.2}", seen.client)) } td { (format!("{:.2}", seen.server)) }
            } }
        } }
        @if let Some(own) = &traces.own_times {
            p { (super::about(own)) }
            div class="wide" { table {
                tr { @for name in ["own time, ms", "usual", "slowest", "difference"] { th { (name) } } }
                @for own in &own.by_operation { tr {
                    td { (own.operation) }
                    @for time in [own.usual, own.slowest, own.slowest - own.usual] { td { (format!("{time:.2}")) } }
                } }
            } }
        }
    }
}
