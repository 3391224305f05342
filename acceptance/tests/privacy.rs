//! Card numbers and customer ids are in no span, line, metric or error.

use acceptance::{Answered, CUSTOMER, EARL_GREY, SERVICES, Stack, new_order};
use serde_json::json;

/// Accepted and declined cards, one of them with spaces where it does not belong.
const CARDS: [&str; 4] = ["4242424242424242", "4000000000000002", "5555555555554444", "378282246310005"];

#[tokio::test]
async fn secrets_are_nowhere() {
    let stack = Stack::shared().await;
    let mut everything = String::new();
    for card in CARDS {
        let answer = stack.place(EARL_GREY, card).await;
        everything += &told_of(&stack, &answer).await;
        if answer.status != 201 {
            everything += &answer.body.to_string();
        }
    }
    everything += &misplaced(&stack).await;
    for (_, command) in SERVICES {
        everything += stack.metrics(command).await.text();
    }
    everything += &stack.get("observatory", "/api/metrics").await.body.to_string();
    everything += &stack.get("observatory", "/api/logs?limit=1000").await.body.to_string();
    everything += &stack.get("observatory", "/api/traces?limit=100&lookback=1h").await.body.to_string();
    everything += &stack.printed();
    assert!(everything.contains("customer.ref") && everything.contains("order confirmed"));
    for secret in CARDS.into_iter().chain([CUSTOMER, "4242 4242", "4242-4242"]) {
        assert!(!everything.contains(secret), "{secret} …{}…", around(&everything, secret));
    }
}

/// Card numbers where they don't belong: answers that are errors, and the telemetry of them.
async fn misplaced(stack: &Stack) -> String {
    let card = CARDS[0];
    let mut everything = String::new();
    let url = |path: &str| format!("{}{path}", stack.url("gateway"));
    let client = stack.client();
    let mut as_customer = new_order(EARL_GREY, card);
    as_customer["customer_id"] = json!(card);
    let mut as_sku = new_order(card, card);
    as_sku["items"][0]["quantity"] = json!("4242-4242-4242-4242");
    let mut as_key = new_order(EARL_GREY, card);
    as_key[card] = json!(1);
    let traceparent = "00-6cf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let sneaky = format!("session_id={card},customer_tier=4242 4242 4242 4242");
    for request in [
        client.get(url(&format!("/api/orders/{card}"))),
        client.get(url(&format!("/api/products/{card}"))),
        client.get(url(&format!("/{card}?card={card}&customer_id={CUSTOMER}"))),
        client.post(url("/api/orders")).json(&as_customer),
        client.post(url("/api/orders")).json(&as_sku),
        client.post(url("/api/orders")).json(&as_key),
        client
            .post(url("/api/orders"))
            .header("content-type", "application/json")
            .body(format!("{{\"{card}")),
    ] {
        let request = request.header("baggage", &sneaky).header("traceparent", traceparent);
        let answer = Answered::to(request.header("user-agent", card)).await;
        assert!(answer.status >= 400, "{}", answer.body);
        everything += &answer.body.to_string();
    }
    // An accepted one, with the card in its baggage: it goes through all services.
    let answer = stack.place_with(EARL_GREY, card, &[("baggage", &sneaky)]).await;
    everything += &told_of(stack, &answer).await;
    let refused = stack.spans("6cf92f3577b34da6a3ce929d0e0e4736", 7).await;
    everything + &format!("{refused:?}")
}

/// Spans and lines of a whole order.
async fn told_of(stack: &Stack, answer: &Answered) -> String {
    let spans = stack.spans(answer.trace_id(), 15).await;
    let lines = stack.lines(&format!("trace_id={}", answer.trace_id()), 5).await;
    format!("{spans:?}\n{lines:?}\n")
}

fn around(text: &str, found: &str) -> String {
    let at = text.find(found).unwrap_or_default();
    text.chars().skip(text[..at].chars().count().saturating_sub(200)).take(400).collect()
}
