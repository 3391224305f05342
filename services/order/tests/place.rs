//! Orders that go well.

use crate::{
    app::{App, CARD, CUSTOMER, client, order, read, span},
    neighbours::Neighbours,
};
use serde_json::json;
use std::collections::HashSet;
use telemetry::testing::{assert_tree, recorder};
use tokio::task::JoinSet;

#[tokio::test]
async fn a_placed_order_is_answered_kept_and_found_again() {
    let neighbours = Neighbours::start();
    let app = App::start(&neighbours).await;
    let answer = app.place().await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let id = answer.body["id"].as_str().unwrap();
    assert_eq!(answer.headers["location"], format!("/api/orders/{id}"));
    let created_at = answer.body["created_at"].as_str().unwrap();
    assert!(created_at.len() == "2026-11-22T10:11:12.131415Z".len() && created_at.ends_with('Z'));
    let expected = json!({
        "id": id, "status": "confirmed", "customer_id": CUSTOMER,
        "items": [{"sku": "TEA-EARL-GREY", "quantity": 2,
                   "unit_price": {"amount_minor": 1250, "currency": "EUR"}}],
        "total": {"amount_minor": 2500, "currency": "EUR"},
        "payment": {"transaction_id": id, "card_last4": "4242"},
        "created_at": created_at,
    });
    assert_eq!(answer.body, expected);
    assert_eq!(app.kept(id).await, expected);
    assert_eq!(neighbours.releases(id), 0);
}

#[tokio::test]
async fn its_trace_is_the_contracts() {
    let neighbours = Neighbours::start();
    let app = App::start(&neighbours).await;
    let answer = app.place().await;
    let spans = answer.spans(6).await;
    assert_tree(
        &spans,
        "
        order.create                SERVER    order-service
          order.checkInventory      CLIENT    order-service
          order.save                CLIENT    order-service
          order.processPayment      CLIENT    order-service
          order.confirm             CLIENT    order-service
          order-events publish      PRODUCER  order-service
        ",
    );
    assert!(spans.iter().all(|span| span.error.is_none()), "{spans:#?}");

    let root = &span(&spans, "order.create").attributes;
    assert_eq!(root["order.id"], answer.body["id"]);
    assert_eq!(root["order.item_count"], 1);
    assert_eq!(root["order.total_amount_minor"], 2500);
    assert_eq!(root["order.currency"], "EUR");
    assert_eq!(root["payment.method"], "card");
    assert_eq!(root["http.response.status_code"], 201);
    assert_eq!(root["customer.ref"], *app.telemetry.customer_ref(CUSTOMER).as_str());
    let publish = &span(&spans, "order-events publish").attributes;
    assert_eq!(publish["messaging.destination.name"], "order-events");
    assert_eq!(publish["order.id"], answer.body["id"]);
    let save = &span(&spans, "order.save").attributes;
    assert_eq!(save["db.system.name"], "sqlite");
    assert_eq!(save["db.collection.name"], "orders");
}

#[tokio::test]
async fn its_lines_and_metrics_lead_to_its_trace() {
    let neighbours = Neighbours::start();
    let app = App::start(&neighbours).await;
    let answer = app.place().await;
    assert_eq!(answer.messages("INFO"), ["order confirmed"]);
    assert_eq!(answer.messages("ERROR"), [""; 0]);
    let line = recorder().lines(answer.trace_id()).remove(0);
    assert_eq!(line["order_id"], answer.body["id"]);
    assert!(line["duration_ms"].is_number());
    assert_eq!(line["target"], "order::place");

    let exemplar = format!("# {{trace_id=\"{}\"}}", answer.trace_id());
    let counted = app.metric("orders_total{status=\"confirmed\"} 1 ").unwrap();
    assert!(counted.starts_with(&exemplar), "{counted}");
    let text = app.telemetry.metrics().encode();
    let bucket = text.lines().find(|line| {
        line.starts_with("order_processing_duration_seconds_bucket{") && line.contains(&exemplar)
    });
    assert!(bucket.is_some_and(|line| line.contains("status=\"confirmed\"")), "{text}");
}

#[tokio::test]
async fn neighbours_are_asked_in_turn_within_the_trace_and_the_deadline() {
    let neighbours = Neighbours::start();
    let app = App::start(&neighbours).await;
    let request = client().post(app.url("/orders")).json(&order(CARD));
    let baggage = "session_id=s-77,customer_tier=gold";
    let request = request.header("baggage", baggage).header("x-deadline-ms", "2000");
    let parent = "00-7777000077b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = request.header("traceparent", parent).header("tracestate", "vendor=opaque");
    let answer = read(request.send().await.unwrap()).await;
    let spans = answer.spans(6).await;

    let reserve = neighbours.inventory.received("/reservations").remove(0);
    assert_eq!(reserve.body["order_id"], answer.body["id"]);
    assert_eq!(reserve.body["items"], json!([{"sku": "TEA-EARL-GREY", "quantity": 2}]));
    let charge = neighbours.payment.received("/charges").remove(0);
    assert_eq!(
        charge.body,
        json!({"order_id": answer.body["id"], "amount": {"amount_minor": 2500, "currency": "EUR"},
               "method": "card", "card_number": CARD})
    );
    for (request, name) in [(&reserve, "order.checkInventory"), (&charge, "order.processPayment")] {
        let client_span = span(&spans, name);
        let traceparent = format!("00-{}-{}-01", client_span.trace_id, client_span.span_id);
        assert_eq!(request.header("traceparent"), traceparent);
        assert_eq!(request.header("tracestate"), "vendor=opaque");
        let mut entries: Vec<&str> = request.header("baggage").split(',').collect();
        entries.sort_unstable();
        assert_eq!(entries, ["customer_tier=gold", "session_id=s-77"]);
        assert!(request.header("x-deadline-ms").parse::<u64>().unwrap() <= 2000);
    }
    let root = &span(&spans, "order.create").attributes;
    assert_eq!((&root["session.id"], &root["customer.tier"]), (&json!("s-77"), &json!("gold")));
    let line = recorder().lines(answer.trace_id()).remove(0);
    assert_eq!((&line["session_id"], &line["customer_tier"]), (&json!("s-77"), &json!("gold")));
}

#[tokio::test]
async fn orders_placed_at_once_are_all_kept() {
    let neighbours = Neighbours::start();
    let app = App::start(&neighbours).await;
    let client = client();
    let mut asking = JoinSet::new();
    for _ in 0..16 {
        asking.spawn(client.post(app.url("/orders")).json(&order(CARD)).send());
    }
    let mut ids = HashSet::new();
    while let Some(answer) = asking.join_next().await {
        let answer = read(answer.unwrap().unwrap()).await;
        ids.insert(answer.body["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 16);
    for id in ids {
        assert_eq!(app.kept(&id).await["status"], "confirmed");
    }
    assert_eq!(neighbours.receiver.wait_for("/events", 16).await.len(), 16);
}
