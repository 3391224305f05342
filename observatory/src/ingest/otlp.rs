//! What OTLP requests have in common, whichever way they came.

use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

use super::room::{Held, MAX_RECORDS};
use super::{Batch, Content, Input, Intake, Refused, Signal, otlp_logs};
use crate::model::{SpanId, TraceId, now};

/// Why items are rejected for good (OTLP's partial success).
pub(super) const INVALID_IDS: &str = "spans need a trace_id of 16 bytes and a span_id of 8, not all zero";
/// Why requests are.
pub(super) const TOO_LARGE: &str = "more than 10000 records, or more than a request may be in memory";

/// Takes the spans that have valid ids; `Ok` says how many had not. Refuses all when there is no room.
pub(super) fn take_spans(
    intake: &Intake,
    held: &Held,
    input: Input,
    mut spans: Vec<ResourceSpans>,
) -> Result<u64, Refused> {
    // The store keeps each trace with its resource: so many spans, so many copies.
    let weight = |spans: &ResourceSpans| {
        let resource = spans.resource.as_ref().map_or(0, Message::encoded_len);
        let of_scope = |scope: &ScopeSpans| {
            let scope_bytes = scope.scope.as_ref().map_or(0, Message::encoded_len);
            scope.spans.len().saturating_mul(size_of::<Span>() + resource + scope_bytes)
        };
        spans.scope_spans.iter().map(of_scope).fold(0, usize::saturating_add)
    };
    let count = spans.iter().flat_map(|spans| &spans.scope_spans).map(|scope| scope.spans.len()).sum();
    let weight = spans.iter().map(weight).fold(0, usize::saturating_add);
    admit(intake, held, (input, Signal::Traces), count, weight)?;

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
        let batch = Batch { input, count: valid, content: Content::Spans(spans) };
        intake.offer(batch, held.weight())?;
    }
    Ok(invalid)
}

/// Takes the log records; refuses all when there is no room.
pub(super) fn take_logs(
    intake: &Intake,
    held: &Held,
    input: Input,
    logs: Vec<ResourceLogs>,
) -> Result<(), Refused> {
    let of_input = (input, Signal::Logs);
    let count = logs.iter().flat_map(|logs| &logs.scope_logs).map(|scope| scope.log_records.len()).sum();
    admit(intake, held, of_input, count, count * size_of::<LogRecord>())?;
    let mut weight = 0;
    let rows = otlp_logs::rows(logs, now(), &intake.user_key, &mut |row| {
        weight += row.weight();
        held.take(row.weight())
    });
    let rows = rows.inspect_err(|refused| count_refused(intake, of_input, *refused, count as u64))?;
    intake.metrics.received(input, Signal::Logs, count as u64);
    if rows.is_empty() {
        return Ok(());
    }
    intake.offer(Batch { input, count: count as u64, content: Content::Lines(rows) }, weight)
}

/// Takes room for decoded records, if they are not too many.
fn admit(
    intake: &Intake,
    held: &Held,
    of_input: (Input, Signal),
    count: usize,
    weight: usize,
) -> Result<(), Refused> {
    let admitted = if count > MAX_RECORDS { Err(Refused::TooLarge) } else { held.take(weight) };
    admitted.inspect_err(|refused| count_refused(intake, of_input, *refused, count as u64))
}

/// Counts `count` records that nothing is taken of; a request that is too large is one malformed record.
pub(super) fn count_refused(intake: &Intake, (input, signal): (Input, Signal), refused: Refused, count: u64) {
    match refused {
        Refused::Full => {
            intake.metrics.received(input, signal, count);
            intake.metrics.refused(input, signal, count);
        }
        Refused::TooLarge => {
            intake.metrics.received(input, signal, 1);
            intake.metrics.malformed(input, signal, "too_large", 1);
        }
    }
}
