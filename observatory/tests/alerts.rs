//! Alerts from logs, from a line on a socket to a webhook.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use observatory::{Clock, Config, Hidden};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::support::{Observatory, START, TRACE, config};

const SECOND: u64 = 1_000_000_000;

/// A webhook that keeps what it is sent; the first `refusals` times it answers 503.
struct Receiver {
    url: String,
    taken: Arc<Mutex<Vec<Value>>>,
    serving: JoinHandle<()>,
}

impl Receiver {
    async fn start(refusals: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let taken = Arc::new(Mutex::new(Vec::new()));
        let left = Arc::new(Mutex::new(refusals));
        let take = async move |State(taken): State<Arc<Mutex<Vec<Value>>>>, body: axum::Json<Value>| {
            let mut left = left.lock().unwrap();
            if *left > 0 {
                *left -= 1;
                return StatusCode::SERVICE_UNAVAILABLE;
            }
            taken.lock().unwrap().push(body.0);
            StatusCode::OK
        };
        let routes = axum::Router::new().route("/hook", post(take)).with_state(Arc::clone(&taken));
        let serving = tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
        Self { url, taken, serving }
    }

    /// Waits for the notification of that number, from 0.
    async fn notification(&self, number: usize) -> Value {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(notification) = self.taken.lock().unwrap().get(number) {
                return notification.clone();
            }
            assert!(Instant::now() < deadline, "no notification {number}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn line(time: &str, severity: &str, message: &str) -> Value {
    json!({"timestamp": time, "severity": severity, "message": message, "service": "payment-service", "trace_id": TRACE})
}

fn is(state: &str, rule: &str) -> impl Fn(&Value) -> bool {
    let (state, rule) = (state.to_owned(), rule.to_owned());
    move |answer| {
        let alerts = answer["alerts"].as_array().unwrap();
        alerts.iter().any(|alert| alert["rule"] == rule && alert["state"] == state)
    }
}

#[tokio::test]
async fn a_line_becomes_an_alert_that_is_told_and_ends() {
    let receiver = Receiver::start(2).await;
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::at(START);
    let observatory = Observatory::start_with(Config {
        alert_webhook: Some(Hidden(receiver.url.clone())),
        clock: clock.clone(),
        ..config(directory.path())
    })
    .await;
    let mut socket = TcpStream::connect(observatory.log_tcp).await.unwrap();
    let panicked = line("2026-11-22T10:11:12Z", "ERROR", "panicked: index out of bounds");
    socket.write_all(format!("{panicked}\n").as_bytes()).await.unwrap();
    let answer = observatory.eventually("/api/alerts", is("firing", "Panicked")).await;
    let alert = &answer["alerts"][0];
    assert_eq!(
        (&alert["service"], &alert["value"], &alert["threshold"]),
        (&json!("payment-service"), &json!(1.0), &json!({"at_least": 1}))
    );
    assert_eq!(alert["examples"][0]["trace"], format!("/trace/{TRACE}"));
    // The link leads to the line.
    let logs = alert["logs"].as_str().unwrap().replace("/logs?", "/api/logs?");
    let found = observatory.eventually(&logs, |answer| answer["logs"][0].is_object()).await;
    assert_eq!(found["logs"][0]["message"], panicked["message"]);

    let told = receiver.notification(0).await;
    assert_eq!(
        (&told["version"], &told["status"], &told["groupLabels"]),
        (&json!("4"), &json!("firing"), &json!({"alertname": "Panicked"}))
    );
    let first = &told["alerts"][0];
    assert_eq!(first["labels"]["service"], "payment-service");
    assert_eq!(first["startsAt"], "2026-11-22T10:11:12.000000Z");
    assert_eq!(first["endsAt"], "0001-01-01T00:00:00Z");
    let trace = first["annotations"]["trace_url"].as_str().unwrap();
    assert_eq!(trace, format!("http://{}/trace/{TRACE}", observatory.http));
    assert_eq!(
        observatory.metric("observatory_alerts", &[("rule", "Panicked"), ("state", "firing")]).await,
        1
    );

    clock.set(START + 301 * SECOND);
    observatory.eventually("/api/alerts", is("resolved", "Panicked")).await;
    let told = receiver.notification(1).await;
    assert_eq!((&told["status"], &told["alerts"][0]["status"]), (&json!("resolved"), &json!("resolved")));
    assert_eq!(told["alerts"][0]["endsAt"], "2026-11-22T10:16:13.000000Z");
    assert_eq!(told["alerts"][0]["fingerprint"], first["fingerprint"]);
    let name = "observatory_alert_notifications_total";
    assert_eq!(observatory.metric(name, &[("outcome", "retried")]).await, 2);
    assert_eq!(observatory.metric(name, &[("outcome", "failed")]).await, 0);
    observatory.metric_reaches(name, &[("outcome", "delivered")], 2).await;
    observatory.stop().await;
    receiver.serving.abort();
}

#[tokio::test]
async fn a_rules_file_says_what_is_watched() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rules.json");
    let rule = json!({"name": "Declined", "kind": "message", "contains": "declined", "above_share": 0.5, "at_least": 2,
                      "service": "payment-service", "window": "1m", "for": "10s"});
    std::fs::write(&file, json!({"rules": [rule]}).to_string()).unwrap();
    let path = file.display().to_string();
    let read = |path: &str| Config::from_env(&|name| (name == "ALERT_RULES").then(|| path.to_owned()));
    let clock = Clock::at(START);
    let observatory = Observatory::start_with(Config {
        alert_rules: read(&path).unwrap().alert_rules,
        clock: clock.clone(),
        ..config(directory.path())
    })
    .await;
    let time = "2026-11-22T10:11:12Z";
    let lines = ["declined", "charged", "declined"].map(|message| line(time, "INFO", message));
    observatory.send_lines(&lines).await;
    let answer = observatory.eventually("/api/alerts", is("pending", "Declined")).await;
    assert_eq!(answer["rules"].as_array().unwrap().len(), 1);
    assert_eq!(answer["alerts"][0]["reading"], "2 such lines of 3 lines in 1 min: 66.7 %, above 50 %");
    clock.set(START + 10 * SECOND);
    observatory.eventually("/api/alerts", is("firing", "Declined")).await;
    // It goes on firing after a restart.
    observatory.stop().await;
    let config = Config { alert_rules: read(&path).unwrap().alert_rules, clock, ..config(directory.path()) };
    let observatory = Observatory::start_with(config).await;
    let answer = observatory.eventually("/api/alerts", is("firing", "Declined")).await;
    assert_eq!(answer["alerts"][0]["since"], "2026-11-22T10:11:22.000000Z");
    observatory.stop().await;

    std::fs::write(
        &file,
        json!({"rules": [{"name": "x", "kind": "error_rate", "window": "long"}]}).to_string(),
    )
    .unwrap();
    let error = read(&path).unwrap_err().to_string();
    let place =
        format!("ALERT_RULES: `{path}: rule x: window: \"long\"` won't do; it takes a time from 10s to 1h");
    assert!(error.starts_with(&place), "{error}");
    let error = read("/nowhere/rules.json").unwrap_err().to_string();
    assert!(error.starts_with("ALERT_RULES: `/nowhere/rules.json: ") && !error.contains('\n'), "{error}");
}

#[tokio::test]
async fn orders_that_stop_are_an_alert() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::at(START);
    let observatory =
        Observatory::start_with(Config { clock: clock.clone(), ..config(directory.path()) }).await;
    let mut stored = 0;
    for minute in 0..100 {
        let now = START + minute * 60 * SECOND;
        clock.set(now);
        let end = json!({"timestamp": now / 1_000_000, "severity": "INFO", "message": "order confirmed",
                         "service": "order-service", "target": "order::place", "duration_ms": 12.5});
        observatory.send_lines(&vec![end; 20]).await;
        stored += 20;
        observatory.metric_reaches("observatory_stored_total", &[], stored).await;
    }
    let quiet = observatory.json("/api/alerts").await;
    assert_eq!(quiet["alerts"], json!([]));
    clock.set(START + 106 * 60 * SECOND);
    observatory.eventually("/api/alerts", is("pending", "OrderRateUnusual")).await;
    clock.set(START + 108 * 60 * SECOND);
    let answer = observatory.eventually("/api/alerts", is("firing", "OrderRateUnusual")).await;
    let reading = answer["alerts"][0]["reading"].as_str().unwrap();
    assert!(reading.starts_with("0 orders in 5 min; usual would be"), "{reading}");
    observatory.stop().await;
}

#[tokio::test]
async fn the_page_shows_what_fires_and_what_is_watched() {
    let observatory = Observatory::start().await;
    let shown = observatory.get("/alerts").await.text().await.unwrap();
    for part in [
        "No alert.",
        "OrderRateUnusual",
        "too little is known yet",
        "ALERT_WEBHOOK",
        "href=\"/alerts\" aria-current=\"page\"",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let evil = json!({"severity": "ERROR", "message": "panicked: <script>alert(1)</script>", "service": "<i>x</i>", "trace_id": TRACE});
    observatory.send_lines(&[evil]).await;
    observatory.eventually("/api/alerts", is("firing", "Panicked")).await;
    let shown = observatory.get("/alerts").await.text().await.unwrap();
    for part in [
        "firing",
        "1 such line in 5 min",
        &format!("href=\"/trace/{TRACE}\""),
        "/logs?q=panicked",
        "&lt;i&gt;x",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("<script>alert") && !shown.contains("<i>x"), "{shown}");
    observatory.stop().await;
}
