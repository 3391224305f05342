//! Lines to receivers over UDP and TLS, to several at once, and over TCP to one that breaks its promise.

use crate::emitter::Emitter;
use serde_json::Value;
use std::{
    io::ErrorKind,
    net::{TcpListener, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use testkit::{LogSink, Mood, OtlpSink, PATIENCE, eventually};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

on_both_pipelines!(
    several_receivers_have_their_own_counts,
    a_connection_that_breaks_with_unread_lines_loses_none,
    lines_that_nobody_reads_are_not_said_to_have_arrived,
    a_receiver_that_hangs_up_again_and_again_gets_lines_less_and_less_often,
    what_a_receiver_says_means_nothing,
    neither_a_backend_nor_a_receiver_that_hangs_takes_the_others_time,
);

const QUIET: (&str, &str) = ("OTEL_TRACES_EXPORTER", "none");

fn udp() -> (UdpSocket, String) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let url = format!("udp://{}", socket.local_addr().unwrap());
    (socket, url)
}

/// Datagrams until so many lines have come.
fn receive(socket: &UdpSocket, count: usize) -> Vec<(usize, Value)> {
    let (mut lines, mut buffer) = (Vec::new(), vec![0; 65_535]);
    while lines.len() < count {
        let length = socket.recv(&mut buffer).unwrap();
        let text = std::str::from_utf8(&buffer[..length]).unwrap();
        assert!(text.ends_with('\n'), "{text}");
        lines.extend(text.lines().map(|line| (length, serde_json::from_str(line).unwrap())));
    }
    lines
}

#[tokio::test]
async fn a_datagram_holds_whole_lines_and_a_long_one_is_cut() {
    let (socket, url) = udp();
    let mut emitter = Emitter::start(5_000, &[QUIET, ("LOG_SHIP", &url)]);
    emitter.run("lines 100").await;
    emitter.run("long 5000").await;
    let (report, printed) = emitter.finish().await;
    assert_eq!((report.lines_shipped, report.lines_lost), (202, 0));
    let received = receive(&socket, 101);
    assert!(received.iter().all(|(length, _)| *length <= 1_232));
    let lines: Vec<_> = received.iter().map(|(_, line)| line).collect();
    assert_eq!(lines[..100], printed[..100].iter().collect::<Vec<_>>());
    assert!(received[0].0 > 2 * printed[0].to_string().len(), "several to a datagram");
    let (cut, whole) = (lines[100], &printed[100]);
    assert_eq!((&cut["truncated"], whole.get("truncated")), (&Value::Bool(true), None));
    for name in ["trace_id", "span_id", "session_id", "service", "timestamp"] {
        assert_eq!(cut[name], whole[name], "{name}");
    }
    let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    for name in ["message", "error"] {
        assert!(text(cut, name).len() > 200 && text(whole, name).starts_with(&text(cut, name)), "{cut}");
    }
}

#[tokio::test]
async fn datagrams_that_nobody_takes_are_counted_as_failed() {
    let (socket, url) = udp();
    drop(socket);
    let mut emitter = Emitter::start(5_000, &[QUIET, ("LOG_SHIP", &url)]);
    emitter.run("lines 50").await;
    emitter.flush().await;
    let (report, printed) = emitter.finish().await;
    assert_eq!(printed.len(), 51, "and one warning: {printed:?}");
    assert_eq!((report.lines_shipped, report.lines_lost), (51, 51), "standard output alone: {report:?}");
}

async fn several_receivers_have_their_own_counts(pipeline: &str) {
    let (one, mut two, (socket, third)) = (LogSink::start(), LogSink::start(), udp());
    two.stop();
    let receivers = format!("{}, {},{third}", one.url(), two.url());
    let mut emitter = Emitter::on(pipeline, 300, &[QUIET, ("LOG_SHIP", &receivers)]);
    emitter.run("lines 40").await;
    receive(&socket, 40);
    one.wait_for(40, "of the first", |line| line.contains_key("number")).await;
    // With the warning that the second is away.
    eventually("what the first has", async || {
        let shipped = emitter.metric("telemetry_logs_total{sink=\"tcp\",outcome=\"shipped\"}").await;
        (shipped == 41).then_some(())
    })
    .await;
    for (series, value) in [("stdout", 41), ("udp", 41), ("tcp2", 0)] {
        let series = format!("telemetry_logs_total{{sink=\"{series}\",outcome=\"shipped\"}}");
        assert_eq!(emitter.metric(&series).await, value, "{series}");
    }
    let (report, printed) = emitter.finish().await;
    assert_eq!((report.lines_shipped, report.lines_lost), (3 * 41, 41), "{printed:?}");
}

/// A receiver that takes lines into its buffer and dies without reading them.
async fn a_connection_that_breaks_with_unread_lines_loses_none(pipeline: &str) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let mut emitter = Emitter::on(pipeline, 5_000, &[QUIET, ("LOG_SHIP", &url)]);
    emitter.run("lines 50").await;
    let (dying, _) = listener.accept().await.unwrap();
    let mut buffer = vec![0; 1024 * 1024];
    for batches in 1..=2 {
        eventually("lines that wait to be read", async || {
            let length = dying.peek(&mut buffer).await.unwrap();
            let last = String::from_utf8_lossy(&buffer[..length]).matches("\"number\":49,").count();
            (last == batches).then_some(())
        })
        .await;
        if batches == 1 {
            emitter.run("lines 50").await;
        }
    }
    drop(dying);
    let reading = async {
        let (stream, _) = listener.accept().await.unwrap();
        let (mut lines, mut count) = (tokio::io::BufReader::new(stream).lines(), 0);
        while let Some(line) = lines.next_line().await.unwrap() {
            let line: Value = serde_json::from_str(&line).unwrap();
            count += usize::from(line.get("number").is_some());
        }
        count
    };
    let (count, (report, printed)) = tokio::join!(reading, emitter.finish());
    assert_eq!(count, 100);
    assert_eq!((report.lines_shipped, report.lines_lost), (2 * printed.len() as u64, 0));
}

