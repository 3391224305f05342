//! What is done about those who send too much or nonsense, and what is said about it.

use std::time::Instant;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UdpSocket};

use crate::support::{Observatory, config};

async fn limited_to(records_a_second: u32) -> (Observatory, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let mut config = config(directory.path());
    config.rate_limit = Some(records_a_second);
    (Observatory::start_with(config).await, directory)
}

fn line() -> String {
    json!({"message": "one of many"}).to_string() + "\n"
}

#[tokio::test]
async fn http_above_the_limit_is_told_when_to_come_back() {
    let (observatory, _directory) = limited_to(10).await;
    let body = line().repeat(100);
    let post = || observatory.post("/api/logs", "application/x-ndjson", body.clone()).send();
    assert_eq!(post().await.unwrap().status(), 200);
    let answer = post().await.unwrap();
    assert_eq!(answer.status(), 429);
    let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=8).contains(&wait), "{wait}");
    observatory.metric_reaches("observatory_stored_total", &[("input", "http")], 100).await;
    assert_eq!(observatory.metric("observatory_limited_total", &[("input", "http")]).await, 100);
    assert_eq!(observatory.metric("observatory_received_total", &[("input", "http")]).await, 200);
    observatory.stop().await;
}

#[tokio::test]
async fn datagrams_above_the_limit_are_dropped_and_counted() {
    let (observatory, _directory) = limited_to(50).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for _ in 0..20 {
        socket.send_to(line().repeat(10).as_bytes(), observatory.log_udp).await.unwrap();
    }
    observatory.metric_reaches("observatory_received_total", &[("input", "udp")], 200).await;
    let limited = observatory.metric("observatory_limited_total", &[("input", "udp")]).await;
    assert!(limited > 0 && limited <= 100, "{limited}");
    observatory.metric_reaches("observatory_stored_total", &[("input", "udp")], 200 - limited).await;
    let report = observatory.json("/api/intake").await;
    assert_eq!(report["limit"], json!({"records_a_second": 50.0, "bytes_a_second": 51200.0}));
    let sender = &report["limited_senders"][0];
    assert_eq!((&sender["sender"], &sender["dropped"]), (&json!("127.0.0.1"), &json!(limited)));
    assert!(sender["since"].as_str().unwrap() <= sender["last"].as_str().unwrap());
    observatory.stop().await;
}

#[tokio::test]
async fn tcp_above_the_limit_is_slowed_down_and_loses_nothing() {
    let (observatory, _directory) = limited_to(200).await;
    let began = Instant::now();
    let mut stream = TcpStream::connect(observatory.log_tcp).await.unwrap();
    stream.write_all(line().repeat(600).as_bytes()).await.unwrap();
    stream.write_all(line().as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    observatory.metric_reaches("observatory_stored_total", &[("input", "tcp")], 601).await;
    assert_eq!(observatory.metric("observatory_limited_total", &[("input", "tcp")]).await, 0);
    // All may have come in one read; what came in two was paused in between.
    let paused = observatory.metric("observatory_paused_total", &[("input", "tcp")]).await;
    assert!(paused >= 1, "{paused} in {:?}", began.elapsed());
    assert_eq!(observatory.json("/api/intake").await["limited_senders"][0]["paused"], paused);
    observatory.stop().await;
}

#[tokio::test]
async fn malformed_records_are_counted_by_reason_and_shown_without_what_they_say() {
    let observatory = Observatory::start().await;
    let mut stream = TcpStream::connect(observatory.log_tcp).await.unwrap();
    stream.write_all(b"hello 4242\n{}\n{\"key\":\"k\",\"value\":1}\n").await.unwrap();
    stream
        .write_all(b"{\"key\":\"k\",\"session_id\":\"s\",\"timestamp\":\"noon\",\"value\":\"secret\"}\n")
        .await
        .unwrap();
    observatory.metric_reaches("observatory_received_total", &[("input", "tcp")], 4).await;
    let report = observatory.json("/api/intake").await;
    let expected = json!({"not_json": 1, "no_content": 1, "no_session": 1, "bad_timestamp": 1});
    assert_eq!(report["inputs"]["tcp"]["malformed"], expected);
    assert_eq!(report["inputs"]["tcp"]["received"], 4);
    let samples: Vec<_> =
        report["malformed"].as_array().unwrap().iter().map(|one| (&one["reason"], &one["text"])).collect();
    assert_eq!(samples[3], (&json!("not_json"), &json!("… ####")));
    assert_eq!(samples[0].0, "bad_timestamp");
    assert!(!report.to_string().contains("secret"));
    let page = observatory.get("/logs").await.text().await.unwrap();
    assert!(page.contains("… ####") && page.contains("bad_timestamp") && page.contains("Intake"));
    observatory.stop().await;
}

#[tokio::test]
async fn the_report_accounts_for_everything() {
    let observatory = Observatory::start().await;
    let body = format!("{}broken\n", line().repeat(3));
    observatory.post("/api/logs", "application/x-ndjson", body).send().await.unwrap();
    let report =
        observatory.eventually("/api/intake", |report| report["inputs"]["http"]["stored"] == 3).await;
    assert_eq!(
        report["inputs"]["http"],
        json!({"received": 4, "stored": 3, "refused": 0, "limited": 0, "failed": 0, "paused": 0,
            "malformed": {"not_json": 1}})
    );
    assert_eq!(report["queue"], json!({"length_bytes": 0, "capacity_bytes": 16 * 1024 * 1024}));
    assert_eq!(report["session_joins"], json!({"joined": 0, "joined_late": 0, "not_joined": 0}));
    assert_eq!(report["limited_senders"], Value::Array(Vec::new()));
    observatory.stop().await;
}
