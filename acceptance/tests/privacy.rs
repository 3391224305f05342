//! Card numbers and customer ids are in no span, line, metric or error, wherever a caller puts them.

use acceptance::{Answered, CUSTOMER, EARL_GREY, SERVICES, Settings, Stack, new_order};
use proptest::{
    collection::vec,
    prelude::*,
    strategy::ValueTree,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use std::{fs, path::Path};
use telemetry::redact::passes_luhn;
use testkit::{LogSink, OtlpSink, eventually};

/// Accepted and declined cards.
const CARDS: [&str; 4] = ["4242424242424242", "4000000000000002", "5555555555554444", "378282246310005"];
/// How many others are made up, different ones at every run; a failure names its card.
const GENERATED: usize = 6;
/// Of the last request: when its telemetry has arrived, that of all others has.
const LAST: &str = "6cf92f3577b34da6a3ce929d0e0e4736";

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
    let cards: Vec<String> = CARDS.map(str::to_owned).into_iter().chain(generated()).collect();
    everything += &misplaced(&stack, &cards).await;
    let refused = stack.spans(LAST, 1).await;
    everything.extend(refused.iter().map(|span| format!("{span:?}")));
    for (_, command) in SERVICES {
        everything += stack.metrics(command).await.text();
    }
    everything += &stack.get("observatory", "/api/metrics").await.body.to_string();
    everything += &stack.get("observatory", "/api/logs?limit=1000").await.body.to_string();
    everything += &stack.get("observatory", "/api/traces?limit=100&lookback=1h").await.body.to_string();
    everything += &stack.printed();
    assert!(everything.contains("customer.ref") && everything.contains("order confirmed"));
    assert_clean(&everything, &cards);
    let files = files(&stack.folder().join("observatory"));
    assert!(files.iter().any(|file| file.contains("order confirmed")), "the day files have lines");
    for file in &files {
        for secret in cards.iter().map(String::as_str).chain([CUSTOMER]) {
            assert!(!file.contains(secret), "{secret} …{}…", around(file, secret));
        }
    }
}

#[tokio::test]
async fn secrets_are_in_nothing_that_is_exported() {
    let (spans, lines) = (OtlpSink::strict(), LogSink::strict());
    let settings = Settings { otlp: Some(spans.grpc()), log_ship: Some(lines.url()), ..Settings::default() };
    let stack = Stack::start(settings).await;
    let cards: Vec<String> = generated();
    let mut everything = misplaced(&stack, &cards).await;
    spans.wait_for(LAST, 1).await;
    eventually("the line of an order", async || lines.everything().contains("order confirmed").then_some(()))
        .await;
    for (_, command) in SERVICES {
        everything += stack.metrics(command).await.text();
    }
    everything += &stack.printed();
    everything += &lines.everything();
    everything.extend(spans.messages().iter().map(|span| format!("{span:?}")));
    everything.extend(spans.spans().iter().map(|span| format!("{span:?}")));
    everything += &spans.everything();
    assert!(everything.contains("customer.ref") && everything.contains("[redacted]"));
    assert_clean(&everything, &cards);
}

/// Card numbers as people write them, from 13 to 19 digits.
fn generated() -> Vec<String> {
    let digits = (1..10_u8, vec(0..10_u8, 11..=17)).prop_filter_map("a check digit", |(first, rest)| {
        let mut digits = [&[first], &rest[..]].concat();
        let is_right = |last: &u8| passes_luhn(digits.iter().copied().chain([*last]));
        let check = (0..10_u8).find(is_right)?;
        digits.push(check);
        Some(digits)
    });
    let separators = prop_oneof![Just(""), Just(" "), Just("-")];
    let written = (digits, separators.clone(), vec(separators, 18), any::<bool>()).prop_map(
        |(digits, one, many, is_mixed)| -> String {
            let after = |at: usize| match () {
                () if at + 1 == digits.len() => "",
                () if is_mixed => many[at],
                () => [one, ""][usize::from(at % 4 != 3)],
            };
            let written = digits.iter().enumerate();
            written.flat_map(|(at, digit)| [digit.to_string(), after(at).to_owned()]).collect()
        },
    );
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &rand::random::<[u8; 32]>());
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    (0..GENERATED).map(|_| written.new_tree(&mut runner).expect("a card").current()).collect()
}

/// Card numbers where they don't belong. Returns the answers.
async fn misplaced(stack: &Stack, cards: &[String]) -> String {
    let client = stack.client();
    let mut everything = String::new();
    for card in cards {
        for request in in_paths(stack, &client, card).into_iter().chain(in_bodies(stack, &client, card)) {
            let answer = Answered::to(in_headers(request, card)).await;
            assert!(answer.status >= 400 || answer.status == 200, "{card}: {}", answer.body);
            everything.extend([format!("{:?}", answer.headers), answer.body.to_string()]);
        }
        // Another name for this machine, which its doors don't open to.
        let named = client.get(format!("{}/api/products", stack.url("gateway")));
        let answer = Answered::to(named.header("host", format!("{}:80", digits(card)))).await;
        assert_eq!(answer.status, 403, "{}", answer.body);
        everything.extend([format!("{:?}", answer.headers), answer.body.to_string()]);
        // An accepted one, with the card in its headers: it goes through all services.
        let placed = client.post(format!("{}/api/orders", stack.url("gateway")));
        let answer = Answered::to(in_headers(placed.json(&new_order(EARL_GREY, CARDS[0])), card)).await;
        assert!(answer.status == 201, "{}", answer.body);
    }
    let traceparent = format!("00-{LAST}-00f067aa0ba902b7-01");
    let last = client.get(format!("{}/nowhere", stack.url("gateway"))).header("traceparent", traceparent);
    everything + &Answered::to(last).await.body.to_string()
}

