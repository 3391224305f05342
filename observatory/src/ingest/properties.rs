//! Whatever arrives, nothing panics; what is taken is what was sent, and what is refused has a reason that is counted.

use std::sync::LazyLock;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use prost::Message as _;
use serde_json::{Map, Value as Json};

use super::record::parse;
use super::{Signal, otlp_logs, otlp_weight};
use crate::decode;
use crate::user_key::UserKey;

/// What `malformed` counts by: an eighth would be a label that nobody expects.
const REASONS: [&str; 8] = [
    "not_json",
    "not_an_object",
    "no_content",
    "no_session",
    "invalid_field",
    "bad_utf8",
    "too_long",
    "bad_timestamp",
];

static USER_KEY: LazyLock<UserKey> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    UserKey::of(directory.path()).unwrap()
});

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "\\PC{0,20}|[\\x00-\\x7f]{0,20}|[0-9a-f]{16}|[0-9a-f]{32}|[0-9]{13,19}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Json::from),
            vec(("\\PC{0,8}", inner), 0..4).prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

/// An object that looks like a line or an event, and may be one.
fn record() -> impl Strategy<Value = Map<String, Json>> {
    let known = select(vec![
        "timestamp",
        "severity",
        "service",
        "message",
        "trace_id",
        "span_id",
        "order_id",
        "session_id",
        "user_id",
        "terminal_id",
        "key",
        "value",
        "component",
        "duration_ms",
    ]);
    vec((prop_oneof![4 => known.prop_map(str::to_owned), 1 => "\\PC{0,8}"], json()), 0..8)
        .prop_map(|members| members.into_iter().collect())
}

fn value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        Just(None),
        "\\PC{0,12}".prop_map(|text| Some(any_value::Value::StringValue(text))),
        any::<bool>().prop_map(|truth| Some(any_value::Value::BoolValue(truth))),
        any::<i64>().prop_map(|number| Some(any_value::Value::IntValue(number))),
        any::<f64>().prop_map(|number| Some(any_value::Value::DoubleValue(number))),
        vec(any::<u8>(), 0..6).prop_map(|bytes| Some(any_value::Value::BytesValue(bytes))),
    ]
    .prop_map(|value| AnyValue { value });
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(|values| AnyValue {
                value: Some(any_value::Value::ArrayValue(ArrayValue { values }))
            }),
            vec(("[a-z._]{0,8}", inner), 0..3).prop_map(|pairs| {
                let list = KeyValueList { values: pairs.into_iter().map(pair).collect() };
                AnyValue { value: Some(any_value::Value::KvlistValue(list)) }
            }),
        ]
    })
}

fn pair((key, value): (String, AnyValue)) -> KeyValue {
    KeyValue { key, value: Some(value), ..KeyValue::default() }
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    vec(("user_id|order\\.id|session_id|\\PC{0,8}", value()), 0..4)
        .prop_map(|pairs| pairs.into_iter().map(pair).collect())
}

fn id(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![3 => vec(any::<u8>(), length), 1 => vec(any::<u8>(), 0..20), 1 => Just(vec![0; length])]
}

fn traces() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let span = (id(16), id(8), "\\PC{0,12}", any::<(u64, u64, i32)>(), attributes(), attributes(), id(8));
    vec(span, 0..5).prop_map(|spans| {
        let of = |(trace_id, span_id, name, (start, end, kind), attributes, of_event, linked)| Span {
            trace_id,
            span_id,
            name,
            kind,
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            attributes,
            events: vec![Event { attributes: of_event, ..Event::default() }],
            links: vec![Link { span_id: linked, ..Link::default() }],
            ..Span::default()
        };
        let spans = spans.into_iter().map(of).collect();
        let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
        let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
        ExportTraceServiceRequest { resource_spans }
    })
}

fn logs() -> impl Strategy<Value = ExportLogsServiceRequest> {
    let record =
        (any::<(u64, u64, i32, u32)>(), "\\PC{0,8}", proptest::option::of(value()), attributes(), id(16));
    vec(record, 0..5).prop_map(|records| {
        let of = |((time, observed, severity, flags), severity_text, body, attributes, trace_id)| LogRecord {
            time_unix_nano: time,
            observed_time_unix_nano: observed,
            severity_number: severity,
            flags,
            severity_text,
            body,
            attributes,
            trace_id,
            ..LogRecord::default()
        };
        let log_records = records.into_iter().map(of).collect();
        let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
        let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
        ExportLogsServiceRequest { resource_logs }
    })
}

/// The bytes with a few of them changed, and perhaps without their end.
fn spoiled(bytes: &[u8], changes: &[(Index, u8)], end: Option<Index>) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, byte) in changes.iter().filter(|_| !bytes.is_empty()).collect::<Vec<_>>() {
        let at = at.index(bytes.len());
        bytes[at] = *byte;
    }
    if let (Some(end), false) = (end, bytes.is_empty()) {
        bytes.truncate(end.index(bytes.len()));
    }
    bytes
}

