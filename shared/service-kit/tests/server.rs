use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use service_kit::admin::Health;
use service_kit::config::ServerConfig;
use service_kit::server::Listeners;
use telemetry::Env;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::app::{config, start, start_with, until_status};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_taken_port_is_named() {
    let first = Listeners::bind(&config()).await.unwrap();
    let taken = first.api.local_addr().unwrap();
    let bind = async |listen: String, admin: String| {
        let env = Env::from_pairs([("LISTEN_ADDR", listen), ("ADMIN_ADDR", admin)]);
        Listeners::bind(&ServerConfig::from_env(&env, 1, 2).unwrap()).await.unwrap_err().to_string()
    };
    let free = "127.0.0.1:0".to_owned();
    let error = bind(taken.to_string(), free.clone()).await;
    assert_eq!(error, format!("LISTEN_ADDR: {taken} is taken by another process"));
    let error = bind(free, taken.to_string()).await;
    assert_eq!(error, format!("ADMIN_ADDR: {taken} is taken by another process"));
}

#[tokio::test]
async fn the_admin_port_answers() {
    let app = start(Router::new(), SECOND, SECOND).await;
    until_status(&format!("{}/readyz", app.admin), 200).await;
    until_status(&format!("{}/healthz", app.admin), 200).await;
    let metrics = reqwest::get(format!("{}/metrics", app.admin)).await.unwrap();
    assert_eq!(
        metrics.headers()["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(metrics.text().await.unwrap().ends_with("# EOF\n"));
    let missing = reqwest::get(format!("{}/nothing", app.admin)).await.unwrap();
    assert_eq!(missing.status().as_u16(), 404);
    assert_eq!(missing.headers()["content-type"], "application/problem+json");
}

struct Sick;

impl Health for Sick {
    async fn check(&self) -> Result<(), String> {
        Err("the database does not answer".to_owned())
    }
}

#[tokio::test]
async fn a_sick_service_is_alive_but_not_ready() {
    let app = start_with(Sick, Router::new(), SECOND, SECOND).await;
    until_status(&format!("{}/healthz", app.admin), 200).await;
    until_status(&format!("{}/readyz", app.admin), 503).await;
    let answer = reqwest::get(format!("{}/readyz", app.admin)).await.unwrap().text().await.unwrap();
    assert!(answer.contains("the database does not answer") || answer.contains("starting"), "{answer}");
}

/// A route that answers when told to.
fn held() -> (Router, Arc<Notify>, Arc<Notify>) {
    let (began, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (b, g) = (began.clone(), go.clone());
    let handler = move || async move {
        b.notify_one();
        g.notified().await;
        "done"
    };
    (Router::new().route("/held", get(handler)), began, go)
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_flight() {
    let (router, began, go) = held();
    let app = start(router, 10 * SECOND, 10 * SECOND).await;
    let request = tokio::spawn(reqwest::get(format!("{}/held", app.api)));
    timeout(5 * SECOND, began.notified()).await.unwrap();
    app.trigger.stop();
    until_status(&format!("{}/readyz", app.admin), 503).await;
    assert!(!app.ended.is_finished(), "a request is in flight");
    go.notify_one();
    assert_eq!(request.await.unwrap().unwrap().text().await.unwrap(), "done");
    timeout(5 * SECOND, app.ended).await.unwrap().unwrap().unwrap();
    assert!(reqwest::get(format!("{}/held", app.api)).await.is_err(), "the port is closed");
}

#[tokio::test]
async fn a_drain_has_its_end() {
    let (router, began, _go) = held();
    let app = start(router, 10 * SECOND, Duration::from_millis(50)).await;
    let request = tokio::spawn(reqwest::get(format!("{}/held", app.api)));
    timeout(5 * SECOND, began.notified()).await.unwrap();
    app.trigger.stop();
    timeout(5 * SECOND, app.ended).await.expect("the drain never ends").unwrap().unwrap();
    request.abort();
    let said = telemetry::testing::recorder().everything();
    assert!(said.contains("\"drain_timeout_ms\": Number(50)"), "the line that says so");
}