fn digits(card: &str) -> String {
    card.chars().filter(char::is_ascii_digit).collect()
}

fn in_headers(request: RequestBuilder, card: &str) -> RequestBuilder {
    let digits = digits(card);
    request
        .header("traceparent", format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{digits:0>16.16}-01"))
        .header("tracestate", format!("vendor={digits},other=1"))
        .header("baggage", format!("session_id={digits};p={digits},customer_tier={card},{digits}=1"))
        .header("user-agent", card)
        .header("x-request-id", card)
        .header("authorization", format!("Bearer {card}"))
        .header("cookie", format!("card={card}"))
        .header("forwarded", format!("for={digits}"))
}

fn in_paths(stack: &Stack, client: &Client, card: &str) -> Vec<RequestBuilder> {
    let url = |path: &str| format!("{}{path}", stack.url("gateway"));
    [
        (Method::GET, format!("/api/orders/{card}")),
        (Method::POST, format!("/api/orders/{card}/cancel")),
        (Method::GET, format!("/api/products/{card}")),
        (Method::GET, format!("/{card}?card={card}&customer_id={CUSTOMER}")),
        (Method::GET, format!("/api/orders?customer_id={card}")),
        (Method::GET, format!("/api/orders?customer_id={CUSTOMER}&cursor={card}")),
        (Method::GET, format!("/api/orders?{card}={card}")),
        (Method::DELETE, format!("/api/orders/{card}")),
    ]
    .into_iter()
    .map(|(method, path)| client.request(method, url(&path)))
    .collect()
}

fn in_bodies(stack: &Stack, client: &Client, card: &str) -> Vec<RequestBuilder> {
    let url = |path: &str| format!("{}{path}", stack.url("gateway"));
    let order = |pointer: &str, value: Value| {
        let mut order = new_order(EARL_GREY, CARDS[0]);
        match order.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => panic!("no {pointer}"),
        }
        order
    };
    let with = |pointer: &str, key: &str, value: Value| {
        let mut order = new_order(EARL_GREY, CARDS[0]);
        order.pointer_mut(pointer).expect("an object")[key] = value;
        order
    };
    let number: u64 = digits(card).parse().expect("a number");
    let orders = vec![
        order("/customer_id", json!(card)),
        order("/items/0/sku", json!(card)),
        order("/items/0/quantity", json!(card)),
        order("/items/0/quantity", json!(number)),
        order("/items", json!(card)),
        order("/payment/method", json!(card)),
        order("/payment/card_number", json!(format!("x{card}"))),
        order("/payment/card_number", json!(number)),
        with("", "currency", json!(card)),
        with("", "note", json!({"deep": [{"deeper": card}]})),
        with("", card, json!(1)),
        with("/payment", &format!("my card {card} it is"), json!(number)),
        with("/payment", "cvv", json!(card)),
        with("/items/0", card, json!({card: card})),
    ];
    let broken =
        [format!("{{\"{card}"), card.to_owned(), format!("{{\"a\": {card}}}"), format!("[\"{card}\",")];
    let broken = broken
        .map(|body| client.post(url("/api/orders")).header("content-type", "application/json").body(body));
    let batch = client.post(url("/api/orders/batch")).json(&json!({"orders": orders}));
    let wrong_type = client.post(url("/api/orders")).header("content-type", card).body(card.to_owned());
    let keyed = client.post(url("/api/orders")).header("idempotency-key", card).json(&json!({}));
    let posts = orders.iter().map(|order| client.post(url("/api/orders")).json(order));
    posts.chain(broken).chain([batch, wrong_type, keyed]).collect()
}

/// Spans and lines of a whole order.
async fn told_of(stack: &Stack, answer: &Answered) -> String {
    let spans = stack.spans(answer.trace_id(), 15).await;
    let lines = stack.lines(&format!("trace_id={}", answer.trace_id()), 5).await;
    format!("{spans:?}\n{lines:?}\n")
}

/// Panics when a card, as it was written or as its digits, or a customer's id is in `everything`.
fn assert_clean(everything: &str, cards: &[String]) {
    let forms = cards.iter().flat_map(|card| [card.clone(), digits(card), card.replace(' ', "%20")]);
    for secret in forms.chain([CUSTOMER, "4242 4242", "4242-4242"].map(str::to_owned)) {
        assert!(!everything.contains(&secret), "{secret} …{}…", around(everything, &secret));
    }
}

fn around(text: &str, found: &str) -> String {
    let at = text.find(found).unwrap_or_default();
    text.chars().skip(text[..at].chars().count().saturating_sub(200)).take(400).collect()
}

/// What is in all files below a folder, each as text.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                return files(&path);
            }
            // One that is deleted meanwhile, such as a journal, holds nothing.
            let bytes = fs::read(&path).unwrap_or_default();
            vec![String::from_utf8_lossy(&bytes).into_owned()]
        })
        .collect()
}
