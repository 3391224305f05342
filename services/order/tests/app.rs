//! The order service as production starts it, on free ports, and a client to ask it.

use crate::neighbours::Neighbours;
use order::config::Config;
use reqwest::{Response, header::CONTENT_TYPE};
use serde_json::{Value, json};
use service_kit::{
    process::{RunError, ServiceConfig},
    server::Listeners,
    shutdown::{Shutdown, Trigger},
};
use telemetry::{
    Env, Telemetry,
    testing::{SpanRecord, recorder},
};
use testkit::eventually;
use tokio::task::JoinHandle;

pub const CARD: &str = "4242424242424242";
pub const CUSTOMER: &str = "c-1042";

pub struct App {
    pub telemetry: Telemetry,
    /// Base URL of its admin port.
    pub admin: String,
    base: String,
    trigger: Trigger,
    running: JoinHandle<Result<(), RunError>>,
}

/// An answer, read.
pub struct Answered {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl App {
    pub async fn start(neighbours: &Neighbours) -> Self {
        Self::start_with(neighbours, &[]).await
    }

    pub async fn start_with(neighbours: &Neighbours, settings: &[(&str, &str)]) -> Self {
        let database = format!("sqlite:{}", neighbours.folder.path().join("order.db").display());
        let events = format!("{}/events", neighbours.receiver.url());
        let (inventory, payment) = (neighbours.inventory.url(), neighbours.payment.url());
        let standard = [
            ("LISTEN_ADDR", "127.0.0.1:0"),
            ("ADMIN_ADDR", "127.0.0.1:0"),
            ("DATABASE_URL", &database),
            ("INVENTORY_URL", &inventory),
            ("PAYMENT_URL", &payment),
            ("EVENTS_URL", &events),
            ("CARD_SEAL_KEY", "a key of sixteen bytes or more"),
            ("RESUME_INTERVAL_MS", "20"),
        ];
        let config = Config::from_env(&Env::from_pairs(standard.iter().chain(settings).copied())).unwrap();
        let listeners = Listeners::bind(config.server()).await.unwrap();
        let base = format!("http://{}", listeners.api.local_addr().unwrap());
        let admin = format!("http://{}", listeners.admin.local_addr().unwrap());
        let telemetry = Telemetry::for_test(order::SERVICE);
        let (trigger, shutdown) = Shutdown::by_hand();
        let running = tokio::spawn(order::run(config, listeners, telemetry.clone(), shutdown));
        Self { telemetry, admin, base, trigger, running }
    }

    /// Stops as SIGTERM would.
    pub async fn stop(self) {
        self.trigger.stop();
        self.running.await.unwrap().unwrap();
    }

    /// Stops as SIGKILL would, as far as that is possible within a process: nothing is finished, nothing drained.
    pub fn kill(self) {
        self.running.abort();
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Places an order for two pieces of one product.
    pub async fn place(&self) -> Answered {
        self.post("/orders", &order(CARD)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answered {
        read(client().post(self.url(path)).json(body).send().await.unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answered {
        read(client().get(self.url(path)).send().await.unwrap()).await
    }

    /// The order that the service keeps under an id.
    pub async fn kept(&self, id: &str) -> Value {
        let answer = self.get(&format!("/orders/{id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    /// Waits until an order has a status.
    pub async fn wait_for_status(&self, id: &str, status: &str) {
        eventually(&format!("order {id} to be {status}"), async || {
            let answer = self.get(&format!("/orders/{id}")).await;
            (answer.body["status"] == status).then_some(())
        })
        .await;
    }

    /// The value of the first sample whose name and labels begin so.
    pub fn metric(&self, sample: &str) -> Option<String> {
        let text = self.telemetry.metrics().encode();
        text.lines().find_map(|line| line.strip_prefix(sample)).map(|rest| rest.trim().to_owned())
    }
}

impl Answered {
    pub fn trace_id(&self) -> &str {
        self.headers["x-trace-id"].to_str().unwrap()
    }

    /// The order that a problem is about.
    pub fn order_of_problem(&self) -> &str {
        self.body["instance"].as_str().unwrap().strip_prefix("/api/orders/").unwrap()
    }

    /// Panics unless this is a whole problem document of this kind.
    pub fn assert_problem(&self, status: u16, kind: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.headers[CONTENT_TYPE], "application/problem+json");
        assert_eq!(self.body["type"], format!("https://waybill.example/problems/{kind}"));
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["trace_id"], self.trace_id());
        for member in ["title", "detail", "instance"] {
            assert!(self.body[member].is_string(), "{member}: {}", self.body);
        }
    }

    /// This answer's trace, once it has `count` spans.
    pub async fn spans(&self, count: usize) -> Vec<SpanRecord> {
        recorder().wait_for_spans(self.trace_id(), count).await
    }

    /// Messages of this trace's lines with a severity.
    pub fn messages(&self, severity: &str) -> Vec<String> {
        let lines = recorder().lines(self.trace_id());
        let of_severity = lines.iter().filter(|line| line["severity"] == severity);
        of_severity.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    }
}

pub async fn read(response: Response) -> Answered {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    Answered { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

pub fn order(card: &str) -> Value {
    json!({
        "customer_id": CUSTOMER,
        "items": [{"sku": "TEA-EARL-GREY", "quantity": 2}],
        "payment": {"method": "card", "card_number": card},
    })
}

pub fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// The span of this name.
pub fn span<'a>(spans: &'a [SpanRecord], name: &str) -> &'a SpanRecord {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no span {name}"))
}
