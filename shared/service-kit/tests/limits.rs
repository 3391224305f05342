//! What a client may send, how long it may take, how many of them there may be.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::problem::Problem;
use axum::Router;
use axum::routing::{get, post};
use service_kit::address::Networks;
use service_kit::extract::ApiBody;
use service_kit::server::{HEAD_LIMIT, Limits, URI_LIMIT};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::app::{App, config, start_within};

const SECOND: Duration = Duration::from_secs(1);
const SHORT: Duration = Duration::from_millis(100);

async fn app(limits: Limits, router: Router) -> App {
    start_within(limits, (), router, 2 * SECOND, SECOND).await
}

fn router() -> Router {
    Router::new()
        .route("/", get(|| async { "here" }))
        .route("/body", post(|ApiBody(body): ApiBody| async move { body.len().to_string() }))
        .route("/long", get(|| async { "x".repeat(32 * 1024 * 1024) }))
}

fn address(app: &App) -> SocketAddr {
    app.api.strip_prefix("http://").unwrap().parse().unwrap()
}

async fn connect(app: &App) -> TcpStream {
    TcpStream::connect(address(app)).await.unwrap()
}

/// What comes until the server closes, which it must do soon.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = async { while stream.read_buf(&mut answer).await.unwrap_or(0) > 0 {} };
    timeout(5 * SECOND, read).await.expect("the server does not close");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn answer(app: &App, bytes: &str) -> String {
    let mut stream = connect(app).await;
    let _ = stream.write_all(bytes.as_bytes()).await;
    rest(&mut stream).await
}

fn problem(answer: &str) -> Problem {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-type: application/problem+json"), "{answer}");
    serde_json::from_str(body).unwrap()
}

