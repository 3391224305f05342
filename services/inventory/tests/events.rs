//! Order events over HTTP: twice, too early, too late.

use api::event::CloudEvent;
use api::ids::OrderId;
use serde_json::json;
use service_kit::cloudevents::to_request;
use telemetry::testing::recorder;

use crate::app::{App, problem};
use testkit::Database;

const PU_ERH: &str = "TEA-PUERH-1998";

pub(crate) fn event(kind: &str, order: OrderId) -> CloudEvent {
    CloudEvent {
        specversion: "1.0".into(),
        id: format!("{kind} {order}"),
        source: "/order-service".into(),
        kind: kind.into(),
        subject: Some(order.to_string()),
        time: None,
        traceparent: None,
        tracestate: None,
        data: json!({"order_id": order}),
    }
}

async fn send(app: &App, event: &CloudEvent) -> reqwest::Response {
    let (headers, body) = to_request(event).unwrap();
    let request = app.client.post(format!("{}/events", app.api)).headers(headers).body(body);
    request.send().await.unwrap()
}

pub(crate) async fn deliver(app: &App, event: &CloudEvent) -> u16 {
    send(app, event).await.status().as_u16()
}

#[tokio::test]
async fn events_twice_and_in_any_order_end_the_same() {
    let (confirmed, cancelled) = ("order.confirmed", "order.cancelled");
    for database in Database::each().await {
        let app = App::start_on(database, &[]).await;
        for (events, available) in [
            (vec![confirmed], 1),
            (vec![confirmed, confirmed], 1),
            (vec![confirmed, cancelled], 3),
            (vec![confirmed, cancelled, confirmed, cancelled], 3),
            (vec![cancelled, confirmed], 3),
            (vec![cancelled, cancelled, confirmed, confirmed], 3),
        ] {
            let order = OrderId::new();
            app.reserve(order, json!([{"sku": PU_ERH, "quantity": 2}])).await;
            assert_eq!(app.reserved(PU_ERH).await, 2);
            for kind in &events {
                assert_eq!(deliver(&app, &event(kind, order)).await, 204, "{events:?}");
            }
            assert_eq!(
                (app.available(PU_ERH).await, app.reserved(PU_ERH).await),
                (available, 0),
                "{events:?}"
            );
            assert_eq!(deliver(&app, &event(cancelled, order)).await, 204);
            assert_eq!(app.available(PU_ERH).await, 3);
        }
    }
}

#[tokio::test]
async fn sold_is_sold() {
    let app = App::start().await;
    let order = OrderId::new();
    app.reserve(order, json!([{"sku": PU_ERH, "quantity": 2}])).await;
    assert_eq!(deliver(&app, &event("order.confirmed", order)).await, 204);
    assert_eq!(app.release(order).await, 409);
    let again = app.reserve(order, json!([{"sku": PU_ERH, "quantity": 2}])).await;
    assert_eq!(again.status().as_u16(), 201, "the same request has the same answer");
    assert_eq!(app.available(PU_ERH).await, 1);
}

#[tokio::test]
async fn a_cancellation_that_comes_before_everything_else_stands() {
    let app = App::start().await;
    let order = OrderId::new();
    assert_eq!(deliver(&app, &event("order.cancelled", order)).await, 204);
    problem(app.reserve(order, json!([{"sku": PU_ERH, "quantity": 2}])).await, 409).await;
    assert_eq!(deliver(&app, &event("order.confirmed", order)).await, 204);
    assert_eq!(app.release(order).await, 204);
    assert_eq!(app.available(PU_ERH).await, 3);
}

#[tokio::test]
async fn a_confirmation_after_the_release_takes_the_stock_again_if_it_is_there() {
    for database in Database::each().await {
        let app = App::start_on(database, &[]).await;
        let (late, too_late) = (OrderId::new(), OrderId::new());
        for order in [late, too_late] {
            app.reserve(order, json!([{"sku": PU_ERH, "quantity": 2}])).await;
            assert_eq!(app.release(order).await, 204);
        }
        assert_eq!(deliver(&app, &event("order.confirmed", late)).await, 204);
        assert_eq!(app.available(PU_ERH).await, 1);

        let answer = send(&app, &event("order.confirmed", too_late)).await;
        let trace = answer.headers()["x-trace-id"].to_str().unwrap().to_owned();
        assert!(problem(answer, 409).await.kind_uri.ends_with("/out-of-stock"));
        let lines = recorder().lines(&trace);
        assert_eq!((lines.len(), &lines[0]["severity"]), (1, &json!("ERROR")), "{lines:?}");
        assert_eq!(app.available(PU_ERH).await, 1);

        assert_eq!(deliver(&app, &event("order.cancelled", late)).await, 204);
        assert_eq!(deliver(&app, &event("order.confirmed", too_late)).await, 204, "tried again");
        assert_eq!(app.available(PU_ERH).await, 1);
    }
}

#[tokio::test]
async fn an_order_nobody_knows_is_refused() {
    let app = App::start().await;
    let order = OrderId::new();
    assert!(
        problem(send(&app, &event("order.confirmed", order)).await, 409)
            .await
            .kind_uri
            .ends_with("/conflict")
    );
    let released = OrderId::new();
    assert_eq!(app.release(released).await, 204);
    assert_eq!(deliver(&app, &event("order.confirmed", released)).await, 409);
}

#[tokio::test]
async fn an_event_of_other_concern_is_acknowledged() {
    let app = App::start().await;
    let order = OrderId::new();
    app.reserve(order, json!([{"sku": PU_ERH, "quantity": 2}])).await;
    for kind in ["order.painted", "com.example.else"] {
        assert_eq!(deliver(&app, &event(kind, order)).await, 204);
    }
    assert_eq!(app.reserved(PU_ERH).await, 2);
}

#[tokio::test]
async fn an_event_without_an_order_is_refused() {
    let app = App::start().await;
    for kind in ["order.confirmed", "order.cancelled"] {
        let mut event = event(kind, OrderId::new());
        event.data = json!({"order": 42});
        assert_eq!(deliver(&app, &event).await, 422);
    }
}
