//! What an OTLP request becomes in memory, found before it is decoded: two bytes on the wire can be a record of hundreds.

use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::Signal;

/// Bytes for each message within a request, on average; many are less, records more (they are weighed once decoded).
const MESSAGE: usize = 64;
/// What prost reads; deeper ones it refuses.
const DEEPEST: u32 = 100;

/// What a message is, as far as it holds others that repeat.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Request,
    OfResource,
    Resource,
    OfScope,
    Scope,
    Record,
    Event,
    Link,
    KeyValue,
    AnyValue,
    Array,
    List,
    Leaf,
}

impl Kind {
    /// The message in a field; `None` when it holds none.
    const fn within(self, signal: Signal, field: u32) -> Option<Self> {
        Some(match (self, signal, field) {
            (Self::Request, _, 1) => Self::OfResource,
            (Self::OfResource, _, 1) => Self::Resource,
            (Self::OfResource, _, 2) => Self::OfScope,
            (Self::OfScope, _, 1) => Self::Scope,
            (Self::OfScope, _, 2) => Self::Record,
            (Self::Record, Signal::Logs, 5) | (Self::KeyValue, _, 2) | (Self::Array, _, 1) => Self::AnyValue,
            (Self::Record, Signal::Traces, 11) => Self::Event,
            (Self::Record, Signal::Traces, 13) => Self::Link,
            (Self::Record, Signal::Logs, 6)
            | (Self::Record, Signal::Traces, 9)
            | (Self::Resource | Self::List, _, 1)
            | (Self::Scope | Self::Event, _, 3)
            | (Self::Link, _, 4) => Self::KeyValue,
            (Self::AnyValue, _, 5) => Self::Array,
            (Self::AnyValue, _, 6) => Self::List,
            // Entity references, and the texts they hold.
            (Self::Resource, _, 3) | (Self::Leaf, _, _) => Self::Leaf,
            _ => return None,
        })
    }
}

/// Of a request in protobuf.
pub(super) fn of_protobuf(signal: Signal, request: &[u8]) -> usize {
    MESSAGE * messages(signal, Kind::Request, request, 0).0
}

/// Of a request in JSON: every message is an object.
pub(super) fn of_json(request: &[u8]) -> usize {
    MESSAGE * request.split(|byte| *byte == b'{').count()
}

/// Messages within, and whether all could be read. What stands behind a mistake is not decoded either.
fn messages(signal: Signal, kind: Kind, mut bytes: &[u8], depth: u32) -> (usize, bool) {
    let mut count = 0;
    while !bytes.is_empty() {
        let Ok((field, wire_type)) = decode_key(&mut bytes) else { return (count, false) };
        let within = kind.within(signal, field).filter(|_| wire_type == WireType::LengthDelimited);
        let Some(within) = within else {
            if skip_field(wire_type, field, &mut bytes, DecodeContext::default()).is_err() {
                return (count, false);
            }
            continue;
        };
        let length = decode_varint(&mut bytes).ok().and_then(|length| usize::try_from(length).ok());
        let Some((inside, rest)) = length.and_then(|length| bytes.split_at_checked(length)) else {
            return (count, false);
        };
        bytes = rest;
        count += 1;
        if !matches!(within, Kind::Leaf) {
            let (inner, is_whole) =
                if depth < DEEPEST { messages(signal, within, inside, depth + 1) } else { (0, false) };
            count += inner;
            if !is_whole {
                return (count, false);
            }
        }
    }
    (count, true)
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use prost::Message as _;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_message_is_found_wherever_it_is() {
        let texts = json!([{"key": "a", "value": {"stringValue": "b"}},
            {"key": "c", "value": {"arrayValue": {"values": [{"intValue": "1"}, {"intValue": "2"}]}}}]);
        // Two attributes: 2 + 2 values + 1 array + 2 in it.
        let all = 7;
        let traces = json!({"resourceSpans": [{"resource": {"attributes": texts}, "scopeSpans": [{
            "scope": {"name": "s", "attributes": texts},
            "spans": [{"attributes": texts, "events": [{"attributes": texts}], "links": [{"attributes": texts}]}],
        }]}]});
        let request: ExportTraceServiceRequest = serde_json::from_value(traces).unwrap();
        let weight = of_protobuf(Signal::Traces, &request.encode_to_vec());
        assert_eq!(weight, MESSAGE * (5 * all + 7));
        let logs = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{
            "body": {"stringValue": "b"}, "attributes": texts}, {}]}]}]});
        let request: ExportLogsServiceRequest = serde_json::from_value(logs).unwrap();
        assert_eq!(of_protobuf(Signal::Logs, &request.encode_to_vec()), MESSAGE * (all + 5));
        // A million records of two bytes, within two messages of four bytes of length.
        let records = b"\x12\x00".repeat(1_000_000);
        let within = |tag: u8, bytes: &[u8]| {
            let mut whole = vec![tag];
            prost::encoding::encode_varint(bytes.len() as u64, &mut whole);
            whole.extend_from_slice(bytes);
            whole
        };
        let request = within(0x0a, &within(0x12, &records));
        assert_eq!(of_protobuf(Signal::Logs, &request), MESSAGE * 1_000_002);
        assert_eq!(of_protobuf(Signal::Logs, &request[..request.len() - 1]), 0);
    }
}
