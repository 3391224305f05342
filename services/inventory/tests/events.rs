use api::event::CloudEvent;
use api::ids::OrderId;
use serde_json::json;
use service_kit::cloudevents::to_request;

use crate::app::App;

const PU_ERH: &str = "TEA-PUERH-1998";

fn event(kind: &str, id: &str, order: OrderId) -> CloudEvent {
    CloudEvent {
        specversion: "1.0".into(),
        id: id.into(),
        source: "/order-service".into(),
        kind: kind.into(),
        subject: Some(order.to_string()),
        time: None,
        traceparent: None,
        tracestate: None,
        data: json!({"order_id": order}),
    }
}

async fn deliver(app: &App, event: &CloudEvent) -> u16 {
    let (headers, body) = to_request(event).unwrap();
    let request = app.client.post(format!("{}/events", app.api)).headers(headers).body(body);
    request.send().await.unwrap().status().as_u16()
}

/// Pieces on hand and not available: reserved.
async fn reserved(app: &App) -> String {
    let metrics =
        app.client.get(format!("{}/metrics", app.admin)).send().await.unwrap().text().await.unwrap();
    let prefix = format!("inventory_stock_units{{sku=\"{PU_ERH}\",state=\"reserved\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&prefix)).expect("no gauge").to_owned()
}

#[tokio::test]
async fn a_confirmed_order_turns_its_reservation_into_a_sale() {
    let app = App::start().await;
    let order = OrderId::new();
    app.reserve(order, json!([{"sku": PU_ERH, "quantity": 2}])).await;
    assert_eq!(reserved(&app).await, "2");
    for _ in 0..2 {
        assert_eq!(deliver(&app, &event("order.confirmed", "e-1", order)).await, 204);
    }
    assert_eq!(deliver(&app, &event("order.confirmed", "e-2", order)).await, 204);
    assert_eq!((app.available(PU_ERH).await, reserved(&app).await.as_str()), (1, "0"));
    assert_eq!(app.release(order).await, 409, "sold is sold");
    let again = app.reserve(order, json!([{"sku": PU_ERH, "quantity": 2}])).await;
    assert_eq!(again.status().as_u16(), 201, "the same request has the same answer");
    assert_eq!(app.available(PU_ERH).await, 1);
}

#[tokio::test]
async fn an_event_of_other_concern_is_acknowledged() {
    let app = App::start().await;
    let order = OrderId::new();
    app.reserve(order, json!([{"sku": PU_ERH, "quantity": 2}])).await;
    for kind in ["order.cancelled", "order.painted", "com.example.else"] {
        assert_eq!(deliver(&app, &event(kind, kind, order)).await, 204);
    }
    assert_eq!(deliver(&app, &event("order.confirmed", "e-9", OrderId::new())).await, 204, "nothing to sell");
    assert_eq!(reserved(&app).await, "2");
}

#[tokio::test]
async fn a_confirmation_without_an_order_is_refused() {
    let app = App::start().await;
    let mut event = event("order.confirmed", "e-1", OrderId::new());
    event.data = json!({"order": 42});
    assert_eq!(deliver(&app, &event).await, 422);
}
