//! Inputs that are sent anything: each answers as it should, nothing is lost, and what is sound is still taken.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use prost::Message as _;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UdpSocket};

use crate::support::{Observatory, attributes, export, span};

const TRIES: usize = 150;

/// Bytes that are nearly `sound`, and some that are nothing.
fn near(sound: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let spoiled =
        (vec(any::<(Index, u8)>(), 0..4), any::<Option<Index>>()).prop_map(move |(changes, end)| {
            let mut bytes = sound.clone();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(end.map_or(bytes.len(), |end| end.index(bytes.len())));
            bytes
        });
    prop_oneof![4 => spoiled, 1 => vec(any::<u8>(), 0..100)]
}

fn tries(sound: &[u8]) -> Vec<Vec<u8>> {
    let mut runner = TestRunner::deterministic();
    let strategy = near(sound.to_vec());
    (0..TRIES).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

fn spans() -> serde_json::Value {
    let mut span = span("00f067aa0ba902b7", "", "op", 2, (0, 10));
    span["attributes"] = attributes(&[("order.id", "o-1"), ("a", "b")]);
    export("svc", &[span])
}

#[tokio::test]
async fn otlp_over_http() {
    let observatory = Observatory::start().await;
    let request: ExportTraceServiceRequest = serde_json::from_value(spans()).unwrap();
    let protobuf = request.encode_to_vec();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&protobuf).unwrap();
    let kinds = [
        ("application/x-protobuf", "identity", protobuf),
        ("application/json", "identity", spans().to_string().into_bytes()),
        ("application/x-protobuf", "gzip", gzip.finish().unwrap()),
    ];
    for (content_type, coding, sound) in kinds {
        for path in ["/v1/traces", "/v1/logs"] {
            for body in tries(&sound) {
                let request =
                    observatory.otlp(path, content_type, body.clone()).header("content-encoding", coding);
                let status = request.send().await.unwrap().status().as_u16();
                assert!(
                    [200, 400, 413].contains(&status),
                    "{status} for {path} {content_type} {coding} {body:?}"
                );
            }
        }
    }
    observatory.send_spans(&spans()).await;
    observatory.stop().await;
}

#[tokio::test]
async fn lines_over_http() {
    let observatory = Observatory::start().await;
    let line = json!({"message": "one", "severity": "INFO", "user_id": "c-1", "order_id": "o-1"});
    for sound in [line.to_string(), json!([line, line]).to_string(), format!("{line}\n{line}\n")] {
        for content_type in ["application/json", "application/x-ndjson"] {
            for body in tries(sound.as_bytes()) {
                let answer = observatory.post("/api/logs", content_type, body.clone()).send().await.unwrap();
                let status = answer.status().as_u16();
                assert!([200, 400, 413].contains(&status), "{status} for {content_type} {body:?}");
            }
        }
    }
    observatory.send_lines(&[line]).await;
    observatory.stop().await;
}

/// Over TCP and UDP nobody is answered: every line is counted, as stored or as malformed.
#[tokio::test]
async fn lines_over_sockets() {
    let observatory = Observatory::start().await;
    let line = json!({"message": "one", "session_id": "s", "timestamp": 1_795_342_272}).to_string();
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut tcp = TcpStream::connect(observatory.log_tcp).await.unwrap();
    let mut sent = 0;
    for body in tries(line.as_bytes()) {
        sent += body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count() as u64;
        udp.send_to(&body, observatory.log_udp).await.unwrap();
        tcp.write_all(&body).await.unwrap();
        tcp.write_all(b"\n").await.unwrap();
    }
    for input in ["tcp", "udp"] {
        observatory.metric_reaches("observatory_received_total", &[("input", input)], sent).await;
        let malformed = observatory.metric("observatory_malformed_total", &[("input", input)]).await;
        observatory.metric_reaches("observatory_stored_total", &[("input", input)], sent - malformed).await;
    }
    observatory.stop().await;
}
