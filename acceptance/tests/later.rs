//! `Prefer: respond-async`: accepted now, placed later, in the same trace.

use acceptance::{Answered, CARD, DECLINED_CARD, EARL_GREY, Stack};
use telemetry::testing::SpanRecord;
use testkit::eventually;

const LATER: [(&str, &str); 1] = [("prefer", "respond-async")];

/// Waits until an order is not pending any more.
async fn ended(stack: &Stack, accepted: &Answered) -> Answered {
    let path = accepted.header("location").to_owned();
    eventually("the end of an order", async || {
        let order = stack.get("gateway", &path).await;
        (order.body["status"] != "pending").then_some(order)
    })
    .await
}

#[tokio::test]
async fn an_accepted_order_is_placed_in_its_own_trace() {
    let stack = Stack::shared().await;
    let accepted = stack.place_with(EARL_GREY, CARD, &LATER).await;
    assert_eq!((accepted.status, &accepted.body["status"]), (202, &"pending".into()), "{}", accepted.body);
    assert_eq!(accepted.header("location"), format!("/api/orders/{}", accepted.order_id()));
    assert_eq!(accepted.header("preference-applied"), "respond-async");

    let order = ended(&stack, &accepted).await;
    assert_eq!((order.status, &order.body["status"]), (200, &"confirmed".into()), "{}", order.body);
    assert_eq!(order.body["total"]["amount_minor"], 2500);
    // Each service exports in its own time: wait until nothing is missing.
    let names = [
        "gateway.createOrder",
        "order.process",
        "inventory.reserve",
        "payment.charge",
        "order-events process",
    ];
    let trace = eventually("the whole trace", async || {
        let spans = stack.spans(accepted.trace_id(), 10).await;
        let is_here = |name: &&str| spans.iter().any(|span| span.name == *name && span.error.is_none());
        (names.iter().all(is_here) && roots(&spans).len() == 1).then_some(spans)
    })
    .await;
    assert_eq!(roots(&trace)[0].name, "gateway.createOrder");
    stack.lines(&format!("trace_id={}", accepted.trace_id()), 5).await;
}

#[tokio::test]
async fn an_accepted_order_may_be_declined() {
    let stack = Stack::shared().await;
    let accepted = stack.place_with(EARL_GREY, DECLINED_CARD, &LATER).await;
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    assert_eq!(ended(&stack, &accepted).await.body["status"], "declined");
}

/// The spans whose parents are not here: one, in a whole trace.
fn roots(spans: &[SpanRecord]) -> Vec<&SpanRecord> {
    let is_here = |id: &String| spans.iter().any(|span| span.span_id == *id);
    spans.iter().filter(|span| !span.parent_span_id.as_ref().is_some_and(is_here)).collect()
}
