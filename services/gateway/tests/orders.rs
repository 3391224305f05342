use api::problem::{Problem, ProblemKind};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use telemetry::testing::{SpanRecord, assert_tree, recorder};

use crate::app::{App, ID, confirmed, new_order, problem};

fn span<'a>(spans: &'a [SpanRecord], name: &str) -> &'a SpanRecord {
    spans.iter().find(|span| span.name == name).unwrap()
}

/// What a failing order service answers.
fn answers(problem: &Problem) -> Router {
    let status = problem.status;
    let body = serde_json::to_string(problem).unwrap();
    let headers = [("content-type", "application/problem+json"), ("retry-after", "3")];
    let answer = move || async move { (StatusCode::from_u16(status).unwrap(), headers, body) };
    Router::new().route("/orders", post(answer.clone())).route("/orders/{id}", get(answer))
}

#[tokio::test]
async fn an_order_is_passed_on_and_its_answer_back() {
    let place = |headers: HeaderMap, Json(body): Json<Value>| async move {
        assert_eq!(body, new_order(), "the order service hears what the client said");
        let left: u64 = headers["x-deadline-ms"].to_str().unwrap().parse().unwrap();
        assert!((1..=200).contains(&left), "{left}");
        assert!(headers["baggage"].to_str().unwrap().contains("session_id=s-7"));
        (StatusCode::CREATED, Json(confirmed())).into_response()
    };
    let app = App::start(Router::new().route("/orders", post(place))).await;
    let request = app.client.post(format!("{}/api/orders", app.api)).json(&new_order());
    let answer = request.header("baggage", "session_id=s-7,customer_tier=gold").send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 201);
    assert_eq!(answer.headers()["location"], format!("/api/orders/{ID}"));
    let trace = answer.headers()["x-trace-id"].to_str().unwrap().to_owned();
    assert_eq!(answer.json::<Value>().await.unwrap(), confirmed());

    let spans = recorder().wait_for_spans(&trace, 2).await;
    assert_tree(
        &spans,
        "
        gateway.createOrder     SERVER api-gateway
          gateway.forwardOrder  CLIENT api-gateway
        ",
    );
    let server = span(&spans, "gateway.createOrder");
    for (key, value) in [
        ("order.id", json!(ID)),
        ("order.item_count", json!(1)),
        ("order.total_amount_minor", json!(2500)),
        ("order.currency", json!("EUR")),
        ("payment.method", json!("card")),
        ("session.id", json!("s-7")),
        ("customer.tier", json!("gold")),
        ("http.route", json!("/api/orders")),
        ("http.response.status_code", json!(201)),
        ("log.index", json!("logs-waybill.api-gateway-default")),
    ] {
        assert_eq!(server.attributes.get(key), Some(&value), "{key}");
    }
    assert!(server.attributes.contains_key("customer.ref"));
    let lines = recorder().lines(&trace);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((&lines[0]["message"], &lines[0]["order_id"]), (&json!("order placed"), &json!(ID)));
    for secret in ["4242424242424242", "c-1042"] {
        assert!(!format!("{spans:?}{lines:?}").contains(secret), "{secret} is recorded");
    }
}

#[tokio::test]
async fn a_declined_card_is_passed_on_and_not_logged_again() {
    let declined = Problem {
        detail: Some("the card was declined".into()),
        instance: Some(format!("/api/orders/{ID}")),
        code: Some("card_declined".into()),
        ..Problem::new(ProblemKind::CardDeclined)
    };
    let app = App::start(answers(&declined)).await;
    let answer = problem(app.post("/api/orders", &new_order()).await, 402).await;
    let trace = answer.trace_id.clone().unwrap();
    assert_eq!(answer, Problem { trace_id: Some(trace.clone()), ..declined });

    let spans = recorder().wait_for_spans(&trace, 2).await;
    for span in &spans {
        assert_eq!(span.error.as_deref(), Some("the card was declined"), "{span:?}");
        assert_eq!(span.attributes["error.type"], "card_declined");
    }
    assert_eq!(span(&spans, "gateway.createOrder").attributes["order.id"], ID);
    let lines = recorder().lines(&trace);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((&lines[0]["severity"], &lines[0]["outcome"]), (&json!("INFO"), &json!("card_declined")));
    assert_eq!(lines[0]["order_id"], ID);
}

#[tokio::test]
async fn internal_paths_stay_inside_and_waiting_times_go_out() {
    let busy = Problem { instance: Some("/orders".into()), ..Problem::new(ProblemKind::Unavailable) };
    let app = App::start(answers(&busy)).await;
    let answer = app.post("/api/orders", &new_order()).await;
    assert_eq!(answer.headers()["retry-after"], "3");
    assert_eq!(problem(answer, 503).await.instance.as_deref(), Some("/api/orders"));
    let missing = Problem { instance: Some(format!("/orders/{ID}")), ..Problem::new(ProblemKind::NotFound) };
    let app = App::start(answers(&missing)).await;
    let answer = problem(app.get(&format!("/api/orders/{ID}")).await, 404).await;
    assert_eq!(answer.instance, Some(format!("/api/orders/{ID}")));
}

#[tokio::test]
async fn an_order_is_fetched() {
    let behind = Router::new().route(&format!("/orders/{ID}"), get(|| async { Json(confirmed()) }));
    let app = App::start(behind).await;
    let answer = app.get(&format!("/api/orders/{ID}")).await;
    let trace = answer.headers()["x-trace-id"].to_str().unwrap().to_owned();
    assert_eq!(answer.json::<Value>().await.unwrap(), confirmed());
    let spans = recorder().wait_for_spans(&trace, 2).await;
    assert_tree(
        &spans,
        "
        gateway.getOrder      SERVER api-gateway
          gateway.fetchOrder  CLIENT api-gateway
        ",
    );
    assert_eq!(span(&spans, "gateway.getOrder").attributes["order.id"], ID);
}
