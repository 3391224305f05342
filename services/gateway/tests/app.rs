//! The whole gateway on free ports, and stand-ins for the services behind it.

use api::problem::Problem;
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use gateway::config::Config;
use reqwest::Client;
use serde_json::{Value, json};
use service_kit::process::ServiceConfig;
use service_kit::server::Listeners;
use service_kit::shutdown::{Shutdown, Trigger};
use telemetry::{Env, Telemetry};

pub(crate) struct App {
    pub(crate) api: String,
    pub(crate) client: Client,
    /// Stops the gateway when the test ends.
    _trigger: Trigger,
}

impl App {
    /// A gateway whose order and inventory service are `behind`.
    pub(crate) async fn start(behind: Router) -> Self {
        Self::start_with(behind, &[]).await
    }

    /// The same, with more settings.
    pub(crate) async fn start_with(behind: Router, settings: &[(&str, &str)]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, behind).into_future());
        Self::launch(&url, settings).await
    }

    /// A gateway whose order and inventory service should be at `url`.
    pub(crate) async fn start_before(url: &str) -> Self {
        Self::launch(url, &[]).await
    }

    async fn launch(url: &str, settings: &[(&str, &str)]) -> Self {
        let standard = [
            ("LISTEN_ADDR", "127.0.0.1:0"),
            ("ADMIN_ADDR", "127.0.0.1:0"),
            ("ORDER_URL", url),
            ("INVENTORY_URL", url),
            ("PEER_TIMEOUT_MS", "200"),
        ];
        let env = Env::from_pairs(standard.iter().chain(settings).copied());
        let config = Config::from_env(&env).unwrap();
        let listeners = Listeners::bind(config.server()).await.unwrap();
        let api = format!("http://{}", listeners.api.local_addr().unwrap());
        let (trigger, shutdown) = Shutdown::by_hand();
        tokio::spawn(gateway::run(config, listeners, Telemetry::for_test(gateway::SERVICE), shutdown));
        Self { api, client: Client::new(), _trigger: trigger }
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        self.client.get(format!("{}{path}", self.api)).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> reqwest::Response {
        self.client.post(format!("{}{path}", self.api)).json(body).send().await.unwrap()
    }
}

pub(crate) const ID: &str = "019ab2d4-7c1e-7d3a-9b52-0c6f1e2d3a4b";

pub(crate) fn confirmed() -> Value {
    json!({
        "id": ID,
        "status": "confirmed",
        "customer_id": "c-1042",
        "items": [{"sku": "TEA-EARL-GREY", "quantity": 2, "unit_price": {"amount_minor": 1250, "currency": "EUR"}}],
        "total": {"amount_minor": 2500, "currency": "EUR"},
        "payment": {"transaction_id": "019ab2d4-7c1e-7d3a-9b52-0c6f1e2d3a4c", "card_last4": "4242"},
        "created_at": "2026-11-22T10:11:12.131415Z"
    })
}

pub(crate) fn new_order() -> Value {
    json!({
        "customer_id": "c-1042",
        "items": [{"sku": "TEA-EARL-GREY", "quantity": 2}],
        "payment": {"method": "card", "card_number": "4242424242424242"}
    })
}

/// The problem of an answer, whose form is checked on the way.
pub(crate) async fn problem(answer: reqwest::Response, status: u16) -> Problem {
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let trace_id = answer.headers()["x-trace-id"].to_str().unwrap().to_owned();
    assert!(answer.headers()["server-timing"].to_str().unwrap().contains(&trace_id));
    assert_eq!(answer.status().as_u16(), status);
    let problem: Problem = answer.json().await.unwrap();
    assert_eq!((problem.status, problem.trace_id.as_deref()), (status, Some(trace_id.as_str())));
    problem
}

/// What a failing order service answers.
pub(crate) fn refusal(problem: &Problem) -> Response<Body> {
    let answer =
        Response::builder().status(problem.status).header("content-type", "application/problem+json");
    answer.body(serde_json::to_string(problem).unwrap().into()).unwrap()
}
