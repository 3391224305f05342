//! The model's results for people.

use super::{
    inputs::Inputs,
    model::{Flows, Model, Part, Shares},
};
use crate::instructions::grouped;
use std::fmt::Write;

/// The rates and shares of docs/SCALE.md.
const RATES: [f64; 3] = [1000.0, 10_000.0, 1_000_000.0];
const SHARES: [f64; 4] = [1.0, 0.1, 0.01, 0.001];
const USUAL: Shares = Shares { traces: 0.1, lines: 1.0 };

type Row = Vec<String>;

/// One rate, for a terminal.
pub(super) fn one(model: &Model) -> String {
    let Shares { traces, lines } = model.shares;
    let mut text = format!(
        "{} orders a second, {} of ordinary traces and {} of log lines kept\n\n",
        amount(model.orders_per_second),
        percent(traces),
        percent(lines)
    );
    let parts = model.parts.iter().map(|part| {
        let one = format!("{} {}", amount(part.one_takes), part.unit);
        let cores = if part.cores > 0.0 { amount(part.cores) } else { String::new() };
        vec![part.name.to_owned(), part.bound_by.to_owned(), one, amount(part.needed), cores]
    });
    text.push_str(&table(2, &["part", "bound by", "one takes", "needed", "cores"], parts));
    let flows = flow_rows(&model.flows).map(|(name, value)| vec![name.to_owned(), value]);
    let _ = write!(text, "\n{}", table(1, &["what moves and stays", ""], flows));
    let costs = model.costs.iter().map(|cost| {
        let figures = [cost.cores, cost.disk, cost.traffic, cost.sum()].map(amount);
        [format!("{:?}", cost.group)].into_iter().chain(figures).collect()
    });
    let _ = write!(text, "\n{}", table(1, &["USD a month", "cores", "disk", "traffic", "sum"], costs));
    let _ = write!(text, "\n{} USD a month in all", amount(model.cost()));
    text
}

/// What stands in docs/SCALE.md between the markers.
pub(super) fn page(inputs: &Inputs) -> String {
    let models = RATES.map(|rate| Model::of(inputs, rate, USUAL));
    let mut text = format!(
        "Measured {} on {}. With {} of ordinary traces kept, and all log lines, unless a table says otherwise. \
         With all services and PostgreSQL on it, one core would do {} orders a second, two {}.\n\n",
        inputs.date,
        inputs.machine,
        percent(USUAL.traces),
        amount(1e6 / all_cpu(inputs)),
        amount(2e6 / all_cpu(inputs))
    );
    let at = |what: &str| RATES.map(|rate| format!("{what} {}/s", amount(rate)));
    section(&mut text, "What is needed", &["part", "bound by", "one takes"], &at("at"), parts(&models));
    section(&mut text, "Cores", &["part"], &at("at"), cores(&models));
    section(&mut text, "Bytes", &["what"], &at("at"), flows(&models));
    section(
        &mut text,
        "What is kept, by share",
        &["orders a second", "share kept"],
        &KEPT.map(str::to_owned),
        kept(inputs),
    );
    section(&mut text, "A month, USD", &["what"], &at("at"), costs(&models));
    text.push_str("### What it starts from\n\n");
    for (part, figures) in inputs.parts() {
        let rows = figures.into_iter().map(|(name, figure)| {
            vec![format!("`{name}`"), amount(figure.value), figure.unit.clone(), figure.source.clone()]
        });
        let _ = writeln!(text, "{}", table(4, &[part, "value", "unit", "source"], rows));
    }
    text
}

