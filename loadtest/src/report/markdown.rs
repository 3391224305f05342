//! The report as Markdown: what a terminal and a pull request show.

use super::Report;
use crate::tally::Quantiles;
use std::fmt::Write;

/// The whole report.
pub(crate) fn markdown(report: &Report) -> String {
    let summary = &report.summary;
    let mut text = format!("# Load: {}\n\n{}.\n\n", report.scenario, report.load);
    if let Some(limit) = &report.limit {
        let _ = writeln!(
            text,
            "**The limit**: it kept up to {:.0} orders a second, and did {:.0} a second at the most.\n",
            limit.offered, limit.most
        );
    } else if report.scenario == "ramp" {
        text.push_str("**The limit** was not reached.\n\n");
    }
    if !report.checks.is_empty() {
        let rows = report.checks.iter().map(|check| {
            let held = if check.held { "held" } else { "**broken**" };
            vec![check.name.to_owned(), check.limit.clone(), check.seen.clone(), held.to_owned()]
        });
        text.push_str(&table(&["threshold", "limit", "seen", ""], rows));
        text.push('\n');
    }
    text.push_str(&latencies(report));
    let _ = writeln!(
        text,
        "\n{:.1} orders a second ended as expected. {} were due: {} answered, {} not answered in time, {} not sent in time. {} errors \
         ({:.2} %); {} were held back because others were in flight, {} at the most.\n",
        summary.throughput,
        summary.due,
        summary.answered,
        summary.unanswered,
        summary.dropped,
        summary.errors,
        summary.error_share * 100.0,
        summary.held_back,
        summary.most_in_flight
    );
    let rows = summary.outcomes.iter().map(|(outcome, orders)| vec![outcome.clone(), orders.to_string()]);
    text.push_str(&table(&["outcome", "orders"], rows));
    text.push_str(&both_sides(report));
    let _ = writeln!(
        text,
        "\n{} on {}; the generator itself took {:.0} µs CPU an order.",
        report.started, report.machine, report.client_cpu_micros
    );
    text
}

fn latencies(report: &Report) -> String {
    let summary = &report.summary;
    let first = [
        ("**from when it was due**", &summary.latency),
        ("from when it was sent", &summary.service),
        ("between the two", &summary.lateness),
    ];
    let first = first.into_iter().map(|(name, quantiles)| row(name, quantiles));
    let kinds = summary.kinds.iter().map(|(name, quantiles)| row(name, quantiles));
    table(&["ms", "orders", "mean", "p50", "p90", "p99", "p99.9", "max"], first.chain(kinds))
}

fn row(name: &str, of: &Quantiles) -> Vec<String> {
    let mut cells = vec![name.to_owned(), of.count.to_string()];
    cells.extend([of.mean, of.p50, of.p90, of.p99, of.p999, of.max].map(|value| format!("{value:.2}")));
    cells
}

fn both_sides(report: &Report) -> String {
    let Some(traces) = &report.traces else { return String::new() };
    let mut text = format!(
        "\n## From both sides\n\n{} orders were traced from here, {} looked up, {} found.\n\n",
        traces.traced, traces.looked_up, traces.found
    );
    let sides =
        [("client", &traces.client), ("server's span", &traces.server), ("between the two", &traces.between)];
    let header = ["ms", "orders", "mean", "p50", "p90", "p99", "p99.9", "max"];
    text.push_str(&table(&header, sides.map(|(name, quantiles)| row(name, quantiles))));
    text.push('\n');
    let slowest = traces.slowest.iter().map(|seen| {
        let link = format!("[{}]({})", seen.trace, seen.link);
        vec![link, format!("{:.2}", seen.client), format!("{:.2}", seen.server)]
    });
    text.push_str(&table(&["the slowest", "client, ms", "server, ms"], slowest));
    if let Some(own) = &traces.own_times {
        let _ = writeln!(text, "\n{}\n", super::about(own));
        let rows = own.by_operation.iter().map(|own| {
            let figures = [own.usual, own.slowest, own.slowest - own.usual].map(|time| format!("{time:.2}"));
            [own.operation.clone()].into_iter().chain(figures).collect()
        });
        text.push_str(&table(&["own time, ms", "usual", "slowest", "difference"], rows));
    }
    text
}

/// A table whose first column is text and whose others are figures.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|---|{}\n", header.join(" | "), "--:|".repeat(header.len() - 1));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}
