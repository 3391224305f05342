//! An order that was interrupted goes on in its own trace, but not for ever.

use acceptance::{CARD, EARL_GREY, Settings, Stack};
use testkit::eventually;

#[tokio::test]
async fn a_resumed_order_has_one_trace_and_a_link_to_who_resumed_it() {
    let env = [("ORDER_LEASE_MS", "1000"), ("RESUME_INTERVAL_MS", "200")];
    let env = env.map(|(name, value)| (name, value.to_owned())).to_vec();
    let mut stack = Stack::start(Settings { env, ..Settings::default() }).await;
    let seeded = stack.stock().await;
    stack.kill("payment");
    let accepted = stack.place_with(EARL_GREY, CARD, &[("prefer", "respond-async")]).await;
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    // It is reserved and cannot be paid.
    eventually("a charge that is not answered", async || {
        let spans = stack.spans(accepted.trace_id(), 5).await;
        spans.iter().any(|span| span.name == "order.processPayment" && span.error.is_some()).then_some(())
    })
    .await;
    stack.kill("order");
    stack.restart("payment");
    stack.restart("order");
    stack.ready().await;
    let statuses = stack.assert_books(&seeded).await;
    assert_eq!(statuses[accepted.order_id()], "confirmed");

    let (trace, resumed) = eventually("the resumed order's event in its trace", async || {
        let trace = stack.spans(accepted.trace_id(), 10).await;
        let charge = trace.iter().find(|span| span.name == "payment.charge")?;
        let call = trace.iter().find(|span| charge.parent_span_id.as_ref() == Some(&span.span_id))?;
        let resumed = trace.iter().find(|span| call.parent_span_id.as_ref() == Some(&span.span_id))?.clone();
        trace.iter().any(|span| span.name == "order-events process").then_some((trace, resumed))
    })
    .await;
    assert_eq!(resumed.name, "order.resumeOrder");
    let created = trace.iter().find(|span| span.name == "order.create").unwrap();
    assert_eq!(resumed.parent_span_id.as_ref(), Some(&created.span_id), "where the order was accepted");
    let [(trace_id, span_id)] = resumed.links.as_slice() else { panic!("{resumed:#?}") };
    assert_ne!(trace_id, accepted.trace_id());
    let run = stack.spans(trace_id, 1).await;
    let run = run.iter().find(|span| span.span_id == *span_id).unwrap();
    assert_eq!((run.name.as_str(), run.service.as_str()), ("order.resume", "order-service"));
}

#[tokio::test]
async fn no_order_is_pending_for_longer_than_its_limit() {
    let env = [("PENDING_LIMIT_MS", "1500"), ("ORDER_LEASE_MS", "1000"), ("RESUME_INTERVAL_MS", "200")];
    let env = env.map(|(name, value)| (name, value.to_owned())).to_vec();
    let mut stack = Stack::start(Settings { env, ..Settings::default() }).await;
    let seeded = stack.stock().await;
    stack.kill("payment");
    let accepted = stack.place_with(EARL_GREY, CARD, &[("prefer", "respond-async")]).await;
    let path = format!("/api/orders/{}", accepted.order_id());
    eventually("the order to be given up", async || {
        let order = stack.get("gateway", &path).await;
        (order.body["status"] == "failed").then_some(())
    })
    .await;
    // Nobody knows what payment has done of it: it is undone when payment can be asked.
    stack.restart("payment");
    stack.assert_books(&seeded).await;
    let charges = stack.database("payment").rows("SELECT state FROM charges").await;
    assert_eq!(charges, [["voided"]], "a charge that comes late is refused");
}
