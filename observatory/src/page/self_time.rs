//! Which service a trace spent its time in: each span's time without that of its children.

use std::collections::HashMap;

use maud::{Markup, html};

use super::format::{duration, percent};
use super::layout::Palette;
use crate::model::{Nanos, Span, SpanId, Trace};

/// Services with their own time, the longest first.
pub(super) fn by_service(trace: &Trace) -> Vec<(&str, Nanos)> {
    let mut children: HashMap<SpanId, Vec<&Span>> = HashMap::new();
    for span in &trace.spans {
        if let Some(parent) = span.parent_span_id {
            children.entry(parent).or_default().push(span);
        }
    }
    let mut times: HashMap<&str, Nanos> = HashMap::new();
    for span in &trace.spans {
        let below = children.get(&span.span_id).map_or(&[][..], Vec::as_slice);
        *times.entry(&span.service).or_default() += own_time(span, below);
    }
    let mut times: Vec<_> = times.into_iter().collect();
    times.sort_unstable_by_key(|(service, time)| (std::cmp::Reverse(*time), *service));
    times
}

/// A span's time minus what its children, which come in order of their start, cover of it.
fn own_time(span: &Span, children: &[&Span]) -> Nanos {
    let mut covered = 0;
    let mut until = span.start;
    for child in children {
        let from = child.start.max(until);
        let to = child.end.min(span.end);
        covered += to.saturating_sub(from);
        until = until.max(to);
    }
    span.duration().saturating_sub(covered)
}

/// The same as one bar, with a legend that says what the colours and lengths do.
pub(super) fn draw(trace: &Trace, palette: &Palette) -> Markup {
    let times = by_service(trace);
    let total = times.iter().map(|(_, time)| time).sum::<Nanos>().max(1) as f64;
    let share = |time: Nanos| time as f64 / total;
    let before = times.iter().scan(0, |sum, (_, time)| {
        *sum += time;
        Some(*sum - time)
    });
    html! {
        figure.shares {
            svg.bar height="8" role="img" aria-label="Own time by service" {
                @for ((service, time), before) in times.iter().zip(before) {
                    rect class={ "fill " (palette.class(service)) } height="8"
                        x=(percent(share(before))) width=(percent(share(*time))) {}
                }
            }
            figcaption {
                span title="each span’s time without that of its children" { "Own time" }
                @for (service, time) in &times {
                    span.share {
                        (palette.chip(service, None))
                        (duration(*time)) " · " (format!("{:.0} %", share(*time) * 100.0))
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TraceId;

    fn span(id: u8, parent: Option<u8>, service: &str, start: Nanos, end: Nanos) -> Span {
        Span {
            span_id: SpanId([id; 8]),
            parent_span_id: parent.map(|id| SpanId([id; 8])),
            service: service.to_owned(),
            start,
            end,
            ..Span::default()
        }
    }

    #[test]
    fn children_are_taken_off_once() {
        let spans = vec![
            span(1, None, "a", 0, 100),
            span(2, Some(1), "b", 10, 40),
            span(3, Some(1), "b", 30, 60),
            // Goes on after its parent, as a consumer does.
            span(4, Some(1), "c", 90, 150),
        ];
        let trace = Trace { trace_id: TraceId([1; 16]), spans };
        assert_eq!(by_service(&trace), [("b", 60), ("c", 60), ("a", 40)]);
    }
}
