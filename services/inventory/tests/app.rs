//! The whole service on free ports, with a database of its own.

use std::time::Duration;

use api::ids::OrderId;
use api::inventory::Product;
use api::problem::Problem;
use inventory::config::Config;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use service_kit::process::{RunError, ServiceConfig};
use service_kit::server::Listeners;
use service_kit::shutdown::{Shutdown, Trigger};
use telemetry::{Env, Telemetry};
use testkit::Database;
use tokio::task::JoinHandle;

pub(crate) struct App {
    pub(crate) api: String,
    pub(crate) admin: String,
    pub(crate) client: Client,
    database: Option<Database>,
    trigger: Trigger,
    ended: Option<JoinHandle<Result<(), RunError>>>,
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::start_on(Database::sqlite(), &[]).await
    }

    pub(crate) async fn start_on(database: Database, settings: &[(&str, &str)]) -> Self {
        let url = database.url();
        let own = [("LISTEN_ADDR", "127.0.0.1:0"), ("ADMIN_ADDR", "127.0.0.1:0"), ("DATABASE_URL", &url)];
        let env = Env::from_pairs(own.into_iter().chain(settings.iter().copied()));
        let config = Config::from_env(&env).unwrap();
        let listeners = Listeners::bind(config.server()).await.unwrap();
        let api = format!("http://{}", listeners.api.local_addr().unwrap());
        let admin = format!("http://{}", listeners.admin.local_addr().unwrap());
        let (trigger, shutdown) = Shutdown::by_hand();
        let telemetry = Telemetry::for_test(inventory::SERVICE);
        let ended = Some(tokio::spawn(inventory::run(config, listeners, telemetry, shutdown)));
        Self { api, admin, client: Client::new(), database: Some(database), trigger, ended }
    }

    /// Stops it and starts it again on the same database.
    pub(crate) async fn restart(self) -> Self {
        Self::start_on(self.stop().await, &[]).await
    }

    /// Stops it and leaves the database behind.
    pub(crate) async fn stop(mut self) -> Database {
        self.trigger.stop();
        let ended = self.ended.take().unwrap();
        tokio::time::timeout(Duration::from_secs(10), ended)
            .await
            .expect("it does not stop")
            .unwrap()
            .unwrap();
        self.database.take().unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.api)).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.client.post(format!("{}{path}", self.api)).json(body).send().await.unwrap()
    }

    pub(crate) async fn reserve(&self, order: OrderId, items: Value) -> Response {
        self.post("/reservations", &json!({"order_id": order, "items": items})).await
    }

    pub(crate) async fn release(&self, order: OrderId) -> u16 {
        self.post(&format!("/reservations/{order}/release"), &Value::Null).await.status().as_u16()
    }

    /// Pieces of a product that are put aside, as the metrics have it.
    pub(crate) async fn reserved(&self, sku: &str) -> i64 {
        self.metric(&format!("inventory_stock_units{{sku=\"{sku}\",state=\"reserved\"}}")).await
    }

    /// The value of a series.
    pub(crate) async fn metric(&self, series: &str) -> i64 {
        let answer = self.client.get(format!("{}/metrics", self.admin)).send().await.unwrap();
        let text = answer.text().await.unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(series)).expect(series);
        value.split_whitespace().next().unwrap().parse().unwrap()
    }

    pub(crate) async fn available(&self, sku: &str) -> i64 {
        self.get(&format!("/products/{sku}")).await.json::<Product>().await.unwrap().available
    }
}

/// The problem of an answer, whose form is checked on the way.
pub(crate) async fn problem(answer: Response, status: u16) -> Problem {
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let trace_id = answer.headers()["x-trace-id"].to_str().unwrap().to_owned();
    assert_eq!(answer.status().as_u16(), status);
    let problem: Problem = answer.json().await.unwrap();
    assert_eq!((problem.status, problem.trace_id.as_deref()), (status, Some(trace_id.as_str())));
    problem
}
