//! Cancelling: the money goes back, the stock too, and the order's trace shows it.

use acceptance::{Answered, CARD, DECLINED_CARD, EARL_GREY, Stack};
use telemetry::testing::assert_tree;
use testkit::eventually;

async fn cancel(stack: &Stack, order_id: &str) -> Answered {
    let url = format!("{}/api/orders/{order_id}/cancel", stack.url("gateway"));
    Answered::to(stack.client().post(url)).await
}

async fn available(stack: &Stack, sku: &str) -> i64 {
    let product = stack.get("gateway", &format!("/api/products/{sku}")).await;
    product.body["available"].as_i64().unwrap()
}

#[tokio::test]
async fn money_and_stock_go_back() {
    // No other test orders it.
    const SKU: &str = "KETTLE-GOOSENECK";
    let stack = Stack::shared().await;
    let before = available(&stack, SKU).await;
    let placed = stack.place(SKU, CARD).await;
    assert_eq!(placed.status, 201, "{}", placed.body);
    assert_eq!(available(&stack, SKU).await, before - 2);
    let id = placed.order_id();

    let cancelled = cancel(&stack, id).await;
    assert_eq!(
        (cancelled.status, &cancelled.body["status"]),
        (200, &"cancelled".into()),
        "{}",
        cancelled.body
    );
    for member in ["id", "items", "total", "created_at"] {
        assert_eq!(cancelled.body[member], placed.body[member], "{member}");
    }
    eventually("the stock to be back", async || (available(&stack, SKU).await == before).then_some(())).await;
    let state = format!("SELECT state FROM charges WHERE order_id = '{id}'");
    assert_eq!(stack.database("payment").rows(&state).await, [["refunded"]]);
    let kept = stack.get("gateway", &format!("/api/orders/{id}")).await;
    assert_eq!(kept.body, cancelled.body);

    // Again, nothing changes.
    let again = cancel(&stack, id).await;
    assert_eq!((again.status, &again.body), (200, &cancelled.body));
    assert_eq!(available(&stack, SKU).await, before);

    let spans = stack.spans(cancelled.trace_id(), 10).await;
    assert_tree(
        &spans,
        "
        gateway.cancelOrder               SERVER    api-gateway
          gateway.forwardCancel           CLIENT    api-gateway
            order.cancelOrder             SERVER    order-service
              order.markCancel            CLIENT    order-service
              order.load                  CLIENT    order-service
              order.refundPayment         CLIENT    order-service
                payment.refund            SERVER    payment-service
                  charge.void             CLIENT    payment-service
                  charge.refund           CLIENT    payment-service
              order.cancel                CLIENT    order-service
        ",
    );
    eventually("both events in the order's trace", async || {
        let spans = stack.spans(placed.trace_id(), 15).await;
        let events = spans.iter().filter(|span| span.name == "order-events process").count();
        (events == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_came_to_nothing_cannot_be_cancelled() {
    let stack = Stack::shared().await;
    let declined = stack.place(EARL_GREY, DECLINED_CARD).await;
    cancel(&stack, declined.order_id()).await.assert_problem(409, "not-cancellable");
    cancel(&stack, "0193f5c2-ffff-7000-8000-ffffffffffff").await.assert_problem(404, "not-found");
}