/// A table whose first columns are text, as many as `texts`, and whose others are figures.
fn table(texts: usize, header: &[&str], rows: impl IntoIterator<Item = Row>) -> String {
    let marks = (0..header.len()).map(|column| if column < texts { "---|" } else { "--:|" });
    let mut text = format!("| {} |\n|{}\n", header.join(" | "), marks.collect::<String>());
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

/// Microseconds of an order in the four services and in PostgreSQL.
fn all_cpu(inputs: &Inputs) -> f64 {
    let measured = &inputs.measured;
    [
        &measured.gateway_cpu,
        &measured.order_cpu,
        &measured.payment_cpu,
        &measured.inventory_cpu,
        &measured.database_cpu,
    ]
    .iter()
    .map(|figure| figure.value)
    .sum()
}

const KEPT: [&str; 4] = ["traces a day", "traces on disk", "log lines a day", "log lines on disk"];

fn section(text: &mut String, title: &str, texts: &[&str], more: &[String], rows: Vec<Row>) {
    let header: Vec<&str> = texts.iter().copied().chain(more.iter().map(String::as_str)).collect();
    let _ = writeln!(text, "### {title}\n\n{}", table(texts.len(), &header, rows));
}

/// A row for each part of the first model, with a cell of each model.
fn parts(models: &[Model]) -> Vec<Row> {
    let Some(first) = models.first() else { return Vec::new() };
    let row = |(index, part): (usize, &Part)| {
        let one = format!("{} {}", amount(part.one_takes), part.unit);
        let needed = models.iter().filter_map(|model| model.parts.get(index)).map(|part| amount(part.needed));
        [part.name.to_owned(), part.bound_by.to_owned(), one].into_iter().chain(needed).collect()
    };
    first.parts.iter().enumerate().map(row).collect()
}

fn cores(models: &[Model]) -> Vec<Row> {
    let Some(first) = models.first() else { return Vec::new() };
    let paid = first.parts.iter().enumerate().filter(|(_, part)| part.cores > 0.0);
    let row = |(index, part): (usize, &Part)| {
        let cores = models.iter().filter_map(|model| model.parts.get(index)).map(|part| amount(part.cores));
        [part.name.to_owned()].into_iter().chain(cores).collect()
    };
    let sums = models.iter().map(|model| amount(model.parts.iter().map(|part| part.cores).sum()));
    paid.map(row).chain([["all".to_owned()].into_iter().chain(sums).collect()]).collect()
}

fn flow_rows(flows: &Flows) -> impl Iterator<Item = (&'static str, String)> {
    [
        ("spans to the Collectors, a second", bytes(flows.otlp_bytes_per_second)),
        ("spans in the samplers' memory", bytes(flows.sampler_memory_bytes)),
        ("traces a day, all copies", bytes(flows.trace_bytes_per_day)),
        ("traces on disk", bytes(flows.trace_bytes_stored)),
        ("log lines, a second", bytes(flows.line_bytes_per_second)),
        ("log lines a day, all copies", bytes(flows.log_bytes_per_day)),
        ("log lines on disk", bytes(flows.log_bytes_stored)),
        ("databases' log (WAL), a second", bytes(flows.wal_bytes_per_second)),
        ("rows added, a second", amount(flows.rows_per_second)),
        ("orders, charges, reservations a day, all copies", bytes(flows.order_bytes_per_day)),
        ("orders, charges, reservations on disk", bytes(flows.order_bytes_stored)),
        ("events, a second", bytes(flows.event_bytes_per_second)),
        ("events on disk, all copies", bytes(flows.event_bytes_stored)),
        ("scrapes, a second", bytes(flows.scrape_bytes_per_second)),
        ("metrics on disk", bytes(flows.metric_bytes_stored)),
    ]
    .into_iter()
}

fn flows(models: &[Model]) -> Vec<Row> {
    let columns: Vec<Vec<(&str, String)>> =
        models.iter().map(|model| flow_rows(&model.flows).collect()).collect();
    let Some(first) = columns.first() else { return Vec::new() };
    let row = |(index, (name, _)): (usize, &(&str, String))| {
        let cells = columns.iter().filter_map(|column| column.get(index)).map(|(_, cell)| cell.clone());
        [(*name).to_owned()].into_iter().chain(cells).collect()
    };
    first.iter().enumerate().map(row).collect()
}

/// Traces and lines when as large a share is kept of both.
fn kept(inputs: &Inputs) -> Vec<Row> {
    let all = RATES.iter().flat_map(|rate| SHARES.iter().map(move |share| (*rate, *share)));
    all.map(|(rate, share)| {
        let flows = Model::of(inputs, rate, Shares { traces: share, lines: share }).flows;
        let cells = [
            flows.trace_bytes_per_day,
            flows.trace_bytes_stored,
            flows.log_bytes_per_day,
            flows.log_bytes_stored,
        ];
        [amount(rate), percent(share)].into_iter().chain(cells.map(bytes)).collect()
    })
    .collect()
}

fn costs(models: &[Model]) -> Vec<Row> {
    let Some(first) = models.first() else { return Vec::new() };
    let groups = first.costs.iter().enumerate().map(|(index, cost)| {
        let cells = models.iter().filter_map(|model| model.costs.get(index)).map(|cost| amount(cost.sum()));
        [format!("{:?}", cost.group).to_lowercase()].into_iter().chain(cells).collect()
    });
    let line = |name: &str, of: fn(&Model) -> f64| -> Row {
        [name.to_owned()].into_iter().chain(models.iter().map(|model| amount(of(model)))).collect()
    };
    let all = line("all", Model::cost);
    // USD of a month, by the orders of a month, in millions.
    let each = line("a million orders", |model| model.cost() / (model.orders_per_second * 2.592));
    groups.chain([all, each]).collect()
}

/// Three digits that count: 0.0123, 4.57, 318, 12,300.
fn amount(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = 2 - value.abs().log10().floor() as i32;
    let scale = 10_f64.powi(digits);
    let rounded = (value * scale).round() / scale;
    if rounded >= 1000.0 {
        return grouped(rounded as u64);
    }
    let text = format!("{rounded:.*}", digits.max(0) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// In the unit that leaves one to three digits before the point; thousands, not 1024.
fn bytes(value: f64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut value, mut unit) = (value, 0);
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{} {}", amount(value), units.get(unit).copied().unwrap_or_default())
}

fn percent(share: f64) -> String {
    format!("{} %", amount(share * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_count() {
        for (value, expected) in [
            (0.0, "0"),
            (0.012_34, "0.0123"),
            (4.567, "4.57"),
            (2.0, "2"),
            (999.6, "1,000"),
            (318.4, "318"),
            (12_345.0, "12,300"),
            (1_999_999.0, "2,000,000"),
        ] {
            assert_eq!(amount(value), expected);
        }
        let sizes = [(12.0, "12 B"), (1234.0, "1.23 kB"), (999_900.0, "1 MB"), (5.6e15, "5.6 PB")];
        for (value, expected) in sizes {
            assert_eq!(bytes(value), expected);
        }
        assert_eq!(percent(0.001), "0.1 %");
    }
}
