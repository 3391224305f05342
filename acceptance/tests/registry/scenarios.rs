//! Everything that happens to orders, once.

use acceptance::{Answered, CARD, CUSTOMER, DECLINED_CARD, EARL_GREY, NOT_IN_STOCK, Stack, new_order};
use serde_json::{Value, json};
use testkit::{OtlpSink, eventually};

const BAGGAGE: (&str, &str) = ("baggage", "session_id=s-7,customer_tier=gold");
const TOO_LITTLE_MONEY: &str = "4000000000009995";
const CANNOT_ANSWER: &str = "4000000000000119";

pub fn environment(pipeline: &str) -> Vec<(&'static str, String)> {
    let env = [
        ("TELEMETRY_PIPELINE", pipeline),
        ("LOG_LEVEL", "debug"),
        ("ORDER_LEASE_MS", "1000"),
        ("RESUME_INTERVAL_MS", "200"),
        ("RESERVATION_TTL_MS", "3000"),
        ("EVENT_ATTEMPTS", "2"),
    ];
    env.map(|(name, value)| (name, value.to_owned())).to_vec()
}

pub async fn run(stack: &mut Stack, otlp: &OtlpSink) {
    orders(stack).await;
    reads(stack).await;
    interruptions(stack, otlp).await;
    office(stack).await;
}

/// An order of each outcome; one that is cancelled, one in a batch, one for later, one with a key.
async fn orders(stack: &Stack) {
    let key = ("idempotency-key", "registry-1");
    let placed = stack.place_with(EARL_GREY, CARD, &[BAGGAGE, key]).await;
    assert_eq!(placed.status, 201, "{}", placed.body);
    for (sku, card, status) in [
        (EARL_GREY, DECLINED_CARD, 402),
        (EARL_GREY, TOO_LITTLE_MONEY, 402),
        (EARL_GREY, CANNOT_ANSWER, 503),
        (NOT_IN_STOCK, CARD, 409),
        ("TEA-OF-NOWHERE", CARD, 422),
    ] {
        assert_eq!(stack.place_with(sku, card, &[BAGGAGE]).await.status, status, "{sku} {card}");
    }
    post(stack, &format!("/api/orders/{}/cancel", placed.order_id()), &json!(null), 200).await;
    let orders = json!({"orders": [new_order(EARL_GREY, CARD), new_order(EARL_GREY, DECLINED_CARD)]});
    post(stack, "/api/orders/batch", &orders, 200).await;
    for sku in [EARL_GREY, NOT_IN_STOCK] {
        let later = stack.place_with(sku, CARD, &[BAGGAGE, ("prefer", "respond-async")]).await;
        end_of(stack, &later).await;
    }
}

/// Everything that can be looked at, and something that cannot.
async fn reads(stack: &Stack) {
    let placed = stack.place(EARL_GREY, CARD).await;
    for (path, status) in [
        (format!("/api/orders?customer_id={CUSTOMER}"), 200),
        (format!("/api/orders/{}", placed.order_id()), 200),
        ("/api/products".to_owned(), 200),
        (format!("/api/products/{EARL_GREY}"), 200),
        ("/api/openapi.json".to_owned(), 200),
        ("/docs".to_owned(), 200),
        ("/nowhere".to_owned(), 404),
    ] {
        let answer = stack.get("gateway", &path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
    }
    // Refused before it is a request: there is a line, and no span.
    let too_long = stack.client().get(stack.url("gateway")).header("x-long", "x".repeat(20 * 1024));
    assert_eq!(Answered::to(too_long).await.status, 431);
}

/// What operators do.
async fn office(stack: &Stack) {
    for (path, body) in [
        ("/admin/customers/rotate-key", json!({})),
        ("/admin/dead-letters/replay", json!({})),
        ("/admin/customers/forget", json!({"customer_id": CUSTOMER})),
    ] {
        let url = format!("{}{path}", stack.admin("order"));
        let said = eventually(path, async || {
            let answer =
                Answered::to(stack.client().post(&url).header("x-operator", "ada").json(&body)).await;
            // Until the last order has ended.
            (answer.status != 409).then_some(answer)
        })
        .await;
        assert_eq!(said.status, 200, "{path}: {}", said.body);
    }
}

/// Payment is away for longer than a reservation lasts, and the order service dies meanwhile. When the order goes on, others
/// have bought what it is about: its event is refused until it is a dead letter.
async fn interruptions(stack: &mut Stack, otlp: &OtlpSink) {
    stack.kill("payment");
    let accepted = stack.place_with(EARL_GREY, CARD, &[BAGGAGE, ("prefer", "respond-async")]).await;
    eventually("the order to be left for later", async || {
        let spans = otlp.trace(accepted.trace_id());
        spans.iter().any(|span| span.name == "order.postpone").then_some(())
    })
    .await;
    stack.kill("order");
    eventually("the reservation to be over", async || {
        let held = stack.database("inventory").count("reservations WHERE state = 'held'").await;
        (held == 0).then_some(())
    })
    .await;
    stack.database("inventory").execute("UPDATE products SET on_hand = reserved").await;
    stack.restart("payment");
    stack.restart("order");
    stack.ready().await;
    end_of(stack, &accepted).await;
    eventually("a dead letter", async || {
        let metrics = stack.metrics("order").await;
        metrics.samples("outbox_dead_letters_total").iter().any(|sample| sample.value > 0.0).then_some(())
    })
    .await;
}

async fn post(stack: &Stack, path: &str, body: &Value, status: u16) {
    let request = stack.client().post(format!("{}{path}", stack.url("gateway"))).header(BAGGAGE.0, BAGGAGE.1);
    let answer = Answered::to(request.json(body)).await;
    assert_eq!(answer.status, status, "{path}: {}", answer.body);
}

async fn end_of(stack: &Stack, accepted: &Answered) {
    let path = format!("/api/orders/{}", accepted.order_id());
    eventually("the end of an order", async || {
        let order = stack.get("gateway", &path).await;
        (order.body["status"] != "pending").then_some(())
    })
    .await;
}
