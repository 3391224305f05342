//! One trace: what it was, what went wrong in it, its spans on a time axis and the log lines in place.

use axum::extract::State;
use maud::{Markup, html};
use serde::Deserialize;

use super::error::PageError;
use super::format::{count, cut, duration};
use super::layout::{Palette, Section, fact, id, id_link, moment, order_url, shell};
use super::lines::{Beside, list, span_url};
use super::params::{Field, Id, Params, is_order_id};
use super::waterfall::{Options, PAGE, WHOLE, Waterfall};
use super::{self_time, tree};
use crate::AppState;
use crate::model::{LogPage, LogQuery, Trace, TraceId};

/// Log lines read for one trace.
const LINES: usize = 1_000;
/// Failures named at the top.
const FAILURES: usize = 3;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Query {
    /// `off` hides the log lines.
    lines: Field,
    /// The span to open.
    span: Field,
    /// Counted from 1.
    page: Field,
}

impl Query {
    fn options(&self, trace: &Trace) -> Options {
        let selected = self.span.get().and_then(|id| id.parse().ok());
        let with_lines = self.lines.get() != Some("off");
        let page = self.page.get().and_then(|page| page.parse::<usize>().ok());
        // A link to a span of a large trace need not know its page.
        let page = page.map(|page| page.saturating_sub(1)).or_else(|| {
            let rows = if trace.spans.len() > PAGE { tree::rows(trace) } else { Vec::new() };
            rows.iter().position(|row| Some(row.span.span_id) == selected).map(|index| index / PAGE)
        });
        let last = trace.spans.len().saturating_sub(1) / PAGE;
        Options { with_lines, selected, page: page.unwrap_or(0).min(last) }
    }
}

pub(super) async fn show(
    State(state): State<AppState>,
    Id(text): Id,
    Params(query): Params<Query>,
) -> Result<Markup, PageError> {
    let trace_id: TraceId = text
        .to_ascii_lowercase()
        .parse()
        .map_err(|_| PageError::bad("A trace id is 32 hexadecimal digits, and not all of them zero."))?;
    let (trace, logs, services) =
        tokio::try_join!(state.store.trace(trace_id), lines_of(&state, trace_id), state.store.services())?;
    let palette = Palette::new(services);
    let Some(trace) = trace.filter(|trace| !trace.spans.is_empty()) else {
        return Err(PageError::missing(
            format!("No trace {trace_id} here"),
            "It may still be on its way, have been sampled out, or be older than the store keeps.",
        ));
    };
    let waterfall = Waterfall::new(&trace, &logs.logs, &palette, query.options(&trace));
    let name = waterfall.rows.first().map_or("trace", |row| row.span.name.as_str());
    let content = html! {
        (header(&waterfall, name, &palette))
        (failures(&waterfall))
        section.card aria-label="Spans" {
            (toolbar(&waterfall, &logs))
            (waterfall.draw())
        }
        @if !waterfall.other_lines.is_empty() {
            section.card aria-labelledby="other" {
                header.head { h2 #other { "Lines without a span here" } }
                (list(&waterfall.other_lines, &palette, &Beside::Offset(waterfall.start)))
            }
        }
    };
    Ok(shell(name, Section::Traces, &content))
}

/// The log lines of a trace, oldest first.
pub(super) async fn lines_of(
    state: &AppState,
    trace_id: TraceId,
) -> Result<LogPage, crate::store::StoreError> {
    state.store.logs(&LogQuery { trace_id: Some(trace_id), limit: LINES, ..LogQuery::default() }).await
}

fn header(waterfall: &Waterfall<'_>, name: &str, palette: &Palette) -> Markup {
    let trace = waterfall.trace;
    let errors = trace.spans.iter().filter(|span| span.is_error()).count();
    let roots = waterfall.rows.iter().filter(|row| row.level == 0).count();
    let order = trace.spans.iter().find_map(|span| span.attribute("order.id")).map(ToString::to_string);
    let service = waterfall.rows.first().map_or("", |row| row.span.service.as_str());
    html! {
        header.page.trace {
            p.eyebrow { "Trace" }
            h1 { (cut(name, 120).0) " " (palette.chip(service, None)) }
            dl.facts {
                (fact("Duration", &html! { b { (duration(waterfall.length)) } }))
                (fact("Started", &moment(waterfall.start)))
                (fact("Spans", &html! { (trace.spans.len()) @if roots > 1 { " from " (count(roots, "root")) } }))
                (fact("Errors", &html! { span.bad[errors > 0] { (errors) } }))
                @if let Some(order) = order.filter(|order| is_order_id(order)) {
                    (fact("Order", &id_link(&order_url(&order), &order)))
                }
                (fact("Trace id", &id(&trace.trace_id.to_string())))
            }
            (self_time::draw(trace, palette))
        }
    }
}

/// Where failures began: failed spans none of whose children failed.
fn failures(waterfall: &Waterfall<'_>) -> Markup {
    let origins: Vec<_> =
        waterfall.rows.iter().filter(|row| row.span.is_error() && !row.failed_below).collect();
    html! {
        @for row in origins.iter().take(FAILURES) {
            @let span = row.span;
            @let error_type = span.attribute("error.type").map(ToString::to_string).unwrap_or_default();
            p.alert {
                span.sign aria-hidden="true" { "!" }
                span {
                    a href=(span_url(span.trace_id, Some(span.span_id))) { b { (cut(&span.name, 120).0) } } " in " (span.service) " failed"
                    @if !error_type.is_empty() { " with " code { (cut(&error_type, 120).0) } }
                    @if !span.status_message.is_empty() { ": " (cut(&span.status_message, 300).0) }
                }
            }
        }
        @if origins.len() > FAILURES { p.sub { "and " (count(origins.len() - FAILURES, "more failed span")) } }
    }
}

fn toolbar(waterfall: &Waterfall<'_>, logs: &LogPage) -> Markup {
    let id = waterfall.trace.trace_id;
    html! {
        header.head {
            h2 { "Spans and log lines" }
            p.tools {
                @if logs.next_cursor.is_some() { span.sub { "first " (LINES) " lines" } }
                @if !logs.logs.is_empty() {
                    @if waterfall.options.with_lines {
                        a href={ "/trace/" (id) "?lines=off" } { "Hide lines" }
                    } @else {
                        a href={ "/trace/" (id) } { "Show lines" }
                    }
                    a href={ "/logs?trace_id=" (id) } { (logs.logs.len()) " in the log" }
                }
                a href={ "/api/traces/" (id) } { "JSON" }
            }
        }
        @if waterfall.rows.len() > WHOLE {
            p.sub.pad { (waterfall.rows.len()) " spans: choose one to see its details." }
        }
    }
}