async fn lines_that_nobody_reads_are_not_said_to_have_arrived(pipeline: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let mut emitter = Emitter::on(pipeline, 400, &[QUIET, ("LOG_SHIP", &url)]);
    emitter.run("lines 10").await;
    let (report, printed) = emitter.finish().await;
    assert_eq!(printed.len(), 10);
    assert_eq!((report.lines_shipped, report.lines_lost), (10, 10), "standard output alone: {report:?}");
}

/// It reads for a while, so that it is not taken for a proxy without a receiver.
async fn a_receiver_that_hangs_up_again_and_again_gets_lines_less_and_less_often(pipeline: &str) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let mut emitter = Emitter::on(pipeline, 300, &[QUIET, ("LOG_SHIP", &url)]);
    let connections = Arc::new(AtomicUsize::new(0));
    let receiving = tokio::spawn({
        let connections = connections.clone();
        async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                connections.fetch_add(1, Relaxed);
                let mut nowhere = tokio::io::sink();
                let reading = tokio::io::copy(&mut stream, &mut nowhere);
                let _ = tokio::time::timeout(Duration::from_millis(80), reading).await;
            }
        }
    });
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        emitter.run("lines 1").await;
    }
    let count = connections.load(Relaxed);
    let (_, printed) = emitter.finish().await;
    receiving.abort();
    assert!((2..10).contains(&count), "{count}");
    assert_eq!(printed.iter().filter(|line| line.get("address").is_some()).count(), 1, "it is said once");
}

async fn what_a_receiver_says_means_nothing(pipeline: &str) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let mut emitter = Emitter::on(pipeline, 5_000, &[QUIET, ("LOG_SHIP", &url)]);
    emitter.run("lines 10").await;
    let receiving = async {
        let (stream, _) = listener.accept().await.unwrap();
        let (read, mut write) = stream.into_split();
        write.write_all(b"welcome\n").await.unwrap();
        let (mut lines, mut count) = (tokio::io::BufReader::new(read).lines(), 0);
        while lines.next_line().await.unwrap().is_some() {
            count += 1;
        }
        count
    };
    let (count, (report, printed)) = tokio::join!(receiving, emitter.finish());
    assert_eq!((count, printed.len()), (10, 10));
    assert_eq!((report.lines_shipped, report.lines_lost), (20, 0));
}

