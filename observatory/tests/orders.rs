//! `GET /api/orders/{id}`.

use serde_json::json;

use crate::support::{Observatory, TRACE, attributes, export, span};

#[tokio::test]
async fn an_order_has_its_traces_and_its_lines_together() {
    let observatory = Observatory::start().await;
    let mut placed = span("00f067aa0ba902b7", "", "gateway.createOrder", 2, (0, 5000));
    placed["attributes"] = attributes(&[("order.id", "o-1")]);
    let mut looked_at = span("10f067aa0ba902b7", "", "gateway.getOrder", 2, (60_000, 61_000));
    looked_at["traceId"] = "1af7651916cd43dd8448eb211c80319c".into();
    looked_at["attributes"] = attributes(&[("order.id", "o-1")]);
    observatory.send_spans(&export("api-gateway", &[looked_at, placed])).await;
    let line = |second: u32, message: &str| json!({"timestamp": format!("2026-11-22T10:11:{second:02}Z"), "message": message, "trace_id": TRACE});
    let mut confirmed = line(14, "order confirmed");
    confirmed["order_id"] = "o-1".into();
    let mut other = line(15, "order confirmed");
    other["order_id"] = "o-2".into();
    observatory.send_lines(&[confirmed, line(13, "request taken"), other]).await;
    observatory.metric_reaches("observatory_stored_total", &[], 5).await;

    let order = observatory.json("/api/orders/o-1").await;
    assert_eq!(order["order_id"], "o-1");
    assert_eq!(order["trace_ids"], json!([TRACE, "1af7651916cd43dd8448eb211c80319c"]));
    let messages: Vec<_> =
        order["logs"].as_array().unwrap().iter().map(|line| line["message"].clone()).collect();
    assert_eq!(messages, ["request taken", "order confirmed"]);
    assert_eq!(order["exemplars"], json!([]));
    observatory.stop().await;
}
