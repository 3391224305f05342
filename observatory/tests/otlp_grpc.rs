//! OTLP over gRPC.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use serde_json::json;
use tonic::codec::CompressionEncoding;

use crate::support::{Observatory, START, TRACE, attributes, export, span};

const ID: &str = "00f067aa0ba902b7";

#[tokio::test]
async fn spans_arrive_plain_and_packed_and_bad_ids_are_a_partial_success() {
    let observatory = Observatory::start().await;
    let url = format!("http://{}", observatory.otlp_grpc);
    let mut plain = TraceServiceClient::connect(url.clone()).await.unwrap();
    let mut packed =
        TraceServiceClient::connect(url).await.unwrap().send_compressed(CompressionEncoding::Gzip);
    let good = export("svc", &[span(ID, "", "op", 2, (0, 10))]);
    let request: ExportTraceServiceRequest = serde_json::from_value(good).unwrap();
    for client in [&mut plain, &mut packed] {
        let answer = client.export(request.clone()).await.unwrap().into_inner();
        assert_eq!(answer.partial_success, None);
    }
    let bad: ExportTraceServiceRequest =
        serde_json::from_value(export("svc", &[span("00", "", "op", 2, (0, 10))])).unwrap();
    let answer = plain.export(bad).await.unwrap().into_inner();
    assert_eq!(answer.partial_success.unwrap().rejected_spans, 1);

    observatory.metric_reaches("observatory_stored_total", &[("input", "otlp_grpc")], 2).await;
    let trace = observatory.json(&format!("/api/traces/{TRACE}")).await;
    assert_eq!(trace["data"][0]["spans"].as_array().unwrap().len(), 1);
    observatory.stop().await;
}

#[tokio::test]
async fn log_records_arrive() {
    let observatory = Observatory::start().await;
    let mut client = LogsServiceClient::connect(format!("http://{}", observatory.otlp_grpc)).await.unwrap();
    let request: ExportLogsServiceRequest = serde_json::from_value(json!({"resourceLogs": [{
        "resource": {"attributes": attributes(&[("service.name", "svc")])},
        "scopeLogs": [{"logRecords": [{
            "observedTimeUnixNano": START.to_string(), "severityText": "warn", "body": {"stringValue": "slow"},
        }]}],
    }]}))
    .unwrap();
    client.export(request).await.unwrap();
    let page = observatory
        .eventually("/api/logs?service=svc", |answer| {
            answer["logs"].as_array().is_some_and(|logs| !logs.is_empty())
        })
        .await;
    assert_eq!(
        page["logs"][0],
        json!({"timestamp": "2026-11-22T10:11:12.000000Z", "severity": "WARN", "message": "slow", "service": "svc"})
    );
    observatory.stop().await;
}
