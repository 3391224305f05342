//! Everything that can be wrong with a request, and with what stands behind the gateway.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Value, json};
use telemetry::testing::recorder;

use crate::app::{App, new_order, problem};

/// A gateway behind which nothing should be asked for.
async fn alone() -> App {
    App::start(Router::new()).await
}

#[tokio::test]
async fn invalid_values_are_all_named() {
    let app = alone().await;
    let mut body = new_order();
    body["customer_id"] = json!("");
    body["items"] = json!([{"sku": "tea", "quantity": 0}]);
    body["payment"] = json!({"method": "cash", "card_number": "4242424242424241"});
    let answer = problem(app.post("/api/orders", &body).await, 422).await;
    let pointers: Vec<_> = answer.errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        ["/customer_id", "/items/0/sku", "/items/0/quantity", "/payment/method", "/payment/card_number"]
    );
    assert_eq!(answer.instance.as_deref(), Some("/api/orders"));
    assert!(!format!("{answer:?}").contains("42424242"), "{answer:?}");
}

#[tokio::test]
async fn requests_that_cannot_be_read() {
    let app = alone().await;
    let send = async |content_type: &str, body: String| {
        let request = app.client.post(format!("{}/api/orders", app.api)).header("content-type", content_type);
        request.body(body).send().await.unwrap()
    };
    problem(send("application/json", "{".into()).await, 400).await;
    problem(send("application/json", String::new()).await, 400).await;
    problem(send("text/plain", new_order().to_string()).await, 415).await;
    problem(send("application/json", " ".repeat(256 * 1024 + 1)).await, 413).await;
    let shape =
        problem(send("application/json", r#"{"customer_id": 4242424242424242}"#.into()).await, 422).await;
    assert_eq!(shape.errors[0].pointer, "/customer_id");
    assert!(!format!("{shape:?}").contains("42424242"), "{shape:?}");
    let mut more = new_order();
    more["coupon"] = json!("FREE");
    assert_eq!(problem(app.post("/api/orders", &more).await, 422).await.errors[0].pointer, "/coupon");
    let deep = "[".repeat(10_000);
    problem(send("application/json", deep).await, 400).await;
}

#[tokio::test]
async fn paths_and_methods() {
    let app = alone().await;
    for path in ["/", "/api", "/api/order", "/api/orders/42", "/orders"] {
        assert_eq!(problem(app.get(path).await, 404).await.instance.as_deref(), Some(path));
    }
    for (path, allowed) in [("/api/orders/batch", "POST"), ("/api/products", "GET,HEAD")] {
        let answer = app.client.delete(format!("{}{path}", app.api)).send().await.unwrap();
        assert_eq!(answer.headers()["allow"], allowed);
        problem(answer, 405).await;
    }
    problem(app.post("/api/orders/42/cancel", &Value::Null).await, 404).await;
}

#[tokio::test]
async fn a_clients_mistake_fails_no_span_and_gives_no_error_line() {
    let app = alone().await;
    for answer in [
        app.post("/api/orders", &json!({})).await,
        app.get("/nowhere").await,
        app.get("/api/orders?limit=0").await,
    ] {
        let trace = answer.headers()["x-trace-id"].to_str().unwrap().to_owned();
        let spans = recorder().wait_for_spans(&trace, 1).await;
        assert_eq!(spans[0].error, None);
        assert!(recorder().lines(&trace).iter().all(|line| line["severity"] != "ERROR"));
    }
}

#[tokio::test]
async fn malformed_trace_headers_start_a_new_trace() {
    let app = alone().await;
    for bad in ["nonsense", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "ff-x-y-z", ""] {
        let request = app.client.get(format!("{}/nowhere", app.api)).header("traceparent", bad);
        let answer = request.header("baggage", "=;=,,%%%").send().await.unwrap();
        problem(answer, 404).await;
    }
}

/// The status and the error lines of an order with this behind the gateway.
async fn order_with(app: App) -> (u16, Option<String>, usize) {
    let answer = app.post("/api/orders", &new_order()).await;
    let status = answer.status().as_u16();
    let retry_after = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    let trace = problem(answer, status).await.trace_id.unwrap();
    let spans = recorder().wait_for_spans(&trace, 2).await;
    assert!(spans.iter().all(|span| span.error.is_some()), "{spans:?}");
    let errors = recorder().lines(&trace).iter().filter(|line| line["severity"] == "ERROR").count();
    (status, retry_after, errors)
}

#[tokio::test]
async fn an_order_service_that_does_not_do_its_part() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let one_second = Some("1".to_owned());
    assert_eq!(order_with(App::start_before(&nobody).await).await, (503, one_second.clone(), 1));

    let silent = Router::new().route("/orders", post(std::future::pending::<()>));
    assert_eq!(order_with(App::start(silent).await).await, (504, None, 1));

    let html = Router::new()
        .route("/orders", post(|| async { (StatusCode::BAD_GATEWAY, "<html>the secret</html>") }));
    assert_eq!(order_with(App::start(html).await).await, (503, one_second.clone(), 1));

    let strange = |_: axum::Json<Value>| async { (StatusCode::CREATED, "{\"id\": 42}") };
    assert_eq!(
        order_with(App::start(Router::new().route("/orders", post(strange))).await).await,
        (503, one_second, 1)
    );
}
