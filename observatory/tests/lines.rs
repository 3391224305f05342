//! JSON lines over TCP, UDP and HTTP.

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UdpSocket};

use crate::support::Observatory;

fn line(number: usize) -> String {
    json!({"timestamp": "2026-11-22T10:11:12.131415Z", "severity": "INFO", "service": "svc",
        "message": format!("line {number}")})
    .to_string()
}

#[tokio::test]
async fn tcp_takes_lines_from_many_connections_however_they_are_cut() {
    let observatory = Observatory::start().await;
    let mut senders = Vec::new();
    for sender in 0..20 {
        let address = observatory.log_tcp;
        senders.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let text: String = (0..50).map(|number| line(sender * 100 + number) + "\n").collect();
            // The last line has no line end.
            let text = text.trim_end().as_bytes();
            let (begin, rest) = text.split_at(text.len() / 3);
            stream.write_all(begin).await.unwrap();
            stream.flush().await.unwrap();
            stream.write_all(rest).await.unwrap();
            stream.shutdown().await.unwrap();
        }));
    }
    for sender in senders {
        sender.await.unwrap();
    }
    observatory.metric_reaches("observatory_stored_total", &[("input", "tcp")], 1000).await;
    let page = observatory.json("/api/logs?limit=1000&service=svc").await;
    assert_eq!(page["logs"].as_array().unwrap().len(), 1000);
    observatory.stop().await;
}

#[tokio::test]
async fn tcp_counts_malformed_lines_and_goes_on() {
    let observatory = Observatory::start().await;
    let mut stream = TcpStream::connect(observatory.log_tcp).await.unwrap();
    let mut text = Vec::new();
    text.extend_from_slice(b"hello\n[1]\n{\"message\":7}\n\n\r\n");
    text.extend_from_slice(b"{\"message\":\"\xff\"}\n");
    text.extend_from_slice(&vec![b'x'; 70_000]);
    text.extend_from_slice(format!("\n{}\n", line(1)).as_bytes());
    stream.write_all(&text).await.unwrap();
    observatory.metric_reaches("observatory_stored_total", &[("input", "tcp")], 1).await;
    for reason in ["not_json", "not_an_object", "invalid_field", "bad_utf8", "too_long"] {
        let count =
            observatory.metric("observatory_malformed_total", &[("input", "tcp"), ("reason", reason)]).await;
        assert_eq!(count, 1, "{reason}");
    }
    assert_eq!(observatory.metric("observatory_received_total", &[("input", "tcp")]).await, 6);
    observatory.stop().await;
}

#[tokio::test]
async fn udp_takes_one_or_several_lines_a_datagram() {
    let observatory = Observatory::start().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for datagram in [line(1), format!("{}\n{}\n", line(2), line(3)), "broken".to_owned()] {
        socket.send_to(datagram.as_bytes(), observatory.log_udp).await.unwrap();
    }
    observatory.metric_reaches("observatory_stored_total", &[("input", "udp")], 3).await;
    observatory
        .metric_reaches("observatory_malformed_total", &[("input", "udp"), ("reason", "not_json")], 1)
        .await;
    observatory.stop().await;
}

#[tokio::test]
async fn http_takes_an_object_an_array_and_ndjson() {
    let observatory = Observatory::start().await;
    let ndjson = format!("{}\n\n{}\nbroken\n", line(4), line(5));
    for (content_type, body, expected) in [
        ("application/json", line(1), json!({"accepted": 1, "rejected": 0, "errors": []})),
        (
            "application/json; charset=utf-8",
            format!("[{}, {}, 7]", line(2), line(3)),
            json!({"accepted": 2, "rejected": 1, "errors": [{"index": 2, "reason": "not_an_object"}]}),
        ),
        (
            "application/x-ndjson",
            ndjson,
            json!({"accepted": 2, "rejected": 1, "errors": [{"index": 2, "reason": "not_json"}]}),
        ),
    ] {
        let answer = observatory.post("/api/logs", content_type, body).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.json::<Value>().await.unwrap(), expected);
    }
    observatory.metric_reaches("observatory_stored_total", &[("input", "http")], 5).await;
    observatory.stop().await;
}

#[tokio::test]
async fn http_says_what_is_wrong() {
    let observatory = Observatory::start().await;
    for (content_type, body, status, detail) in [
        (
            "text/plain",
            line(1),
            415,
            "send application/json (an object or an array of objects) or application/x-ndjson",
        ),
        ("application/json", "{".to_owned(), 400, "no line could be understood; the first is not_json"),
        ("application/json", "[{]".to_owned(), 400, "not JSON: key must be a string at line 1 column 3"),
        ("application/json", " ".to_owned(), 400, "the body is empty"),
        ("application/json", " ".repeat(9 * 1024 * 1024), 413, "the body is larger than 8388608 bytes"),
    ] {
        let answer = observatory.post("/api/logs", content_type, body).send().await.unwrap();
        assert_eq!(answer.status(), status, "{detail}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert_eq!(answer.json::<Value>().await.unwrap()["detail"], detail);
    }
    let counts = observatory.json("/api/intake").await["inputs"]["http"].clone();
    let malformed = counts["malformed"].as_object().unwrap();
    let all: u64 = malformed.values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(counts["received"], all);
    for reason in ["unsupported", "not_json", "no_content", "too_large"] {
        assert!(malformed.contains_key(reason), "{reason}: {counts}");
    }
    observatory.stop().await;
}

#[tokio::test]
async fn one_address_may_open_so_many_connections() {
    let observatory = Observatory::start().await;
    let mut open = Vec::new();
    for _ in 0..257 {
        open.push(TcpStream::connect(observatory.log_tcp).await.unwrap());
    }
    observatory.metric_reaches("observatory_connections_closed_total", &[("reason", "refused")], 1).await;
    open[0].write_all(&b"x".repeat(70_000)).await.unwrap();
    drop(open);
    // Cut off by the end, and counted all the same.
    observatory.metric_reaches("observatory_malformed_total", &[("reason", "too_long")], 1).await;
    observatory.stop().await;
}
