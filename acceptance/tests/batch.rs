//! `POST /api/orders/batch`: each order on its own, with a trace of its own.

use acceptance::{Answered, CARD, DECLINED_CARD, EARL_GREY, NOT_IN_STOCK, Stack, new_order};
use serde_json::{Value, json};
use telemetry::testing::SpanRecord;
use testkit::eventually;

async fn post(stack: &Stack, orders: Vec<Value>) -> Answered {
    let request = stack.client().post(format!("{}/api/orders/batch", stack.url("gateway")));
    Answered::to(request.json(&json!({"orders": orders}))).await
}

#[tokio::test]
async fn each_order_has_its_own_result_and_trace() {
    let stack = Stack::shared().await;
    let mut invalid = new_order(EARL_GREY, CARD);
    invalid["items"][0]["quantity"] = json!(0);
    let orders = vec![
        new_order(EARL_GREY, CARD),
        new_order(EARL_GREY, DECLINED_CARD),
        invalid,
        new_order(NOT_IN_STOCK, CARD),
        new_order("TEA-ASSAM", CARD),
    ];
    let answer = post(&stack, orders).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let results = answer.body["results"].as_array().unwrap();
    let statuses: Vec<_> = results.iter().map(|result| result["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 402, 422, 409, 201], "{results:#?}");
    assert_eq!(results[0]["order"]["items"][0]["sku"], EARL_GREY);
    assert_eq!(results[4]["order"]["items"][0]["sku"], "TEA-ASSAM");
    assert_eq!(results[1]["problem"]["status"], 402);

    let batch = stack.spans(answer.trace_id(), 1).await;
    let batch = batch.iter().find(|span| span.name == "batch.process").unwrap();
    assert_eq!(batch.kind, "SERVER");
    for result in &results[..2] {
        let root = root_of(&stack, result).await;
        assert_eq!(root.name, "batch.processOrder");
        assert_eq!(root.links, [(batch.trace_id.clone(), batch.span_id.clone())]);
        assert_ne!(root.trace_id, batch.trace_id);
    }
}

/// The root of the trace that an order of a batch has of its own.
async fn root_of(stack: &Stack, result: &Value) -> SpanRecord {
    let id = result["order"]["id"].as_str();
    let instance = || result["problem"]["instance"].as_str()?.strip_prefix("/api/orders/");
    let path = format!("/api/orders/{}", id.or_else(instance).unwrap());
    eventually("the root of an order's trace", async || {
        let order = stack.get("observatory", &path).await;
        let [trace_id] = order.body["trace_ids"].as_array()?.as_slice() else { return None };
        let trace = stack.spans(trace_id.as_str()?, 1).await;
        trace.into_iter().find(|span| span.parent_span_id.is_none())
    })
    .await
}

#[tokio::test]
async fn a_batch_has_one_to_a_hundred_orders() {
    let stack = Stack::shared().await;
    for count in [0, 101] {
        let answer = post(&stack, vec![new_order(EARL_GREY, CARD); count]).await;
        answer.assert_problem(422, "invalid-values");
    }
}
