//! Everything of one order: how it ended, its traces, its log lines over all services, the metrics it shows in.

use std::collections::BTreeSet;

use axum::extract::State;
use futures_util::future::try_join_all;
use maud::{Markup, html};

use super::error::PageError;
use super::format::{amount, clock, count, duration, exact, seconds};
use super::latency::moment as exemplar_moment;
use super::layout::{Palette, Section, fact, id, id_link, moment, outcome, shell, trace_url};
use super::lines::{Beside, list};
use super::metrics::series_name;
use super::params::{Id, is_order_id};
use super::waterfall::{Options, WHOLE, Waterfall};
use crate::AppState;
use crate::model::{LogRecord, OrderSummary, SeriesExemplar, Trace};

/// Traces shown on the page of an order; a busy one has two or three.
const TRACES: usize = 10;

pub(super) async fn show(State(state): State<AppState>, Id(order_id): Id) -> Result<Markup, PageError> {
    if !is_order_id(&order_id) {
        return Err(PageError::bad("An order id is up to 64 letters, digits and dashes."));
    }
    let (order, trace_ids, services) = tokio::try_join!(
        state.store.order(&order_id),
        state.store.order_traces(&order_id),
        state.store.services()
    )?;
    let lines = state.store.order_lines(&order_id, &trace_ids).await?;
    if trace_ids.is_empty() && lines.is_empty() {
        return Err(PageError::missing(
            format!("No order {order_id} here"),
            "No span and no log line names it. It may still be on its way, or be older than the store keeps.",
        ));
    }
    let shown = trace_ids.iter().take(TRACES);
    let traces = try_join_all(shown.map(|id| state.store.trace(*id))).await?;
    let traces: Vec<Trace> = traces.into_iter().flatten().collect();
    let exemplars = state.scraped.exemplars_of(&trace_ids);
    let palette = Palette::new(services);
    let content = html! {
        (header(&order_id, order.as_ref(), &traces, &lines))
        @for trace in &traces { (trace_card(trace, &lines, &palette)) }
        (lines_card(&lines, &palette))
        (exemplars_card(&exemplars))
    };
    Ok(shell(&format!("Order {order_id}"), Section::Overview, &content))
}

fn header(order_id: &str, order: Option<&OrderSummary>, traces: &[Trace], lines: &[LogRecord]) -> Markup {
    let spans = || traces.iter().flat_map(|trace| &trace.spans);
    let first = spans().map(|span| span.start).chain(lines.iter().map(|line| line.timestamp)).min();
    let services: BTreeSet<&str> = spans().map(|span| span.service.as_str()).collect();
    html! {
        header.page {
            p.eyebrow { "Order" }
            h1.mono { (id(order_id)) }
            dl.facts {
                @if let Some(order) = order {
                    (fact("Outcome", &outcome(order)))
                    (fact("Took", &html! { b { (duration(order.duration)) } }))
                    @if let (Some(minor), Some(currency)) = (order.amount_minor, &order.currency) {
                        (fact("Amount", &html! { (amount(minor, currency)) }))
                    }
                }
                @if let Some(first) = first { (fact("First seen", &moment(first))) }
                (fact("Spans", &html! { (spans().count()) " in " (count(services.len(), "service")) }))
                (fact("Log lines", &html! { a href={ "/logs?order_id=" (order_id) } { (lines.len()) } }))
                (fact("Raw", &html! { a href={ "/api/orders/" (order_id) } { "JSON" } }))
            }
        }
    }
}

fn trace_card(trace: &Trace, lines: &[LogRecord], palette: &Palette) -> Markup {
    let options = Options { with_lines: true, selected: None, page: 0 };
    let waterfall = Waterfall::new(trace, lines, palette, options);
    let name = waterfall.rows.first().map_or("trace", |row| row.span.name.as_str());
    html! {
        section.card aria-label={ "Trace " (trace.trace_id) } {
            header.head {
                h2 { "Trace " (name) span.sub { (duration(waterfall.length)) } }
                p.tools {
                    (id_link(&trace_url(trace.trace_id), &trace.trace_id.to_string()))
                    a href=(trace_url(trace.trace_id)) { "Open trace" }
                }
            }
            @if waterfall.rows.len() <= WHOLE {
                (waterfall.draw())
            } @else {
                p.sub.pad { (count(waterfall.rows.len(), "span")) ": shown on the trace’s own page." }
            }
        }
    }
}

fn lines_card(lines: &[LogRecord], palette: &Palette) -> Markup {
    let first = lines.first().map_or(0, |line| line.timestamp);
    let lines: Vec<&LogRecord> = lines.iter().collect();
    html! {
        section.card aria-labelledby="lines" {
            header.head { h2 #lines { "Log lines" } p.sub { "of all services, in order of time" } }
            @if lines.is_empty() { p.sub.pad { "No line names this order." } }
            (list(&lines, palette, &Beside::Offset(first)))
        }
    }
}

fn exemplars_card(exemplars: &[SeriesExemplar]) -> Markup {
    html! {
        section.card aria-labelledby="exemplars" {
            header.head { h2 #exemplars { "In the metrics" } p.sub { "series that hold this order as their exemplar" } }
            @if exemplars.is_empty() {
                p.sub.pad { "None now: a bucket remembers only its newest order." }
            } @else {
                (exemplar_table(exemplars, false))
            }
        }
    }
}

/// Exemplars with the series they stand on; `linked` to their traces where those are not known from the page.
pub(super) fn exemplar_table(exemplars: &[SeriesExemplar], linked: bool) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Exemplars" {
            table.wide {
                thead { tr {
                    th scope="col" { "Metric" } th scope="col" { "Service" } th scope="col" { "Labels" }
                    th.num scope="col" { "Value" } th scope="col" { "When" }
                    @if linked { th scope="col" { "Trace" } }
                } }
                tbody {
                    @for one in exemplars {
                        tr {
                            td { code { (one.metric) } }
                            td { (one.service) }
                            td { (series_name(&one.labels)) }
                            td.num { @if one.metric.ends_with("_seconds") { (seconds(one.exemplar.value)) } @else { (one.exemplar.value) } }
                            td { @if let Some(at) = one.exemplar.timestamp.and_then(exemplar_moment) { time title=(exact(at)) { (clock(at)) } } }
                            @if linked {
                                td { (id_link(&trace_url(one.exemplar.trace_id), &one.exemplar.trace_id.to_string())) }
                            }
                        }
                    }
                }
            }
        }
    }
}
