//! OTLP over HTTP.

use std::io::Write as _;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message as _;
use serde_json::{Value, json};
use tonic_types::pb;

use crate::support::{Observatory, START, TRACE, attributes, export, span};

const PROTOBUF: &str = "application/x-protobuf";
const ID: &str = "00f067aa0ba902b7";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn protobuf_json_and_gzip_all_arrive_and_are_answered_alike() {
    let observatory = Observatory::start().await;
    let json = export("svc", &[span(ID, "", "op", 2, (0, 10))]);
    let request: ExportTraceServiceRequest = serde_json::from_value(json.clone()).unwrap();
    let protobuf = request.encode_to_vec();
    let sends = [
        (PROTOBUF, None, protobuf.clone(), &b""[..]),
        (PROTOBUF, Some("gzip"), gzip(&protobuf), b""),
        ("application/json; charset=utf-8", None, json.to_string().into_bytes(), b"{}"),
        ("application/json", Some("gzip"), gzip(json.to_string().as_bytes()), b"{}"),
    ];
    for (content_type, encoding, body, expected) in sends {
        let mut request = observatory.otlp("/v1/traces", content_type, body);
        if let Some(encoding) = encoding {
            request = request.header("content-encoding", encoding);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(content_type.starts_with(answer.headers()["content-type"].to_str().unwrap()));
        assert_eq!(answer.bytes().await.unwrap(), expected);
    }
    observatory
        .metric_reaches("observatory_stored_total", &[("input", "otlp_http"), ("signal", "traces")], 4)
        .await;
    let trace = observatory.json(&format!("/api/traces/{TRACE}")).await;
    assert_eq!(trace["data"][0]["spans"].as_array().unwrap().len(), 1);
    observatory.stop().await;
}

/// The best of ten: how busy the machine is with other things is not the question.
#[tokio::test]
async fn a_trace_can_be_asked_for_within_200_ms() {
    let observatory = Observatory::start().await;
    let mut best = Duration::MAX;
    for trace in 1..=10 {
        let mut span = span(ID, "", "op", 2, (0, 10));
        span["traceId"] = format!("{trace:032x}").into();
        let sent = Instant::now();
        observatory.send_spans(&export("svc", &[span])).await;
        observatory.eventually(&format!("/api/traces/{trace:x}"), |answer| answer["errors"].is_null()).await;
        best = best.min(sent.elapsed());
    }
    assert!(best.as_millis() < 200, "{best:?}");
    observatory.stop().await;
}

#[tokio::test]
async fn spans_without_valid_ids_are_a_partial_success() {
    let observatory = Observatory::start().await;
    let mut no_trace = span(ID, "", "op", 2, (0, 10));
    no_trace["traceId"] = "00000000000000000000000000000000".into();
    let short_id = span("00f0", "", "op", 2, (0, 10));
    let body = export("svc", &[no_trace, short_id, span(ID, "", "op", 2, (0, 10))]);
    let message = "spans need a trace_id of 16 bytes and a span_id of 8, not all zero";

    let json = observatory.otlp("/v1/traces", "application/json", body.to_string()).send().await.unwrap();
    assert_eq!(json.status(), 200);
    let expected = json!({"partialSuccess": {"rejectedSpans": "2", "errorMessage": message}});
    assert_eq!(json.json::<Value>().await.unwrap(), expected);

    let request: ExportTraceServiceRequest = serde_json::from_value(body).unwrap();
    let answer = observatory.otlp("/v1/traces", PROTOBUF, request.encode_to_vec()).send().await.unwrap();
    let partial =
        ExportTraceServiceResponse::decode(answer.bytes().await.unwrap()).unwrap().partial_success.unwrap();
    assert_eq!((partial.rejected_spans, partial.error_message.as_str()), (2, message));

    observatory.metric_reaches("observatory_stored_total", &[], 2).await;
    assert_eq!(observatory.metric("observatory_malformed_total", &[("reason", "invalid_id")]).await, 4);
    assert_eq!(observatory.metric("observatory_received_total", &[]).await, 6);
    observatory.stop().await;
}

/// Content type, content encoding, body, the status it is answered with and the reason it is counted under.
type Unreadable = (&'static str, Option<&'static str>, Vec<u8>, u16, &'static str);

#[tokio::test]
async fn what_cannot_be_read_is_answered_with_a_status_and_counted() {
    let observatory = Observatory::start().await;
    let bomb = gzip(&vec![b' '; 9 * 1024 * 1024]);
    let sends: [Unreadable; 8] = [
        ("text/plain", None, b"x".to_vec(), 415, "unsupported"),
        (PROTOBUF, Some("br"), b"x".to_vec(), 415, "unsupported"),
        (PROTOBUF, None, b"\xff\xff".to_vec(), 400, "undecodable"),
        (PROTOBUF, Some("gzip"), b"no gzip".to_vec(), 400, "undecodable"),
        ("application/json", None, b"{".to_vec(), 400, "undecodable"),
        ("application/json", None, b"[]".to_vec(), 400, "undecodable"),
        ("application/json", Some("gzip"), bomb, 413, "too_large"),
        ("application/json", None, vec![b' '; 9 * 1024 * 1024], 413, "too_large"),
    ];
    for (content_type, encoding, body, status, _) in &sends {
        let mut request = observatory.otlp("/v1/traces", content_type, body.clone());
        if let Some(encoding) = encoding {
            request = request.header("content-encoding", *encoding);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), *status);
        let body = answer.bytes().await.unwrap();
        if *content_type == PROTOBUF {
            assert_eq!(pb::Status::decode(body).unwrap().code, 3);
        } else {
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["code"], 3);
            assert!(!body["message"].as_str().unwrap().is_empty());
        }
    }
    for reason in ["unsupported", "undecodable", "too_large"] {
        let expected = sends.iter().filter(|send| send.4 == reason).count() as u64;
        assert_eq!(observatory.metric("observatory_malformed_total", &[("reason", reason)]).await, expected);
    }
    observatory.stop().await;
}

