//! Many orders in one request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use api::problem::{Problem, ProblemKind};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use telemetry::testing::{assert_tree, recorder};

use crate::app::{App, confirmed, new_order, problem, refusal};

/// An order service that declines the customer `poor`.
async fn place(Json(body): Json<Value>) -> Response {
    if body["customer_id"] == "poor" {
        return refusal(&Problem {
            instance: Some("/api/orders/019ab2d4-7c1e-7d3a-9b52-0c6f1e2d3a4b".to_owned()),
            detail: Some("the card was declined".to_owned()),
            ..Problem::new(ProblemKind::CardDeclined)
        });
    }
    let mut order = confirmed();
    order["customer_id"] = body["customer_id"].clone();
    (StatusCode::CREATED, Json(order)).into_response()
}

fn order_of(customer: &str) -> Value {
    let mut order = new_order();
    order["customer_id"] = json!(customer);
    order
}

#[tokio::test]
async fn each_order_is_answered_and_traced_by_itself() {
    let app = App::start(Router::new().route("/orders", post(place))).await;
    let mut unknown = order_of("c-3");
    unknown["payment"]["card_number"] = json!("4242424242424241");
    let orders = json!([order_of("c-1"), order_of("poor"), {"customer_id": 7}, unknown, order_of("c-2")]);
    let request = app.client.post(format!("{}/api/orders/batch", app.api)).json(&json!({"orders": orders}));
    let answer = request.header("baggage", "session_id=s-9").send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let batch_trace = answer.headers()["x-trace-id"].to_str().unwrap().to_owned();
    let answer: Value = answer.json().await.unwrap();
    let results = answer["results"].as_array().unwrap();
    let statuses: Vec<_> = results.iter().map(|result| result["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 402, 422, 422, 201]);
    assert_eq!(
        (&results[0]["order"]["customer_id"], &results[4]["order"]["customer_id"]),
        (&json!("c-1"), &json!("c-2"))
    );
    let pointers = |index: usize| &results[index]["problem"]["errors"][0]["pointer"];
    assert_eq!((pointers(2), pointers(3)), (&json!("/customer_id"), &json!("/payment/card_number")));
    assert_eq!(results[1]["problem"]["trace_id"], results[1]["trace_id"]);

    let batch = recorder().wait_for_spans(&batch_trace, 1).await;
    assert_tree(&batch, "batch.process  SERVER api-gateway");
    let tree = "
        batch.processOrder      INTERNAL api-gateway
          gateway.forwardOrder  CLIENT   api-gateway
        ";
    for (index, has_failed) in [(0, false), (1, true)] {
        let trace = results[index]["trace_id"].as_str().unwrap();
        assert_ne!(trace, batch_trace);
        let spans = recorder().wait_for_spans(trace, 2).await;
        assert_tree(&spans, tree);
        let root = spans.iter().find(|span| span.kind == "INTERNAL").unwrap();
        assert_eq!(root.error.is_some(), has_failed, "{root:?}");
        assert_eq!(root.attributes["session.id"], "s-9");
        assert!(root.attributes.contains_key("order.id") && root.attributes.contains_key("customer.ref"));
        let lines = recorder().lines(trace);
        assert_eq!((lines.len(), &lines[0]["severity"]), (1, &json!("INFO")), "{lines:?}");
    }
    let mistaken = recorder().wait_for_spans(results[2]["trace_id"].as_str().unwrap(), 1).await;
    assert_eq!(mistaken[0].error, None, "a client's mistake");
    assert!(!format!("{answer:?}").contains("424242424242"));
}

#[tokio::test]
async fn a_failure_of_ours_gives_one_error_line_in_the_orders_trace() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let app = App::start_before(&nobody).await;
    let answer = app.post("/api/orders/batch", &json!({"orders": [new_order()]})).await;
    assert_eq!(answer.status().as_u16(), 200);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["results"][0]["status"], 503);
    let trace = answer["results"][0]["trace_id"].as_str().unwrap();
    let spans = recorder().wait_for_spans(trace, 2).await;
    assert!(spans.iter().all(|span| span.error.is_some()), "{spans:?}");
    let lines = recorder().lines(trace);
    let errors = lines.iter().filter(|line| line["severity"] == "ERROR").count();
    assert_eq!(errors, 1, "{lines:?}");
}

#[tokio::test]
async fn only_a_few_are_under_way_at_once() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let place = {
        let most = most.clone();
        move || async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // Time for others to come in, if they may.
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            now.fetch_sub(1, Ordering::SeqCst);
            (StatusCode::CREATED, Json(confirmed()))
        }
    };
    let app = App::start(Router::new().route("/orders", post(place))).await;
    let orders = vec![new_order(); 100];
    let answer: Value = app.post("/api/orders/batch", &json!({"orders": orders})).await.json().await.unwrap();
    let results = answer["results"].as_array().unwrap();
    assert!(results.len() == 100 && results.iter().all(|result| result["status"] == 201), "{results:?}");
    assert!(most.load(Ordering::SeqCst) <= 8);
}

#[tokio::test]
async fn what_is_no_batch_is_refused_as_a_whole() {
    let app = App::start(Router::new()).await;
    for (body, pointer) in [
        (json!({"orders": []}), "/orders"),
        (json!({"orders": vec![new_order(); 101]}), "/orders"),
        (json!({"orders": {}}), "/orders"),
        (json!({"orders": [new_order()], "atomic": true}), "/atomic"),
        (json!({}), ""),
    ] {
        let answer = problem(app.post("/api/orders/batch", &body).await, 422).await;
        assert_eq!(answer.errors[0].pointer, pointer);
        assert!(!format!("{answer:?}").contains("42424242"), "{answer:?}");
    }
    let request = app.client.post(format!("{}/api/orders/batch", app.api));
    let with_key = request.header("idempotency-key", "k").json(&json!({"orders": [new_order()]}));
    problem(with_key.send().await.unwrap(), 400).await;
}
