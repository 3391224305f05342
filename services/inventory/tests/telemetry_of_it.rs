//! What a reservation looks like in a trace, in the log and in the metrics.

use api::ids::OrderId;
use reqwest::Response;
use serde_json::{Value, json};
use telemetry::testing::{SpanRecord, assert_tree, recorder};

use crate::app::App;

fn trace_id(answer: &Response) -> String {
    answer.headers()["x-trace-id"].to_str().unwrap().to_owned()
}

fn server_span(spans: &[SpanRecord]) -> &SpanRecord {
    spans.iter().find(|span| span.kind != "CLIENT").unwrap()
}

#[tokio::test]
async fn a_reservation() {
    let app = App::start().await;
    let order = OrderId::new();
    let trace = trace_id(&app.reserve(order, json!([{"sku": "TEA-OOLONG", "quantity": 2}])).await);
    let spans = recorder().wait_for_spans(&trace, 2).await;
    assert_tree(
        &spans,
        "
        inventory.reserve   SERVER inventory-service
          reservation.save  CLIENT inventory-service
        ",
    );
    let server = server_span(&spans);
    assert_eq!(server.attributes["order.id"], json!(order));
    assert_eq!(server.attributes["order.item_count"], json!(1));
    assert_eq!(server.attributes["http.route"], "/reservations");
    assert_eq!(server.events, [("StockReserved".to_owned(), serde_json::Map::new())]);
    assert_eq!(server.error, None);
    let lines = recorder().lines(&trace);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((&lines[0]["message"], &lines[0]["order_id"]), (&json!("stock reserved"), &json!(order)));
}

#[tokio::test]
async fn too_little_stock_fails_the_span_and_gives_one_error_line() {
    let app = App::start().await;
    let trace =
        trace_id(&app.reserve(OrderId::new(), json!([{"sku": "POT-CAST-IRON", "quantity": 1}])).await);
    let spans = recorder().wait_for_spans(&trace, 2).await;
    let server = server_span(&spans);
    assert_eq!(server.error.as_deref(), Some("out of stock: POT-CAST-IRON"));
    assert_eq!(server.attributes["error.type"], "out_of_stock");
    assert_eq!(server.events.len(), 1);
    assert_eq!(
        (server.events[0].0.as_str(), &server.events[0].1["sku"]),
        ("StockShort", &json!("POT-CAST-IRON"))
    );
    let database = spans.iter().find(|span| span.name == "reservation.save").unwrap();
    assert_eq!(database.error, None, "the database has done nothing wrong");
    let severities: Vec<Value> =
        recorder().lines(&trace).iter().map(|line| line["severity"].clone()).collect();
    assert_eq!(severities, ["ERROR"]);
}

#[tokio::test]
async fn a_clients_mistake_fails_nothing() {
    let app = App::start().await;
    for answer in [
        app.reserve(OrderId::new(), json!([])).await,
        app.reserve(OrderId::new(), json!([{"sku": "TEA-OOLONG", "quantity": 0}])).await,
        app.get("/nowhere").await,
        app.get("/products/TEA-OF-YESTERDAY").await,
    ] {
        let trace = trace_id(&answer);
        let spans = recorder().wait_for_spans(&trace, 1).await;
        assert!(spans.iter().all(|span| span.error.is_none()), "{spans:?}");
        assert!(recorder().lines(&trace).iter().all(|line| line["severity"] != "ERROR"));
    }
}

#[tokio::test]
async fn an_event_continues_the_trace_it_brings() {
    let app = App::start().await;
    for (header, trace) in [
        ("traceparent", "4bf92f3577b34da6a3ce929d0e0e4736"),
        // By the CloudEvents extension alone, as from a broker.
        ("ce-traceparent", "5bf92f3577b34da6a3ce929d0e0e4736"),
    ] {
        let order = OrderId::new();
        app.reserve(order, json!([{"sku": "TEA-OOLONG", "quantity": 1}])).await;
        let request = app.client.post(format!("{}/events", app.api)).json(&json!({"order_id": order}));
        let answer = request
            .header("ce-specversion", "1.0")
            .header("ce-id", trace)
            .header("ce-source", "/order-service")
            .header("ce-type", "order.confirmed")
            .header(header, format!("00-{trace}-00f067aa0ba902b7-01"))
            .send()
            .await
            .unwrap();
        assert_eq!((answer.status().as_u16(), trace_id(&answer)), (204, trace.to_owned()));
        let spans = recorder().wait_for_spans(trace, 2).await;
        assert_tree(
            &spans,
            "
            order-events process  CONSUMER inventory-service
              reservation.sell    CLIENT   inventory-service
            ",
        );
        let consumer = server_span(&spans);
        assert_eq!(consumer.parent_span_id.as_deref(), Some("00f067aa0ba902b7"));
        assert_eq!(consumer.attributes["messaging.message.id"], trace);
        assert_eq!(consumer.attributes["order.id"], json!(order));
    }
}

#[tokio::test]
async fn stock_and_requests_are_metrics() {
    let app = App::start().await;
    let trace =
        trace_id(&app.reserve(OrderId::new(), json!([{"sku": "TEA-PUERH-1998", "quantity": 2}])).await);
    let text = app.client.get(format!("{}/metrics", app.admin)).send().await.unwrap().text().await.unwrap();
    for line in [
        "inventory_stock_units{sku=\"TEA-PUERH-1998\",state=\"available\"} 1\n",
        "inventory_stock_units{sku=\"TEA-PUERH-1998\",state=\"reserved\"} 2\n",
        "inventory_stock_units{sku=\"POT-CAST-IRON\",state=\"available\"} 0\n",
        "http_route=\"/reservations\",http_response_status_code=\"201\"",
        "db_collection_name=\"reservations\"",
        &format!("trace_id=\"{trace}\""),
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}
