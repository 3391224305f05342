//! Scraping, and `GET /api/metrics`.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{Observatory, TRACE, config};

const SECOND_TRACE: &str = "1af7651916cd43dd8448eb211c80319c";

fn exposition(exemplar_trace: &str, count: u32) -> String {
    format!(
        r#"# HELP order_processing_duration_seconds How long orders take.
# TYPE order_processing_duration_seconds histogram
# UNIT order_processing_duration_seconds seconds
order_processing_duration_seconds_sum{{status="confirmed"}} 1.5
order_processing_duration_seconds_count{{status="confirmed"}} {count}
order_processing_duration_seconds_bucket{{le="0.1",status="confirmed"}} 1
order_processing_duration_seconds_bucket{{le="+Inf",status="confirmed"}} {count} # {{trace_id="{exemplar_trace}"}} 1.25 1795342272.5
# TYPE orders counter
orders_total{{status="confirmed"}} {count} # {{trace_id="{exemplar_trace}"}} 1.0
# TYPE inventory_stock_units gauge
inventory_stock_units{{sku="A \"quoted\" one",state="available"}} 7
# TYPE target info
target_info{{service_name="order-service",service_version="0.1.0"}} 1
# EOF
"#
    )
}

#[tokio::test]
async fn series_come_with_their_exemplars_and_exemplars_are_remembered() {
    let body = Arc::new(Mutex::new(exposition(TRACE, 2)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let shared = Arc::clone(&body);
    let routes = Router::new().route("/metrics", get(move || async move { shared.lock().unwrap().clone() }));
    let service = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });

    let directory = tempfile::tempdir().unwrap();
    let mut config = config(directory.path());
    config.scrape_targets = vec![address.clone()];
    let observatory = Observatory::start_with(config).await;
    let path = "/api/metrics?name=order_processing_duration_seconds&service=order-service";
    let answer =
        observatory.eventually(path, |answer| !answer["series"].as_array().unwrap().is_empty()).await;
    assert_eq!(
        answer["series"],
        json!([{
            "name": "order_processing_duration_seconds", "service": "order-service", "type": "histogram",
            "labels": {"status": "confirmed"}, "count": 2, "sum": 1.5,
            "buckets": [
                {"le": "0.1", "count": 1, "exemplar": null},
                {"le": "+Inf", "count": 2, "exemplar":
                    {"trace_id": TRACE, "value": 1.25, "timestamp": "2026-11-22T10:11:12.500000Z"}},
            ],
        }])
    );
    let target = &answer["targets"][0];
    assert_eq!(
        (&target["address"], &target["up"], &target["error"]),
        (&json!(address), &json!(true), &Value::Null)
    );
    let stock = observatory.json("/api/metrics?name=inventory_stock_units").await;
    assert_eq!(
        stock["series"],
        json!([{"name": "inventory_stock_units", "service": "order-service", "type": "gauge",
            "labels": {"sku": "A \"quoted\" one", "state": "available"}, "value": 7.0, "exemplar": null}])
    );

    // A newer exemplar takes the older one's place in the exposition, but an order keeps it.
    *body.lock().unwrap() = exposition(SECOND_TRACE, 3);
    observatory.eventually(path, |answer| answer["series"][0]["count"] == 3).await;
    observatory
        .send_lines(&[json!({"message": "order confirmed", "order_id": "o-1", "trace_id": TRACE})])
        .await;
    let order =
        observatory.eventually("/api/orders/o-1", |answer| answer["trace_ids"] == json!([TRACE])).await;
    assert_eq!(
        order["exemplars"],
        json!([
            {"service": "order-service", "metric": "order_processing_duration_seconds",
             "labels": {"status": "confirmed"},
             "exemplar": {"trace_id": TRACE, "value": 1.25, "timestamp": "2026-11-22T10:11:12.500000Z"}},
            {"service": "order-service", "metric": "orders_total", "labels": {"status": "confirmed"},
             "exemplar": {"trace_id": TRACE, "value": 1.0, "timestamp": null}},
        ])
    );

    // What is no OpenMetrics is said to be down, and its series are gone.
    *body.lock().unwrap() = "cut off".to_owned();
    let down = observatory.eventually("/api/metrics", |answer| answer["targets"][0]["up"] == false).await;
    assert_eq!(down["targets"][0]["error"], "does not answer in OpenMetrics");
    assert_eq!(down["series"], json!([]));
    service.abort();
    observatory.stop().await;
}