async fn neither_a_backend_nor_a_receiver_that_hangs_takes_the_others_time(pipeline: &str) {
    let (backend, stuck) = (OtlpSink::start(), TcpListener::bind("127.0.0.1:0").unwrap());
    backend.set(Mood::Hangs);
    let healthy = LogSink::start();
    let receivers = format!("tcp://{},{}", stuck.local_addr().unwrap(), healthy.url());
    let endpoint = backend.grpc();
    let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("LOG_SHIP", &receivers)];
    let mut emitter = Emitter::on(pipeline, 1_600, &env);
    emitter.run("spans 10").await;
    emitter.run("lines 100").await;
    let (report, printed) = emitter.finish().await;
    assert!(report.took < Duration::from_millis(2_600), "{report:?}");
    healthy.wait_for(100, "of the healthy one", |line| line.contains_key("number")).await;
    let each = printed.len() as u64;
    assert_eq!((report.lines_shipped, report.lines_lost), (2 * each, each), "{report:?}");
}

#[tokio::test]
async fn a_line_is_never_longer_than_32_kib() {
    let sink = LogSink::start();
    let mut emitter = Emitter::start(5_000, &[QUIET, ("LOG_SHIP", &sink.url())]);
    emitter.run("long 60000").await;
    emitter.run("lines 1").await;
    let (report, printed) = emitter.finish().await;
    assert_eq!((report.lines_shipped, report.lines_lost), (4, 0));
    let line = &printed[0];
    let length = line.to_string().len();
    assert!((31 * 1024..32 * 1024).contains(&length), "{length}");
    assert_eq!((&line["truncated"], printed[1].get("truncated")), (&Value::Bool(true), None));
    assert_eq!(line["trace_id"].as_str().unwrap().len(), 32);
    let shipped = sink.wait_for(2, "the same", |_| true).await;
    assert_eq!(printed, shipped.into_iter().map(Value::Object).collect::<Vec<_>>());
}

/// A receiver with a certificate of its own authority, and that authority's file.
struct TlsReceiver {
    folder: tempfile::TempDir,
    listener: tokio::net::TcpListener,
    acceptor: TlsAcceptor,
}

impl TlsReceiver {
    async fn start() -> Self {
        let issued = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issued.cert.pem()).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(issued.signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![issued.cert.der().clone()], key)
            .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { folder, listener, acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    fn url(&self) -> String {
        format!("tls://localhost:{}", self.listener.local_addr().unwrap().port())
    }

    fn ca(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }

    /// The lines of one connection, to its end.
    async fn lines(&self) -> std::io::Result<Vec<String>> {
        let (stream, _) = self.listener.accept().await?;
        let stream = self.acceptor.accept(stream).await?;
        let (mut lines, mut found) = (tokio::io::BufReader::new(stream).lines(), Vec::new());
        while let Some(line) = lines.next_line().await? {
            found.push(line);
        }
        Ok(found)
    }
}

#[tokio::test]
async fn lines_go_over_tls_to_whom_the_authority_vouches_for() {
    let receiver = TlsReceiver::start().await;
    let (url, ca) = (receiver.url(), receiver.ca());
    let mut emitter = Emitter::start(5_000, &[QUIET, ("LOG_SHIP", &url), ("LOG_SHIP_CA", &ca)]);
    emitter.run("lines 500").await;
    let (lines, (report, printed)) = tokio::join!(receiver.lines(), emitter.finish());
    let lines: Vec<Value> = lines.unwrap().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((report.lines_shipped, report.lines_lost), (1_000, 0));
    assert_eq!(lines, printed);
}

#[tokio::test]
async fn a_receiver_that_nobody_vouches_for_gets_no_line() {
    let (receiver, other) = (TlsReceiver::start().await, TlsReceiver::start().await);
    let (url, ca) = (receiver.url(), other.ca());
    let mut emitter = Emitter::start(300, &[QUIET, ("LOG_SHIP", &url), ("LOG_SHIP_CA", &ca)]);
    emitter.run("lines 5").await;
    let error = receiver.lines().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof), "{error}");
    eventually("a warning", async || (emitter.printed() > 5).then_some(())).await;
    let (report, printed) = emitter.finish().await;
    assert!(report.took < Duration::from_secs(2), "{report:?}");
    assert_eq!((report.lines_shipped, report.lines_lost), (6, 6), "{printed:?}");
    let why = printed.iter().find_map(|line| line["error"].as_str()).unwrap();
    assert!(why.contains("certificate"), "{why}");
}
