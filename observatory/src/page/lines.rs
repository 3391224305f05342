//! Log lines as a list.

use maud::{Markup, html};

use super::fields;
use super::format::{clock, cut, day, exact, offset};
use super::layout::{Palette, order_url, trace_url};
use super::params::is_order_id;
use crate::model::{LogRecord, Nanos};

/// A longer message is whole only among the line's fields.
const MESSAGE_SHOWN: usize = 600;

/// What a list of lines shows beside each message.
pub(super) enum Beside {
    /// Links to the line's trace and order.
    Links,
    /// How long after a moment it was written.
    Offset(Nanos),
}

pub(super) fn list(lines: &[&LogRecord], palette: &Palette, beside: &Beside) -> Markup {
    html! {
        ol.lines {
            @for of_day in lines.chunk_by(|one, next| day(one.timestamp) == day(next.timestamp)) {
                // The lines of one order or trace are close together, those of a search may be days apart.
                @if let (Beside::Links, Some(first)) = (beside, of_day.first()) {
                    li.day { (day(first.timestamp)) }
                }
                @for line in of_day { (item(line, palette, beside)) }
            }
        }
    }
}

fn item(line: &LogRecord, palette: &Palette, beside: &Beside) -> Markup {
    html! {
        li.(class(&line.severity)) {
            details {
                summary {
                    time title=(exact(line.timestamp)) { (clock(line.timestamp)) }
                    (severity(&line.severity))
                    (palette.chip(&line.service, None))
                    span.message { (message(line)) }
                }
                (all_fields(line))
            }
            @match beside {
                Beside::Links => span.beside { (links(line)) },
                Beside::Offset(start) => span.beside { (offset(*start, line.timestamp)) },
            }
        }
    }
}

fn links(line: &LogRecord) -> Markup {
    html! {
        @if let Some(trace) = line.trace_id {
            a href=(span_url(trace, line.span_id)) { "trace" }
        }
        @if let Some(order) = line.order_id.as_deref().filter(|order| is_order_id(order)) {
            a href=(order_url(order)) { "order" }
        }
    }
}

/// A span's place on the page of its trace; large traces open only the span that is asked for.
pub(super) fn span_url(trace: impl std::fmt::Display, span: Option<impl std::fmt::Display>) -> String {
    let trace = trace_url(trace);
    span.map_or_else(|| trace.clone(), |span| format!("{trace}?span={span}#s-{span}"))
}

/// The style sheet's class for a severity.
pub(super) fn class(severity: &str) -> &'static str {
    match severity {
        "ERROR" | "FATAL" | "CRITICAL" => "error",
        "WARN" | "WARNING" => "warning",
        "DEBUG" | "TRACE" => "debug",
        _ => "info",
    }
}

pub(super) fn severity(severity: &str) -> Markup {
    html! { span.severity { (cut(severity, 8).0) } }
}

pub(super) fn message(line: &LogRecord) -> Markup {
    let (shown, more) = cut(&line.message, MESSAGE_SHOWN);
    html! { (shown) @if more { "…" } }
}

pub(super) fn all_fields(line: &LogRecord) -> Markup {
    html! { div.panel { (fields::json(line.fields.iter())) } }
}