fn changes() -> impl Strategy<Value = (Vec<(Index, u8)>, Option<Index>)> {
    (vec(any::<(Index, u8)>(), 0..4), any::<Option<Index>>())
}

/// Messages within a value, itself included.
fn messages(value: &AnyValue) -> usize {
    let within = match &value.value {
        Some(any_value::Value::ArrayValue(array)) => 1 + array.values.iter().map(messages).sum::<usize>(),
        Some(any_value::Value::KvlistValue(list)) => 1 + of_attributes(&list.values),
        _ => 0,
    };
    1 + within
}

fn of_attributes(attributes: &[KeyValue]) -> usize {
    attributes.iter().map(|attribute| 1 + attribute.value.as_ref().map_or(0, messages)).sum()
}

proptest! {
    #[test]
    fn a_record_is_kept_as_it_was_sent_or_refused(record in record()) {
        let text = Json::Object(record.clone()).to_string();
        match parse(text.as_bytes(), 7, &USER_KEY) {
            Err(reason) => prop_assert!(REASONS.contains(&reason), "{}", reason),
            Ok(row) => {
                let mut kept: Map<String, Json> = serde_json::from_str(&row.line).unwrap();
                if let Some(reference) = row.user_ref {
                    prop_assert_eq!(kept.remove("user_ref"), Some(Json::String(reference)));
                    let user = record["user_id"].clone();
                    kept.insert("user_id".to_owned(), user);
                }
                prop_assert_eq!(kept, serde_json::from_str(&text).unwrap());
                prop_assert!(!row.line.contains('\n'), "a line is one line");
            }
        }
    }

    #[test]
    fn any_bytes_are_a_record_or_have_a_reason(
        record in record(), (changes, end) in changes(), noise in vec(any::<u8>(), 0..200),
    ) {
        let line = spoiled(Json::Object(record).to_string().as_bytes(), &changes, end);
        for bytes in [&line, &noise] {
            if let Err(reason) = parse(bytes, 7, &USER_KEY) {
                prop_assert!(REASONS.contains(&reason), "{}", reason);
            }
        }
    }

    #[test]
    fn spans_are_what_was_sent_and_were_weighed_before(request in traces(), (changes, end) in changes()) {
        let bytes = request.encode_to_vec();
        let spans = request.resource_spans.iter().flat_map(|of| &of.scope_spans).flat_map(|of| &of.spans);
        let of_span = |span: &Span| 3 + of_attributes(&span.attributes) + of_attributes(&span.events[0].attributes);
        let least: usize = spans.clone().map(of_span).sum();
        prop_assert!(otlp_weight::of_protobuf(Signal::Traces, &bytes) >= 64 * least);
        let valid = |span: &&Span| {
            let is = |id: &[u8], length| id.len() == length && id.iter().any(|byte| *byte != 0);
            is(&span.trace_id, 16) && is(&span.span_id, 8)
        };
        let sent: Vec<&str> = spans.filter(valid).map(|span| span.name.as_str()).collect();
        let read = decode::chunk(&bytes).unwrap();
        prop_assert_eq!(read.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(), sent);
        let spoiled = spoiled(&bytes, &changes, end);
        let weight = otlp_weight::of_protobuf(Signal::Traces, &spoiled);
        if let Ok(read) = decode::chunk(&spoiled) {
            prop_assert!(weight >= 64 * read.len(), "{} spans weigh {}", read.len(), weight);
        }
    }

    #[test]
    fn otlp_in_json_is_the_same_request(request in traces()) {
        let json = serde_json::to_vec(&request).unwrap();
        let read: ExportTraceServiceRequest = serde_json::from_slice(&json).unwrap();
        prop_assert_eq!(decode::chunk(&read.encode_to_vec()).unwrap().len(), decode::chunk(&request.encode_to_vec()).unwrap().len());
    }

    #[test]
    fn every_log_record_becomes_one_line_that_is_taken_as_a_line(request in logs(), (changes, end) in changes()) {
        let count = request.resource_logs[0].scope_logs[0].log_records.len();
        let bytes = request.encode_to_vec();
        let rows = otlp_logs::rows(request.resource_logs, 7, &USER_KEY, &mut |_| Ok(())).unwrap();
        prop_assert_eq!(rows.len(), count);
        for row in rows {
            let again = parse(row.line.as_bytes(), 7, &USER_KEY).unwrap();
            prop_assert_eq!((again.message, again.trace_id), (row.message, row.trace_id));
        }
        if let Ok(request) = ExportLogsServiceRequest::decode(&*spoiled(&bytes, &changes, end)) {
            let _ = otlp_logs::rows(request.resource_logs, 7, &USER_KEY, &mut |_| Ok(())).unwrap();
        }
    }
}
