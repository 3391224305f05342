//! `Idempotency-Key`: the same request is done once.

use acceptance::{Answered, CARD, DECLINED_CARD, EARL_GREY, Stack, new_order};
use serde_json::Value;
use std::collections::BTreeSet;
use testkit::eventually;
use uuid::Uuid;

async fn post(stack: &Stack, client: &reqwest::Client, key: &str, order: &Value) -> Answered {
    let request = client.post(format!("{}/api/orders", stack.url("gateway")));
    Answered::to(request.header("idempotency-key", key).json(order)).await
}

#[tokio::test]
async fn the_same_request_is_answered_the_same() {
    let stack = Stack::shared().await;
    let client = stack.client();
    for (card, status) in [(CARD, 201), (DECLINED_CARD, 402)] {
        let (key, order) = (Uuid::now_v7().to_string(), new_order(EARL_GREY, card));
        let first = post(&stack, &client, &key, &order).await;
        let second = post(&stack, &client, &key, &order).await;
        assert_eq!((first.status, second.status), (status, status), "{} {}", first.body, second.body);
        assert_eq!(first.order_id(), second.order_id());
        assert_eq!(first.header("location"), second.header("location"));
        assert_eq!(without_trace(&first), without_trace(&second));
    }
}

/// A problem tells of the request it answers; all else is the first answer's.
fn without_trace(answer: &Answered) -> Value {
    let mut body = answer.body.clone();
    body.as_object_mut().unwrap().remove("trace_id");
    body
}

#[tokio::test]
async fn another_request_with_the_same_key_is_a_conflict() {
    let stack = Stack::shared().await;
    let client = stack.client();
    let key = Uuid::now_v7().to_string();
    assert_eq!(post(&stack, &client, &key, &new_order(EARL_GREY, CARD)).await.status, 201);
    for other in [new_order("TEA-ASSAM", CARD), new_order(EARL_GREY, DECLINED_CARD)] {
        post(&stack, &client, &key, &other).await.assert_problem(409, "idempotency-conflict");
    }
}

#[tokio::test]
async fn twenty_at_once_are_one_order() {
    let stack = Stack::shared().await;
    let client = stack.client();
    let (key, order) = (Uuid::now_v7().to_string(), new_order(EARL_GREY, CARD));
    let answers = (0..20).map(|_| post(&stack, &client, &key, &order));
    let answers = futures_util::future::join_all(answers).await;
    let mut orders = BTreeSet::new();
    for answer in &answers {
        if answer.status == 201 {
            orders.insert(answer.order_id().to_owned());
        } else {
            answer.assert_problem(409, "in-progress");
            assert!(!answer.header("retry-after").is_empty());
        }
    }
    assert_eq!(orders.len(), 1, "one order");
    eventually("the first answer again", async || {
        let again = post(&stack, &client, &key, &order).await;
        (again.status == 201).then(|| assert!(orders.contains(again.order_id())))
    })
    .await;
}

#[tokio::test]
async fn a_key_is_visible_ascii() {
    let stack = Stack::shared().await;
    let client = stack.client();
    for key in ["with a space", &"x".repeat(256)] {
        let answer = post(&stack, &client, key, &new_order(EARL_GREY, CARD)).await;
        answer.assert_problem(400, "malformed-request");
    }
    let longest = format!("{}{}", Uuid::now_v7(), "x".repeat(255 - 36));
    assert_eq!(post(&stack, &client, &longest, &new_order(EARL_GREY, CARD)).await.status, 201);
}
