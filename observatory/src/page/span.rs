//! Everything that is known of one span.

use maud::{Markup, html};

use super::fields::{attributes, inline};
use super::format::{cut, duration, exact, offset};
use super::layout::fact;
use super::lines::span_url;
use crate::model::{Nanos, Span, StatusCode};

/// `trace_start` is what the offsets count from.
pub(super) fn panel(span: &Span, orphan: bool, trace_start: Nanos) -> Markup {
    html! {
        div.panel {
            @if orphan {
                p.note { "Its parent has not arrived: it may be sampled out, lost, or still running." }
            }
            (facts(span, trace_start))
            div.columns {
                section {
                    h3 { "Attributes" }
                    @if span.attributes.is_empty() { p.sub { "none" } } @else { (attributes(&span.attributes)) }
                }
                section {
                    @if !span.events.is_empty() { (events(span, trace_start)) }
                    @if !span.links.is_empty() { (links(span)) }
                    details.resource {
                        summary { h3 { "Resource" } span.sub { (span.service) } }
                        (attributes(&span.resource))
                    }
                }
            }
        }
    }
}

fn facts(span: &Span, trace_start: Nanos) -> Markup {
    let status = match span.status {
        StatusCode::Unset => "unset",
        StatusCode::Ok => "ok",
        StatusCode::Error => "error",
    };
    html! {
        dl.facts {
            (fact("Started", &html! { time title=(exact(span.start)) { (offset(trace_start, span.start)) } }))
            (fact("Duration", &html! { (duration(span.duration())) }))
            (fact("Status", &html! {
                span.bad[span.is_error()] {
                    (status)
                    @if !span.status_message.is_empty() { ": " (cut(&span.status_message, 500).0) }
                }
            }))
            (fact("Span id", &html! { code { (span.span_id) } }))
            @if let Some(parent) = span.parent_span_id { (fact("Parent", &html! { code { (parent) } })) }
            @if !span.scope.is_empty() { (fact("Scope", &html! { (span.scope) " " (span.scope_version) })) }
            @if !span.trace_state.is_empty() { (fact("tracestate", &html! { code { (span.trace_state) } })) }
        }
    }
}

fn events(span: &Span, trace_start: Nanos) -> Markup {
    html! {
        h3 { "Events" }
        ul.events {
            @for event in &span.events {
                li {
                    time title=(exact(event.time)) { (offset(trace_start, event.time)) }
                    b { (event.name) }
                    (inline(&event.attributes))
                }
            }
        }
    }
}

fn links(span: &Span) -> Markup {
    html! {
        h3 { "Links" }
        ul.events {
            @for link in &span.links {
                li {
                    a href=(span_url(link.trace_id, Some(link.span_id))) { code { (link.trace_id) } }
                    (inline(&link.attributes))
                }
            }
        }
    }
}
