//! How fast it is, sender included. Checks nothing, so it runs only when asked:
//! `cargo test --release -p observatory -- --ignored --nocapture rate`.

use std::ops::Range;
use std::time::Instant;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{Observatory, START, export, span};

const ORDERS: u64 = 10_000;
/// Spans of an order, and lines of an order.
const STEPS: u64 = 10;
const ORDERS_A_SEND: u64 = 50;

fn order_id(order: u64) -> String {
    format!("0193a4f2-7c31-7d10-8a11-{order:012}")
}

fn attributes(order: u64) -> Value {
    json!([
        {"key": "order.id", "value": {"stringValue": order_id(order)}},
        {"key": "http.request.method", "value": {"stringValue": "POST"}},
        {"key": "http.route", "value": {"stringValue": "/api/orders"}},
        {"key": "http.response.status_code", "value": {"intValue": "201"}},
        {"key": "customer.ref", "value": {"stringValue": "5f0c3a1e9b7d2468"}},
        {"key": "server.address", "value": {"stringValue": "127.0.0.1"}},
    ])
}

fn spans(orders: Range<u64>) -> ExportTraceServiceRequest {
    let steps = orders.flat_map(|order| (0..STEPS).map(move |step| (order, step)));
    let spans = steps.map(|(order, step)| {
        let id = |step: u64| format!("{:016x}", order * 100 + step);
        let parent = if step == 0 { String::new() } else { id(step) };
        let from = order * 1000 + step;
        let mut span = span(&id(step + 1), &parent, &format!("step-{step}"), 2, (from, from + 100));
        span["traceId"] = format!("{:032x}", order + 1).into();
        span["attributes"] = attributes(order);
        span
    });
    serde_json::from_value(export("svc", &spans.collect::<Vec<_>>())).unwrap()
}

fn lines(orders: Range<u64>) -> String {
    let steps = orders.flat_map(|order| (0..STEPS).map(move |_| order));
    let line = |order: u64| {
        json!({"timestamp": "2026-11-22T10:11:12.131415Z", "severity": "INFO", "message": "stock reserved for an order",
            "service": "order-service", "trace_id": format!("{:032x}", order + 1), "span_id": "00f067aa0ba902b7",
            "trace_flags": "01", "order_id": order_id(order), "customer_ref": "5f0c3a1e9b7d2468", "duration_ms": 12.3,
            "version": "0.1.0", "target": "order::place"})
    };
    steps.map(|order| line(order).to_string() + "\n").collect()
}

fn sends() -> impl Iterator<Item = Range<u64>> {
    (0..ORDERS / ORDERS_A_SEND).map(|send| send * ORDERS_A_SEND..(send + 1) * ORDERS_A_SEND)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test: cargo test --release -p observatory -- --ignored --nocapture rate"]
async fn rate() {
    let requests: Vec<_> = sends().map(spans).collect();
    let text: String = sends().map(lines).collect();
    let observatory = Observatory::start().await;
    let mut client = TraceServiceClient::connect(format!("http://{}", observatory.otlp_grpc)).await.unwrap();

    let began = Instant::now();
    for request in requests {
        while client.export(request.clone()).await.is_err() {}
    }
    observatory.metric_reaches("observatory_stored_total", &[("signal", "traces")], ORDERS * STEPS).await;
    report("spans over gRPC", ORDERS * STEPS, began);

    let began = Instant::now();
    let mut stream = TcpStream::connect(observatory.log_tcp).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    observatory.metric_reaches("observatory_stored_total", &[("signal", "logs")], ORDERS * STEPS).await;
    report("lines over TCP", ORDERS * STEPS, began);

    let began = Instant::now();
    let traces = observatory.json(&format!("/api/traces?service=svc&limit=20&start={}", START / 1000)).await;
    assert_eq!(traces["data"].as_array().unwrap().len(), 20);
    report("searches by service", 1, began);
    let began = Instant::now();
    observatory.json("/api/logs?q=stock+reserved").await;
    report("searches by words", 1, began);
    let began = Instant::now();
    observatory
        .json(&format!("/api/dependencies?endTs={}&lookback=86400000", START / 1_000_000 + 60_000))
        .await;
    report("dependency graphs", 1, began);
    observatory.stop().await;
}

#[allow(clippy::print_stdout)]
fn report(what: &str, count: u64, began: Instant) {
    let seconds = began.elapsed().as_secs_f64();
    println!("{count} {what} in {seconds:.3} s: {:.0} a second", count as f64 / seconds);
}
