//! The whole service on free ports, with a database of its own.

use std::time::Duration;

use api::ids::OrderId;
use api::problem::Problem;
use payment::config::Config;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use service_kit::process::{RunError, ServiceConfig};
use service_kit::server::Listeners;
use service_kit::shutdown::{Shutdown, Trigger};
use sqlx::{Connection, SqliteConnection};
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
        Self::start_on(Database::sqlite()).await
    }

    pub(crate) async fn start_on(database: Database) -> Self {
        let env = Env::from_pairs([
            ("LISTEN_ADDR", "127.0.0.1:0"),
            ("ADMIN_ADDR", "127.0.0.1:0"),
            ("DATABASE_URL", &database.url()),
        ]);
        let config = Config::from_env(&env).unwrap();
        let listeners = Listeners::bind(config.server()).await.unwrap();
        let api = format!("http://{}", listeners.api.local_addr().unwrap());
        let admin = format!("http://{}", listeners.admin.local_addr().unwrap());
        let (trigger, shutdown) = Shutdown::by_hand();
        let telemetry = Telemetry::for_test(payment::SERVICE);
        let ended = Some(tokio::spawn(payment::run(config, listeners, telemetry, shutdown)));
        Self { api, admin, client: Client::new(), database: Some(database), trigger, ended }
    }

    /// Stops it and starts it again on the same database.
    pub(crate) async fn restart(mut self) -> Self {
        self.trigger.stop();
        let ended = self.ended.take().unwrap();
        tokio::time::timeout(Duration::from_secs(10), ended)
            .await
            .expect("it does not stop")
            .unwrap()
            .unwrap();
        Self::start_on(self.database.take().unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.client.post(format!("{}{path}", self.api)).json(body).send().await.unwrap()
    }

    pub(crate) async fn charge(&self, order: OrderId, amount_minor: i64, card_number: &str) -> Response {
        self.post("/charges", &charge(order, amount_minor, card_number)).await
    }

    pub(crate) async fn refund(&self, order: OrderId) -> Response {
        self.post(&format!("/charges/{order}/refund"), &Value::Null).await
    }

    /// A connection to the SQLite database beside the service's own.
    pub(crate) async fn database(&self) -> SqliteConnection {
        SqliteConnection::connect(&self.database.as_ref().unwrap().url()).await.unwrap()
    }
}

/// The body of `POST /charges`.
pub(crate) fn charge(order: OrderId, amount_minor: i64, card_number: &str) -> Value {
    json!({
        "order_id": order,
        "amount": {"amount_minor": amount_minor, "currency": "EUR"},
        "method": "card",
        "card_number": card_number,
    })
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
