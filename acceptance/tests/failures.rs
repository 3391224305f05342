//! Orders that come to nothing: the answer, the trace up to its root, and exactly one ERROR line.

use acceptance::{Answered, CARD, DECLINED_CARD, DECLINED_TREE, EARL_GREY, NOT_IN_STOCK, Stack, spans_in};
use serde_json::{Value, json};
use telemetry::testing::{SpanRecord, assert_tree};
use testkit::Line;

#[tokio::test]
async fn a_declined_card() {
    let stack = Stack::shared().await;
    let answer = stack.place(EARL_GREY, DECLINED_CARD).await;
    answer.assert_problem(402, "card-declined");
    assert_eq!(answer.body["code"], "card_declined");
    let spans = stack.spans(answer.trace_id(), spans_in(DECLINED_TREE)).await;
    assert_tree(&spans, DECLINED_TREE);
    let path = [
        "payment.charge",
        "order.processPayment",
        "order.create",
        "gateway.forwardOrder",
        "gateway.createOrder",
    ];
    assert_failed(&spans, &path, "card_declined", "the card was declined");
    let charge = find(&spans, "payment.charge");
    assert_eq!(charge.attributes["payment.error_code"], "card_declined");
    assert_eq!(charge.events, [event("PaymentFailed", &json!({"error": "card_declined"}))]);
    assert_eq!(charge.attributes["http.response.status_code"], 402);

    let lines = stack.lines(&format!("trace_id={}", answer.trace_id()), 5).await;
    assert_one_error(&lines, "payment-service", "the card was declined");
    assert_kept(&stack, &answer, "declined").await;
}

#[tokio::test]
async fn a_product_out_of_stock() {
    let stack = Stack::shared().await;
    let answer = stack.place(NOT_IN_STOCK, CARD).await;
    answer.assert_problem(409, "out-of-stock");
    assert_eq!(answer.body["errors"][0]["pointer"], "/items/0");
    let spans = stack.spans(answer.trace_id(), 7).await;
    assert_tree(
        &spans,
        "
        gateway.createOrder                 SERVER    api-gateway
          gateway.forwardOrder              CLIENT    api-gateway
            order.create                    SERVER    order-service
              order.checkInventory          CLIENT    order-service
                inventory.reserve           SERVER    inventory-service
                  reservation.save          CLIENT    inventory-service
              order.save                    CLIENT    order-service
        ",
    );
    let path = [
        "inventory.reserve",
        "order.checkInventory",
        "order.create",
        "gateway.forwardOrder",
        "gateway.createOrder",
    ];
    let description = format!("out of stock: {NOT_IN_STOCK}");
    assert_failed(&spans, &path, "out_of_stock", &description);
    let reserve = find(&spans, "inventory.reserve");
    assert_eq!(reserve.events, [event("StockShort", &json!({"sku": NOT_IN_STOCK}))]);

    let lines = stack.lines(&format!("trace_id={}", answer.trace_id()), 3).await;
    assert_one_error(&lines, "inventory-service", &description);
    assert_kept(&stack, &answer, "rejected").await;
}

#[tokio::test]
async fn too_little_money() {
    let stack = Stack::shared().await;
    let answer = stack.place(EARL_GREY, "4000000000009995").await;
    answer.assert_problem(402, "card-declined");
    assert_eq!(answer.body["code"], "insufficient_funds");
    assert_kept(&stack, &answer, "declined").await;
}

#[tokio::test]
async fn a_processor_that_cannot_answer_now() {
    let stack = Stack::shared().await;
    let answer = stack.place(EARL_GREY, "4000000000000119").await;
    answer.assert_problem(503, "unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    assert_kept(&stack, &answer, "failed").await;
    let lines = stack.lines(&format!("trace_id={}", answer.trace_id()), 6).await;
    assert_one_error(&lines, "payment-service", "the card processor cannot answer now");
}

#[tokio::test]
async fn an_unknown_product_is_rejected() {
    let stack = Stack::shared().await;
    let answer = stack.place("TEA-OF-NOWHERE", CARD).await;
    answer.assert_problem(422, "unknown-sku");
    assert_eq!(answer.body["errors"][0]["pointer"], "/items/0/sku");
    assert_kept(&stack, &answer, "rejected").await;
    let spans = stack.spans(answer.trace_id(), 7).await;
    let path = [
        "gateway.createOrder",
        "gateway.forwardOrder",
        "order.create",
        "order.checkInventory",
        "inventory.reserve",
    ];
    let why = "some items are not in the catalogue: see `errors`";
    assert_failed(&spans, &path, "unknown_sku", why);
    let lines = stack.lines(&format!("trace_id={}", answer.trace_id()), 3).await;
    assert_one_error(&lines, "inventory-service", why);
}

/// Panics unless exactly these spans of the trace have failed, all with the same reason.
fn assert_failed(spans: &[SpanRecord], path: &[&str], error_type: &str, description: &str) {
    for span in spans {
        let expected = path.contains(&span.name.as_str()).then_some(description);
        assert_eq!(span.error.as_deref(), expected, "{}", span.name);
        if expected.is_some() {
            assert_eq!(span.attributes["error.type"], error_type, "{}", span.name);
        }
    }
}

fn assert_one_error(lines: &[Line], service: &str, message: &str) {
    let errors: Vec<_> = lines.iter().filter(|line| line["severity"] == "ERROR").collect();
    assert_eq!(errors.len(), 1, "{lines:#?}");
    assert_eq!((&errors[0]["service"], &errors[0]["message"]), (&json!(service), &json!(message)));
    assert!(lines.iter().all(|line| line["severity"] != "WARN"), "{lines:#?}");
    let outcome =
        lines.iter().find(|line| line["message"] == "order not placed").expect("the gateway's line");
    assert_eq!((&outcome["service"], &outcome["severity"]), (&json!("api-gateway"), &json!("INFO")));
}

async fn assert_kept(stack: &Stack, answer: &Answered, status: &str) {
    let kept = stack.get("gateway", &format!("/api/orders/{}", answer.order_id())).await;
    assert_eq!((kept.status, &kept.body["status"]), (200, &json!(status)), "{}", kept.body);
}

fn find<'a>(spans: &'a [SpanRecord], name: &str) -> &'a SpanRecord {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no span {name}"))
}

fn event(name: &str, attributes: &Value) -> (String, serde_json::Map<String, Value>) {
    (name.to_owned(), attributes.as_object().unwrap().clone())
}
