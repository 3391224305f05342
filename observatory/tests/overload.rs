//! A store that is too slow: everything is stored or counted, and nothing waits without bound.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tonic_types::StatusExt as _;

use crate::support::{Observatory, config, export, span};

/// Keeps the store from writing until dropped, as a disk would that is too slow.
fn block(directory: &std::path::Path) -> Connection {
    let file = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "db"))
        .unwrap();
    let connection = Connection::open(file).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

/// About 300 bytes, and none of them alike.
fn request(number: u64) -> Value {
    let mut span = span(&format!("{:016x}", number + 1), "", "op", 2, (0, 10));
    span["attributes"] = json!([{"key": "padding", "value": {"stringValue": "x".repeat(200)}}]);
    export("svc", &[span])
}

async fn counts(observatory: &Observatory, input: &str) -> [u64; 4] {
    let labels = [("input", input)];
    [
        observatory.metric("observatory_received_total", &labels).await,
        observatory.metric("observatory_stored_total", &labels).await,
        observatory.metric("observatory_refused_total", &labels).await,
        observatory.metric("observatory_failed_total", &labels).await,
    ]
}

#[tokio::test]
async fn a_full_queue_refuses_with_a_time_to_retry_and_counts_exactly() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = config(directory.path());
    config.queue_bytes = 32 * 1024;
    let observatory = Observatory::start_with(config).await;
    observatory.metric_reaches("observatory_queue_capacity_bytes", &[], 32 * 1024).await;
    let blocked = block(directory.path());

    let mut refused = 0;
    for number in 0..100 {
        let body = request(number).to_string();
        let answer = observatory.otlp("/v1/traces", "application/json", body).send().await.unwrap();
        if answer.status() == 503 {
            refused += 1;
            assert_eq!(answer.headers()["retry-after"], "1");
            assert_eq!(answer.json::<Value>().await.unwrap()["code"], 14);
        } else {
            assert_eq!(answer.status(), 200);
        }
    }
    assert!(refused > 40 && refused < 95, "{refused} refused");

    let mut client = TraceServiceClient::connect(format!("http://{}", observatory.otlp_grpc)).await.unwrap();
    let request: ExportTraceServiceRequest = serde_json::from_value(request(1000)).unwrap();
    let mut grpc_taken = 0;
    let status = loop {
        match client.export(request.clone()).await {
            Ok(_) => grpc_taken += 1,
            Err(status) => break status,
        }
    };
    assert_eq!(status.code(), tonic::Code::Unavailable);
    let retry = status.get_details_retry_info().unwrap().retry_delay.unwrap();
    assert_eq!(retry.as_secs(), 1);

    let answer = observatory.post(
        "/api/logs",
        "application/json",
        format!("{{\"message\":\"{}\"}}", "x".repeat(16_000)),
    );
    let answer = answer.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "1"));
    assert!(observatory.metric("observatory_queue_length_bytes", &[]).await <= 32 * 1024);

    drop(blocked);
    observatory.metric_reaches("observatory_stored_total", &[("input", "otlp_http")], 100 - refused).await;
    observatory.metric_reaches("observatory_stored_total", &[("input", "otlp_grpc")], grpc_taken).await;
    assert_eq!(counts(&observatory, "otlp_http").await, [100, 100 - refused, refused, 0]);
    assert_eq!(counts(&observatory, "otlp_grpc").await, [grpc_taken + 1, grpc_taken, 1, 0]);
    assert_eq!(counts(&observatory, "http").await, [1, 0, 1, 0]);
    observatory.stop().await;
}

#[tokio::test]
async fn lines_over_tcp_wait_a_moment_and_are_then_dropped_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = config(directory.path());
    config.queue_bytes = 32 * 1024;
    let observatory = Observatory::start_with(config).await;
    observatory.metric_reaches("observatory_queue_capacity_bytes", &[], 32 * 1024).await;
    let blocked = block(directory.path());

    let mut stream = TcpStream::connect(observatory.log_tcp).await.unwrap();
    let line = json!({"message": "x".repeat(980)}).to_string() + "\n";
    for _ in 0..150 {
        stream.write_all(line.as_bytes()).await.unwrap();
    }
    observatory.metric_reaches("observatory_received_total", &[("input", "tcp")], 150).await;
    let refused = loop {
        match observatory.metric("observatory_refused_total", &[("input", "tcp")]).await {
            0 => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
            refused => break refused,
        }
    };
    assert!(refused < 150);
    drop(blocked);
    drop(stream);
    loop {
        let [received, stored, refused, failed] = counts(&observatory, "tcp").await;
        assert_eq!((received, failed), (150, 0));
        if stored + refused == received {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    observatory.stop().await;
}

#[tokio::test]
async fn what_the_store_cannot_write_is_counted_as_failed() {
    let directory = tempfile::tempdir().unwrap();
    let observatory = Observatory::start_with(config(directory.path())).await;
    observatory.metric_reaches("observatory_queue_length_bytes", &[], 0).await;
    let broken = block(directory.path());
    broken.execute_batch("DROP TABLE hit; COMMIT").unwrap();
    observatory.send_spans(&request(1)).await;
    observatory.metric_reaches("observatory_failed_total", &[("input", "otlp_http")], 1).await;
    observatory.send_lines(&[json!({"message": "lines are still stored"})]).await;
    observatory.metric_reaches("observatory_stored_total", &[("input", "http")], 1).await;
    observatory.stop().await;
}