#[tokio::test]
async fn metrics_are_not_taken_and_other_methods_neither() {
    let observatory = Observatory::start().await;
    let answer = observatory.otlp("/v1/metrics", "application/json", "{}").send().await.unwrap();
    assert_eq!(answer.status(), 404);
    assert!(answer.json::<Value>().await.unwrap()["message"].as_str().unwrap().contains("scraped"));
    let answer =
        observatory.client.get(format!("http://{}/v1/traces", observatory.otlp_http)).send().await.unwrap();
    assert_eq!(answer.status(), 405);
    assert_eq!(answer.headers()["allow"], "POST");
    observatory.stop().await;
}

#[tokio::test]
async fn log_records_become_lines() {
    let observatory = Observatory::start().await;
    let body = json!({"resourceLogs": [{
        "resource": {"attributes": attributes(&[("service.name", "order-service")])},
        "scopeLogs": [{"scope": {"name": "order::place"}, "logRecords": [{
            "timeUnixNano": START.to_string(),
            "severityNumber": 17,
            "body": {"stringValue": "payment failed"},
            "traceId": TRACE,
            "spanId": ID,
            "flags": 1,
            "attributes": attributes(&[("order.id", "o-1")]),
        }]}],
    }]});
    let answer = observatory.otlp("/v1/logs", "application/json", body.to_string()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let page = observatory
        .eventually("/api/logs?order_id=o-1", |answer| {
            answer["logs"].as_array().is_some_and(|logs| !logs.is_empty())
        })
        .await;
    assert_eq!(
        page["logs"][0],
        json!({
            "timestamp": "2026-11-22T10:11:12.000000Z", "severity": "ERROR", "message": "payment failed",
            "service": "order-service", "trace_id": TRACE, "span_id": ID, "trace_flags": "01", "order_id": "o-1",
            "target": "order::place",
        })
    );
    observatory.stop().await;
}
