//! `traceparent` of W3C Trace Context, level 1 (<https://www.w3.org/TR/trace-context/#traceparent-header>).

use super::{Ids, clean};
use crate::hex::{parse_hex, push_hex};
use opentelemetry::trace::{SpanId, TraceId};

/// Of version 00. Those to come may be longer.
pub(super) const LENGTH: usize = 55;
const SAMPLED: u8 = 1;

/// `None` for anything malformed: by the specification it counts as no header at all.
pub(super) fn read(header: &[u8]) -> Option<Ids> {
    let header = header.trim_ascii();
    let [version] = parse_hex(header.get(..2)?)?;
    let trace_id = TraceId::from_bytes(parse_hex(header.get(3..35)?)?);
    let span_id = SpanId::from_bytes(parse_hex(header.get(36..52)?)?);
    let [flags] = parse_hex(header.get(53..LENGTH)?)?;
    let has_dashes = [2, 35, 52].iter().all(|at| header.get(*at) == Some(&b'-'));
    let ends = match version {
        0 => header.len() == LENGTH,
        0xff => false,
        _ => matches!(header.get(LENGTH), None | Some(b'-')),
    };
    let is_valid = has_dashes && ends && trace_id != TraceId::INVALID && span_id != SpanId::INVALID;
    (is_valid && clean::are_ids(trace_id, span_id)).then_some(Ids {
        trace_id,
        span_id,
        sampled: flags & SAMPLED != 0,
    })
}

/// Appends 55 characters.
pub(super) fn write(ids: &Ids, text: &mut String) {
    text.push_str("00-");
    push_hex(text, &ids.trace_id.to_bytes());
    text.push('-');
    push_hex(text, &ids.span_id.to_bytes());
    text.push_str(if ids.sampled { "-01" } else { "-00" });
}
