//! What OTLP requests have in common, whichever way they came.

use opentelemetry_proto::tonic::logs::v1::ResourceLogs;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;

use super::{Batch, Content, Input, Intake, Refused, Signal, otlp_logs};
use crate::model::{SpanId, TraceId, now};

/// Why items are rejected for good (OTLP's partial success).
pub(super) const INVALID_IDS: &str = "spans need a trace_id of 16 bytes and a span_id of 8, not all zero";

/// How many bytes a byte of a request takes in memory, roughly: every attribute becomes three allocations.
const EXPANSION: usize = 4;

/// Takes the spans that have valid ids; `Ok` says how many had not. Refuses all when the queue is full.
///
/// `size` is that of the request in bytes.
pub(super) fn take_spans(
    intake: &Intake,
    input: Input,
    mut spans: Vec<ResourceSpans>,
    size: usize,
) -> Result<u64, Refused> {
    let (mut valid, mut invalid) = (0, 0);
    for scope_spans in spans.iter_mut().flat_map(|resource_spans| &mut resource_spans.scope_spans) {
        let all = scope_spans.spans.len() as u64;
        scope_spans.spans.retain(|span| {
            TraceId::from_bytes(&span.trace_id).is_some() && SpanId::from_bytes(&span.span_id).is_some()
        });
        valid += scope_spans.spans.len() as u64;
        invalid += all - scope_spans.spans.len() as u64;
    }
    intake.metrics.received(input, Signal::Traces, valid + invalid);
    if invalid > 0 {
        intake.metrics.malformed(input, Signal::Traces, "invalid_id", invalid);
    }
    if valid > 0 {
        intake.offer(Batch { input, count: valid, content: Content::Spans(spans) }, EXPANSION * size)?;
    }
    Ok(invalid)
}

/// Takes the log records; refuses all when the queue is full.
pub(super) fn take_logs(
    intake: &Intake,
    input: Input,
    logs: Vec<ResourceLogs>,
    size: usize,
) -> Result<(), Refused> {
    let rows = otlp_logs::rows(logs, now());
    let count = rows.len() as u64;
    intake.metrics.received(input, Signal::Logs, count);
    if rows.is_empty() {
        return Ok(());
    }
    intake.offer(Batch { input, count, content: Content::Lines(rows) }, EXPANSION * size)
}
