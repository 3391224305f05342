//! An observatory fed with invented orders, for work on its page:
//!
//! ```text
//! cargo run -p observatory --example demo        # then open http://127.0.0.1:16686
//! ```
//!
//! Orders of the last ten minutes are there at once, a new one follows every two seconds. Ctrl-C ends it, and its data.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, unreachable_pub)]

#[path = "../tests/page/fixture.rs"]
#[allow(dead_code, reason = "the tests read more of an order than this does")]
mod fixture;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::routing::get;
use fixture::{Order, Outcome};
use http::header::CONTENT_TYPE;
use observatory::{Config, Data, Listeners};
use tokio::net::TcpListener;

const SECOND: u64 = 1_000_000_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let orders = Arc::new(Mutex::new(Vec::new()));
    let metrics = TcpListener::bind(("127.0.0.1", 0)).await?;
    let config = Config {
        data: Data::Ephemeral,
        scrape_targets: vec![metrics.local_addr()?.to_string()],
        ..Config::from_env(&|name| std::env::var(name).ok())?
    };
    let listeners = Listeners::bind(&config).await?;
    let page = format!("http://{}", listeners.http.local_addr()?);
    let otlp = format!("http://{}/v1/traces", listeners.otlp_http.local_addr()?);
    tokio::spawn(serve_metrics(metrics, Arc::clone(&orders)));
    tokio::spawn(place_orders(page, otlp, orders));
    let shutdown = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    observatory::run(config, listeners, shutdown).await?;
    Ok(())
}

async fn serve_metrics(listener: TcpListener, orders: Arc<Mutex<Vec<Order>>>) {
    let metrics = async move || {
        let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        ([(CONTENT_TYPE, content_type)], fixture::metrics(&orders.lock().unwrap()))
    };
    axum::serve(listener, Router::new().route("/metrics", get(metrics))).await.unwrap();
}

async fn place_orders(page: String, otlp: String, orders: Arc<Mutex<Vec<Order>>>) {
    let client = reqwest::Client::new();
    for number in 0.. {
        // The first ones are history.
        let back = 600_u64.saturating_sub(number * 4) * SECOND;
        if back == 0 {
            tokio::time::sleep(Duration::from_secs(2)).await;
        } else {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let outcome = match number % 13 {
            5 => Outcome::Declined,
            9 => Outcome::OutOfStock,
            _ => Outcome::Confirmed,
        };
        let order = fixture::order(number, now() - back, outcome);
        let spans = client.post(&otlp).header(CONTENT_TYPE, "application/json").body(order.spans.to_string());
        let lines = client
            .post(format!("{page}/api/logs"))
            .header(CONTENT_TYPE, "application/x-ndjson")
            .body(order.lines.clone());
        for request in [spans, lines] {
            request.send().await.unwrap().error_for_status().unwrap();
        }
        orders.lock().unwrap().push(order);
    }
}

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}
