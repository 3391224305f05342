//! An observatory on free ports, and the spans and lines to feed it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use observatory::{Config, Data, Listeners};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
/// 2026-11-22T10:11:12Z
pub const START: u64 = 1_795_342_272_000_000_000;

pub struct Observatory {
    pub http: SocketAddr,
    pub admin: SocketAddr,
    pub otlp_grpc: SocketAddr,
    pub otlp_http: SocketAddr,
    pub log_tcp: SocketAddr,
    pub log_udp: SocketAddr,
    pub client: reqwest::Client,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
    directory: Option<TempDir>,
}

/// Free ports, nothing to scrape, and the directory of day files.
pub fn config(directory: &Path) -> Config {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    Config {
        listen: free,
        admin: free,
        otlp_grpc: free,
        otlp_http: free,
        log: free,
        data: Data::Directory(directory.to_owned()),
        scrape_targets: Vec::new(),
        ..Config::default()
    }
}

impl Observatory {
    /// One with a store of its own that goes when it does.
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut observatory = Self::start_with(config(directory.path())).await;
        observatory.directory = Some(directory);
        observatory
    }

    pub async fn start_with(config: Config) -> Self {
        let listeners = Listeners::bind(&config).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let [http, admin, otlp_grpc, otlp_http, log_tcp] = [
            &listeners.http,
            &listeners.admin,
            &listeners.otlp_grpc,
            &listeners.otlp_http,
            &listeners.log_tcp,
        ]
        .map(|listener| listener.local_addr().unwrap());
        let log_udp = listeners.log_udp.local_addr().unwrap();
        let running = tokio::spawn(async move {
            let shutdown = async {
                let _ = stopped.await;
            };
            observatory::run(config, listeners, shutdown).await.unwrap();
        });
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { http, admin, otlp_grpc, otlp_http, log_tcp, log_udp, client, stop, running, directory: None }
    }

    /// Asks it to stop and waits until it has.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        self.running.await.unwrap();
    }

    pub async fn get(&self, path: &str) -> Response {
        self.client.get(format!("http://{}{path}", self.http)).send().await.unwrap()
    }

    pub async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }

    /// A post to the page's listener.
    pub fn post(&self, path: &str, content_type: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        let request = self.client.post(format!("http://{}{path}", self.http));
        request.header("content-type", content_type).body(body)
    }

    /// A post to the OTLP/HTTP listener.
    pub fn otlp(&self, path: &str, content_type: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        let request = self.client.post(format!("http://{}{path}", self.otlp_http));
        request.header("content-type", content_type).body(body)
    }

    /// Sends spans as OTLP/JSON and expects them to be taken.
    pub async fn send_spans(&self, export: &Value) {
        let answer = self.otlp("/v1/traces", "application/json", export.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }

    /// Sends log lines and expects them to be taken.
    pub async fn send_lines(&self, lines: &[Value]) {
        let body = Value::from(lines).to_string();
        let answer = self.post("/api/logs", "application/json", body).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }

    /// Asks until the answer is as wanted, for ten seconds.
    pub async fn eventually(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let answer = self.json(path).await;
            if wanted(&answer) {
                return answer;
            }
            assert!(Instant::now() < deadline, "{path} still answers {answer}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The sum of the admin listener's samples of this name that have all these labels.
    pub async fn metric(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let text = self
            .client
            .get(format!("http://{}/metrics", self.admin))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let exposition = observatory::openmetrics::Exposition::parse(&text).unwrap();
        let has = |have: &[(String, String)]| {
            labels.iter().all(|(name, value)| have.iter().any(|(key, held)| key == name && held == value))
        };
        let samples = exposition.samples.iter().filter(|sample| sample.name == name && has(&sample.labels));
        samples.map(|sample| sample.value as u64).sum()
    }

    /// Waits until a metric has a value, for ten seconds.
    pub async fn metric_reaches(&self, name: &str, labels: &[(&str, &str)], value: u64) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.metric(name, labels).await != value {
            let now = self.metric(name, labels).await;
            assert!(Instant::now() < deadline, "{name} is {now}, not {value}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A span as OTLP/JSON has it, `from` and `to` in microseconds after `START`.
pub fn span(span_id: &str, parent: &str, name: &str, kind: u8, (from, to): (u64, u64)) -> Value {
    json!({
        "traceId": TRACE,
        "spanId": span_id,
        "parentSpanId": parent,
        "name": name,
        "kind": kind,
        "startTimeUnixNano": (START + from * 1000).to_string(),
        "endTimeUnixNano": (START + to * 1000).to_string(),
    })
}

/// An export of one service's spans.
pub fn export(service: &str, spans: &[Value]) -> Value {
    json!({"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
        "scopeSpans": [{"scope": {"name": "test"}, "spans": spans}],
    }]})
}

/// Attributes as OTLP/JSON has them, all text.
pub fn attributes(pairs: &[(&str, &str)]) -> Value {
    pairs.iter().map(|(key, value)| json!({"key": key, "value": {"stringValue": value}})).collect()
}

/// Jaeger's search parameters for the time around `START`.
pub fn around_start() -> String {
    format!("start={}&end={}", START / 1000 - 1_000_000, START / 1000 + 60_000_000)
}
