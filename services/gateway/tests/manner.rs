//! `Idempotency-Key` and `Prefer: respond-async`.

use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::app::{App, ID, confirmed, new_order, problem};

/// Accepts what prefers it, and tells the key as the customer.
async fn place(headers: HeaderMap) -> impl IntoResponse {
    let mut order = confirmed();
    if let Some(key) = headers.get("idempotency-key") {
        order["customer_id"] = json!(key.to_str().unwrap());
    }
    match headers.get("prefer") {
        None => (StatusCode::CREATED, Json(order)),
        Some(prefer) => {
            assert_eq!(prefer, "respond-async");
            order["status"] = json!("pending");
            (StatusCode::ACCEPTED, Json(order))
        }
    }
}

async fn send(app: &App, headers: &[(&str, &str)]) -> reqwest::Response {
    let mut request = app.client.post(format!("{}/api/orders", app.api)).json(&new_order());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn an_order_may_be_placed_later() {
    let app = App::start(Router::new().route("/orders", post(place))).await;
    let answer = send(&app, &[("prefer", "wait=10, respond-async")]).await;
    assert_eq!(answer.status().as_u16(), 202);
    assert_eq!(answer.headers()["location"], format!("/api/orders/{ID}"));
    assert_eq!(answer.headers()["preference-applied"], "respond-async");
    assert_eq!(answer.json::<Value>().await.unwrap()["status"], "pending");
    let answer = send(&app, &[("prefer", "return=minimal")]).await;
    assert_eq!(answer.status().as_u16(), 201);
    assert!(!answer.headers().contains_key("preference-applied"));
}

#[tokio::test]
async fn a_key_is_passed_on_if_it_is_one() {
    let app = App::start(Router::new().route("/orders", post(place))).await;
    let answer: Value = send(&app, &[("idempotency-key", "order-7")]).await.json().await.unwrap();
    assert_eq!(answer["customer_id"], "order-7");
    for headers in [&[("idempotency-key", "")][..], &[("idempotency-key", "a"), ("idempotency-key", "b")]] {
        let answer = problem(send(&app, headers).await, 400).await;
        assert!(answer.detail.unwrap().contains("Idempotency-Key"));
    }
}
