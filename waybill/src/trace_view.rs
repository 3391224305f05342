//! `waybill trace`: a trace as a tree with bars, from the observatory's Jaeger API.

mod tree;

use crate::{
    remote::{Id, Remote},
    style::{self, BAD, BOLD, DIM, paint},
};
use serde::Deserialize;
use std::{error::Error, fmt::Write as _};
use tree::{Node, Trace};

#[derive(Deserialize)]
struct Envelope {
    data: Vec<Trace>,
}

#[derive(Deserialize)]
struct OrderView {
    trace_ids: Vec<String>,
}

pub(crate) async fn run(id: String) -> Result<(), Box<dyn Error>> {
    let remote = Remote::from_env()?;
    let trace_ids = match Id::parse(&id)? {
        Id::Trace(id) => vec![id],
        Id::Order(id) => {
            let view: Option<OrderView> = remote.observe(&format!("/api/orders/{id}")).await?;
            view.map(|view| view.trace_ids).unwrap_or_default()
        }
    };
    let mut found = false;
    for trace_id in trace_ids {
        let Some(answer) = remote.observe::<Envelope>(&format!("/api/traces/{trace_id}")).await? else {
            continue;
        };
        for trace in answer.data {
            found = true;
            anstream::print!("{}", render(&trace, width()));
            anstream::println!("{}", paint(DIM, remote.trace_page(&trace_id)));
        }
    }
    if found { Ok(()) } else { Err(format!("the observatory has no trace of {id}").into()) }
}

/// The terminal's; in a pipe one that fits a page.
fn width() -> usize {
    terminal_size::terminal_size().map_or(110, |(width, _)| usize::from(width.0)).clamp(60, 200)
}

fn render(trace: &Trace, width: usize) -> String {
    let rows = trace.rows();
    let (start, end) = trace.bounds();
    let total = end.saturating_sub(start);
    let errors = rows.iter().filter(|(_, node)| node.error.is_some()).count();
    let mut text = format!(
        "{} {}  {}  {} spans  {} services{}\n",
        paint(BOLD, "trace"),
        trace.id(),
        duration(total),
        rows.len(),
        trace.services(),
        if errors > 0 { paint(BAD, format_args!("  {errors} errors")) } else { String::new() },
    );
    let names = rows
        .iter()
        .map(|(depth, node)| depth * 2 + node.name.chars().count())
        .max()
        .unwrap_or(0)
        .min(width / 2);
    let services = rows.iter().map(|(_, node)| node.service.len()).max().unwrap_or(0);
    let bars = width.saturating_sub(names + services + 14).max(10);
    for (depth, node) in &rows {
        let label = cut(&format!("{:indent$}{}", "", node.name, indent = depth * 2), names);
        let label = if node.error.is_some() { paint(BAD, label) } else { label };
        let service = paint(style::of_service(&node.service), format_args!("{:<services$}", node.service));
        let bar = paint(style::of_service(&node.service), bar(node, start, total, bars));
        let _ = writeln!(text, "{label} {service} {bar} {:>9}", duration(node.duration));
        if let Some(error) = &node.error {
            let note = paint(BAD, format_args!("! {error}"));
            let _ = writeln!(text, "{:indent$}{note}", "", indent = depth * 2 + 2);
        }
    }
    text
}

/// Padded to `width`, or cut to it with an ellipsis.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return format!("{text:<width$}");
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// Where the span lies in its trace: `width` characters, at least one of them full.
fn bar(node: &Node, start: u64, total: u64, width: usize) -> String {
    let scale = |time: u64| (time as f64 / total.max(1) as f64 * width as f64).round() as usize;
    let from = scale(node.start.saturating_sub(start)).min(width - 1);
    let length = scale(node.duration).clamp(1, width - from);
    format!("{}{}{}", " ".repeat(from), "━".repeat(length), " ".repeat(width - from - length))
}

/// Microseconds for people.
fn duration(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{:.1} ms", micros as f64 / 1e3),
        _ => format!("{:.2} s", micros as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = r#"{
        "traceID": "4bf92f3577b34da6a3ce929d0e0e4736",
        "spans": [
            {"spanID": "b", "operationName": "order.create", "references": [{"refType": "CHILD_OF", "spanID": "a"}],
             "startTime": 1000250, "duration": 500, "processID": "p2",
             "tags": [{"key": "error", "value": true}, {"key": "otel.status_description", "value": "out of stock"}]},
            {"spanID": "a", "operationName": "gateway.createOrder", "references": [],
             "startTime": 1000000, "duration": 1000, "processID": "p1", "tags": []},
            {"spanID": "c", "operationName": "lost", "references": [{"refType": "CHILD_OF", "spanID": "gone"}],
             "startTime": 1000900, "duration": 100, "processID": "p1", "tags": []}
        ],
        "processes": {"p1": {"serviceName": "api-gateway"}, "p2": {"serviceName": "order-service"}}
    }"#;

    #[test]
    fn a_trace_is_a_tree_with_bars() {
        let trace: Trace = serde_json::from_str(TRACE).unwrap();
        let plain = anstream::adapter::strip_str(&render(&trace, 67)).to_string();
        similar_asserts::assert_eq!(
            plain,
            "trace 4bf92f3577b34da6a3ce929d0e0e4736  1.0 ms  3 spans  2 services  1 errors\n\
             gateway.createOrder api-gateway   ━━━━━━━━━━━━━━━━━━━━━    1.0 ms\n\
             \x20 order.create      order-service      ━━━━━━━━━━━         500 µs\n\
             \x20   ! out of stock\n\
             lost                api-gateway                      ━━    100 µs\n"
        );
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(cut("gateway.createOrder", 8), "gateway…");
        assert_eq!(cut("a", 3), "a  ");
    }
}