/// A sample of `/metrics`, of this app alone.
async fn refused(app: &App, reason: &str) -> u64 {
    let text = reqwest::get(format!("{}/metrics", app.admin)).await.unwrap().text().await.unwrap();
    let series = format!("http_server_refused_total{{reason=\"{reason}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&series)).unwrap().parse().unwrap()
}

/// Waits, at most 5 s, until a reason has been counted so often.
async fn until_refused(app: &App, reason: &str, count: u64) {
    let counted = async {
        while refused(app, reason).await != count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(5 * SECOND, counted).await.expect("it was never counted");
}

#[tokio::test]
async fn heads_have_their_bounds_and_refusals_their_documents() {
    let app = app(config().limits, router()).await;
    let ask = |path: &str, fields: &str| {
        format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{fields}\r\n")
    };
    let path = |length: usize| format!("/?{}", "q".repeat(length - 2));
    let fits = answer(&app, &ask(&path(URI_LIMIT), "")).await;
    assert!(fits.starts_with("HTTP/1.1 200 "), "{fits}");
    let too_long = answer(&app, &ask(&path(URI_LIMIT + 1), "")).await;
    let document = problem(&too_long);
    assert_eq!(
        (document.status, document.kind_uri.as_str()),
        (414, "https://waybill.example/problems/uri-too-long")
    );
    let trace = document.trace_id.unwrap();
    assert!(too_long.contains(&format!("x-trace-id: {trace}")), "{too_long}");
    assert!(too_long.contains(&format!("desc=\"00-{trace}-")) && too_long.contains("-00\""), "{too_long}");
    // Beyond its own bound hyper answers, before there is a request.
    for (status, bytes) in [
        (431, ask("/", &format!("a: {}\r\n", "b".repeat(HEAD_LIMIT)))),
        (431, ask("/", &"a: b\r\n".repeat(100))),
        (431, ask(&path(100_000), "")),
        (400, "GET /\r\n\r\n".to_owned()),
    ] {
        let answered = answer(&app, &bytes).await;
        assert!(answered.starts_with(&format!("HTTP/1.1 {status} ")), "{answered}");
        assert_eq!(problem(&answered).status, status);
    }
    let fields = answer(&app, &ask("/", &"a: b\r\n".repeat(98))).await;
    assert!(fields.starts_with("HTTP/1.1 200 "), "{fields}");
    for (reason, count) in [("uri_too_long", 1), ("head_too_large", 3), ("malformed", 1)] {
        assert_eq!(refused(&app, reason).await, count, "{reason}");
    }
}

#[tokio::test]
async fn a_slow_head_is_not_waited_for() {
    let app = app(Limits { head_time: SHORT, ..config().limits }, router()).await;
    let mut begun = connect(&app).await;
    begun.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
    assert_eq!(rest(&mut begun).await, "");
    // A byte now and then does not help.
    let (mut reads, mut writes) = connect(&app).await.into_split();
    let drip = tokio::spawn(async move {
        while writes.write_all(b"a").await.is_ok() {
            tokio::time::sleep(SHORT / 10).await;
        }
    });
    let closed = async { while reads.read(&mut [0; 64]).await.unwrap_or(0) > 0 {} };
    timeout(5 * SECOND, closed).await.expect("a dripping client holds its connection");
    drip.abort();
    until_refused(&app, "slow_head", 2).await;
}

#[tokio::test]
async fn a_kept_connection_may_be_idle_for_longer_than_a_head_may_take() {
    let app = app(Limits { head_time: SHORT, idle_time: 5 * SHORT, ..config().limits }, router()).await;
    let mut stream = connect(&app).await;
    let begun = std::time::Instant::now();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(rest(&mut stream).await.ends_with("here"));
    assert!(begun.elapsed() >= 5 * SHORT, "{:?}", begun.elapsed());
    // Some clients open connections before they need them.
    assert_eq!(rest(&mut connect(&app).await).await, "");
    assert_eq!(refused(&app, "slow_head").await, 0, "to be idle is no mistake");
}

#[tokio::test]
async fn a_body_that_drips_ends_with_the_deadline() {
    let app = app(config().limits, router()).await;
    let mut stream = connect(&app).await;
    let head = "POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\nx-deadline-ms: 100\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(b"a").await.unwrap();
    assert_eq!(problem(&rest(&mut stream).await).status, 504);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_not_waited_for() {
    let app = app(Limits { write_time: SHORT, ..config().limits }, router()).await;
    let mut stream = connect(&app).await;
    stream.write_all(b"GET /long HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    until_refused(&app, "slow_reader", 1).await;
    assert!(rest(&mut stream).await.len() < 32 * 1024 * 1024, "it was cut off");
}

#[tokio::test]
async fn connections_have_their_number_and_an_address_its_share() {
    let limits = Limits { connections: 4, connections_of_address: 2, ..config().limits };
    let app = app(limits, router()).await;
    let from = async |ip: [u8; 4]| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((ip, 0).into()).unwrap();
        socket.connect(address(&app)).await.unwrap()
    };
    let held = [from([127, 0, 0, 2]).await, from([127, 0, 0, 2]).await];
    assert_eq!(rest(&mut from([127, 0, 0, 2]).await).await, "");
    until_refused(&app, "connections_of_address", 1).await;
    let others = [from([127, 0, 0, 3]).await, from([127, 0, 0, 4]).await];
    assert_eq!(rest(&mut from([127, 0, 0, 5]).await).await, "");
    until_refused(&app, "connections", 1).await;
    // Who has gone makes room.
    drop((held, others));
    let served = async {
        loop {
            let mut stream = from([127, 0, 0, 2]).await;
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
            if rest(&mut stream).await.ends_with("here") {
                break;
            }
        }
    };
    timeout(5 * SECOND, served).await.expect("seats are never given back");
}

#[tokio::test]
async fn a_proxy_may_take_all_connections() {
    let proxies = Networks::parse("127.0.0.0/30").unwrap();
    let limits = Limits { connections: 4, ..config().limits };
    let app = app(limits.shared_among_addresses(proxies), router()).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(connect(&app).await);
    }
    assert_eq!(rest(&mut connect(&app).await).await, "");
    until_refused(&app, "connections", 1).await;
}

#[tokio::test]
async fn what_is_too_much_at_once_is_refused_at_once() {
    let (began, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (b, g) = (began.clone(), go.clone());
    let held = move || async move {
        b.notify_one();
        g.notified().await;
        "done"
    };
    let app = app(Limits { in_flight: 1, ..config().limits }, router().route("/held", get(held))).await;
    let first = tokio::spawn(reqwest::get(format!("{}/held", app.api)));
    timeout(5 * SECOND, began.notified()).await.unwrap();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request =
        reqwest::Client::new().get(&app.api).header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
    let refusal = timeout(SECOND, request.send()).await.expect("no queue").unwrap();
    assert_eq!(refusal.headers()["retry-after"], "1");
    assert_eq!(refusal.headers()["x-trace-id"], trace, "the caller's own trace goes on");
    let document: Problem = refusal.json().await.unwrap();
    assert_eq!((document.status, document.code.as_deref()), (503, Some("overloaded")));
    assert_eq!((document.instance.as_deref(), document.trace_id.as_deref()), (Some("/"), Some(trace)));
    let ready = reqwest::get(format!("{}/readyz", app.admin)).await.unwrap();
    assert_eq!(ready.status(), 200, "health is asked at another door");
    assert_eq!(refused(&app, "in_flight").await, 1);
    go.notify_one();
    assert_eq!(first.await.unwrap().unwrap().text().await.unwrap(), "done");
    assert_eq!(reqwest::get(&app.api).await.unwrap().status(), 200, "there is room again");
}
