//! A store that is too slow: everything is stored or counted, and nothing waits without bound.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message as _;
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

#[tokio::test]
async fn many_tiny_records_are_too_many_whichever_way_they_come() {
    let observatory = Observatory::start().await;
    let ndjson = "{\"a\":1}\n".repeat(1_000_000);
    let array = format!("[{}7]", "{},".repeat(10_000));
    let log_records = vec![LogRecord::default(); 1_000_000];
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let export = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }],
    };
    let json = format!(
        "{{\"resourceLogs\":[{{\"scopeLogs\":[{{\"logRecords\":[{}{{}}]}}]}}]}}",
        "{},".repeat(10_000)
    );
    let text_json = "application/json";
    for request in [
        observatory.post("/api/logs", "application/x-ndjson", ndjson),
        observatory.post("/api/logs", text_json, array),
        observatory.otlp("/v1/logs", "application/x-protobuf", export.encode_to_vec()),
        observatory.otlp("/v1/logs", text_json, json),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 413, "{}", answer.text().await.unwrap());
    }
    let mut client = LogsServiceClient::connect(format!("http://{}", observatory.otlp_grpc)).await.unwrap();
    let status = client.export(export).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument, "{status}");
    for (input, count) in [("http", 2), ("otlp_http", 2), ("otlp_grpc", 1)] {
        let labels = [("input", input), ("reason", "too_large")];
        assert_eq!(observatory.metric("observatory_malformed_total", &labels).await, count, "{input}");
        assert_eq!(counts(&observatory, input).await, [count, 0, 0, 0]);
    }

    // What is allowed is taken or refused, and counted, however many send it at once.
    let body = "{\"a\":1}\n".repeat(10_000);
    let posts = (0..16).map(|_| observatory.post("/api/logs", "application/x-ndjson", body.clone()).send());
    let mut taken = 0;
    for answer in futures_util::future::join_all(posts).await {
        let status = answer.unwrap().status();
        assert!(status == 200 || status == 503, "{status}");
        taken += if status == 200 { 10_000 } else { 0 };
    }
    observatory.metric_reaches("observatory_stored_total", &[("input", "http")], taken).await;
    assert_eq!(counts(&observatory, "http").await, [160_002, taken, 160_000 - taken, 0]);
    observatory.stop().await;
}

#[tokio::test]
async fn bodies_that_arrive_share_a_room() {
    let observatory = Observatory::start().await;
    let begun = b"POST /api/logs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 8000000\r\n\r\n";
    let mut senders = Vec::new();
    // Nine begin requests that would hold 72 MB together.
    for _ in 0..9 {
        let mut sender = TcpStream::connect(observatory.http).await.unwrap();
        sender.write_all(begun).await.unwrap();
        // One that is refused is cut off.
        let _ = sender.write_all(&vec![b' '; 7_999_999]).await;
        senders.push(sender);
    }
    let refused = |report: &Value| report["inputs"]["http"]["refused"].as_u64().unwrap();
    observatory.eventually("/api/intake", |report| refused(report) > 0).await;
    drop(senders);
    // The others end early, and their room is free again.
    let incomplete =
        |report: &Value| report["inputs"]["http"]["malformed"]["incomplete"].as_u64().unwrap_or(0);
    observatory.eventually("/api/intake", |report| refused(report) + incomplete(report) == 9).await;
    observatory.send_lines(&[json!({"message": "there is room"})]).await;
    observatory.stop().await;
}

#[tokio::test]
async fn a_flood_of_datagrams_leaves_others_their_turn_and_ends_with_the_stop() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = config(directory.path());
    config.rate_limit = Some(10);
    let observatory = Observatory::start_with(config).await;
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let address = observatory.log_udp;
    let flood = std::thread::spawn(move || {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        while stopped.try_recv().is_err() {
            let _ = socket.send_to(b"{\"message\":\"flood\"}", address);
        }
    });
    let stored = [("input", "udp")];
    while observatory.metric("observatory_limited_total", &stored).await < 1000 {}
    let other = tokio::net::UdpSocket::bind("127.0.0.2:0").await.unwrap();
    let line = json!({"message": "somebody else", "service": "other"}).to_string();
    // Again and again: the kernel drops datagrams, too.
    while observatory.json("/api/logs?service=other").await["logs"].as_array().unwrap().is_empty() {
        other.send_to(line.as_bytes(), address).await.unwrap();
    }
    let began = std::time::Instant::now();
    observatory.stop().await;
    assert!(began.elapsed().as_secs() < 3, "{:?}", began.elapsed());
    stop.send(()).unwrap();
    flood.join().unwrap();
}

#[tokio::test]
async fn a_refused_request_counts_its_mistakes_once_it_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = config(directory.path());
    config.queue_bytes = 1024;
    let observatory = Observatory::start_with(config).await;
    observatory.metric_reaches("observatory_queue_capacity_bytes", &[], 1024).await;
    let blocked = block(directory.path());
    let body = format!("{{\"message\":\"{}\"}}\nbroken\n", "x".repeat(400));
    let post = || observatory.post("/api/logs", "application/x-ndjson", body.clone()).send();
    let mut taken = 0;
    let mut refused = 0;
    while refused < 3 {
        match post().await.unwrap().status().as_u16() {
            200 => taken += 1,
            status => {
                assert_eq!(status, 503);
                refused += 1;
            }
        }
    }
    let malformed = observatory.metric("observatory_malformed_total", &[("reason", "not_json")]).await;
    assert_eq!(malformed, taken);
    drop(blocked);
    observatory.metric_reaches("observatory_stored_total", &[("input", "http")], taken).await;
    assert_eq!(counts(&observatory, "http").await, [2 * taken + refused, taken, refused, 0]);
    observatory.stop().await;
}
