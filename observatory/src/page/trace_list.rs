//! A list of traces: what each was, who took part, how long it took.

use maud::{Markup, html};

use super::format::{ago, count, duration, percent};
use super::layout::{Palette, trace_url};
use crate::model::{Nanos, TraceSummary};

/// `longest` is the duration of a full bar.
pub(super) fn list(traces: &[TraceSummary], palette: &Palette, now: Nanos) -> Markup {
    let longest = traces.iter().map(|trace| trace.duration).max().unwrap_or(0).max(1);
    html! {
        ol.traces {
            @for trace in traces {
                li.failed[trace.error_count > 0] { (item(trace, palette, now, longest)) }
            }
        }
    }
}

fn item(trace: &TraceSummary, palette: &Palette, now: Nanos, longest: Nanos) -> Markup {
    html! {
        a.title href=(trace_url(trace.trace_id)) {
            span.name { (trace.root_name) }
            @if trace.error_count > 0 {
                span.flag { (count(trace.error_count as usize, "error")) }
            }
        }
        span.when { (ago(now, trace.start)) }
        span.took { (duration(trace.duration)) }
        svg.bar height="6" aria-hidden="true" {
            rect.track width="100%" height="6" rx="3" {}
            rect class={ "fill " (palette.class(&trace.root_service)) } height="6" rx="3"
                width=(percent((trace.duration as f64 / longest as f64).max(0.01))) {}
        }
        span.chips {
            @for (service, spans) in &trace.services { (palette.chip(service, Some(*spans))) }
        }
    }
}
