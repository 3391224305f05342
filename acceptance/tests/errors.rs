//! Bad requests, against the gateway and each service behind it: a problem document with a trace id, always.

use acceptance::{Answered, CARD, CUSTOMER, EARL_GREY, Stack, new_order};
use futures_util::stream;
use serde_json::{Value, json};

const ORDER_ID: &str = "0193f5c2-0000-7000-8000-000000000001";

/// A request body that its route takes, for each route that takes one.
fn bodies() -> [(&'static str, &'static str, Value); 4] {
    let items = json!([{"sku": EARL_GREY, "quantity": 1}]);
    let charge = json!({"order_id": ORDER_ID, "amount": {"amount_minor": 1, "currency": "EUR"},
                        "method": "card", "card_number": CARD});
    [
        ("gateway", "/api/orders", new_order(EARL_GREY, CARD)),
        ("order", "/orders", new_order(EARL_GREY, CARD)),
        ("payment", "/charges", charge),
        ("inventory", "/reservations", json!({"order_id": ORDER_ID, "items": items})),
    ]
}

async fn post(
    stack: &Stack,
    part: &str,
    path: &str,
    content_type: &str,
    body: impl Into<reqwest::Body>,
) -> Answered {
    let request = stack.client().post(format!("{}{path}", stack.url(part)));
    Answered::to(request.header("content-type", content_type).body(body)).await
}

#[tokio::test]
async fn bodies_that_are_not_json_or_not_the_right_json() {
    let stack = Stack::shared().await;
    for (part, path, valid) in bodies() {
        let json = "application/json";
        let valid = valid.to_string();
        for malformed in ["", "{", "{\"a\":}", "\u{feff}{}", "nonsense", "{}{}"] {
            let answer = post(&stack, part, path, json, malformed).await;
            assert!(matches!(answer.status, 400 | 422), "{part} {malformed}: {}", answer.body);
        }
        post(&stack, part, path, json, &b"\xff\xfe"[..]).await.assert_problem(400, "malformed-request");
        post(&stack, part, path, json, "{").await.assert_problem(400, "malformed-request");
        for other in ["[]", "null", "1", "\"text\"", "{\"surprise\": 1}", "{}"] {
            let answer = post(&stack, part, path, json, other).await;
            answer.assert_problem(422, "invalid-values");
            assert!(answer.body["errors"][0]["pointer"].is_string(), "{part} {other}: {}", answer.body);
        }
        for content_type in ["text/plain", "application/xml", "multipart/form-data; boundary=x"] {
            let answer = post(&stack, part, path, content_type, valid.clone()).await;
            answer.assert_problem(415, "unsupported-media-type");
        }
        let large = format!("{valid}{}", " ".repeat(256 * 1024));
        post(&stack, part, path, json, large.clone()).await.assert_problem(413, "body-too-large");
        // The same in chunks, without a length that could be looked at first.
        let chunks: Vec<_> =
            large.into_bytes().chunks(16 * 1024).map(|c| Ok::<_, std::io::Error>(c.to_vec())).collect();
        let chunked = reqwest::Body::wrap_stream(stream::iter(chunks));
        post(&stack, part, path, json, chunked).await.assert_problem(413, "body-too-large");
        let deep = format!("{{\"items\": {}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
        let answer = post(&stack, part, path, json, deep).await;
        assert!(matches!(answer.status, 400 | 422), "{part}: {}", answer.body);
    }
}

#[tokio::test]
async fn values_that_are_not_taken_have_pointers() {
    let stack = Stack::shared().await;
    let order = new_order(EARL_GREY, CARD);
    let many: Vec<Value> = (0..101).map(|n| json!({"sku": format!("TEA-{n}"), "quantity": 1})).collect();
    for (pointer, value) in [
        ("/customer_id", json!("")),
        ("/customer_id", json!("two words")),
        ("/customer_id", json!(7)),
        ("/customer_id", Value::Null),
        ("/customer_id", json!("x".repeat(65))),
        ("/items", json!([])),
        ("/items", json!({})),
        ("/items", Value::Array(many)),
        ("/items/0/sku", json!("' OR 1=1 --")),
        ("/items/0/quantity", json!(0)),
        ("/items/0/quantity", json!(-1)),
        ("/items/0/quantity", json!(1001)),
        ("/items/0/quantity", json!(1e300)),
        ("/payment/method", json!("iou")),
        ("/payment/card_number", json!("4242424242424241")),
        ("/payment/card_number", json!(4_242_424_242_424_242_u64)),
    ] {
        let mut body = order.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        let answer = post(&stack, "gateway", "/api/orders", "application/json", body.to_string()).await;
        answer.assert_problem(422, "invalid-values");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{body}: {}", answer.body);
        assert_eq!(answer.body["instance"], "/api/orders");
        assert!(!answer.body.to_string().contains(CUSTOMER), "{}", answer.body);
    }
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there() {
    let stack = Stack::shared().await;
    for part in ["gateway", "order", "payment", "inventory"] {
        for path in [
            "/",
            "/nowhere",
            "/api",
            "/metrics",
            "/healthz",
            "/admin/",
            "/..%2f..%2fetc",
            "/api//orders",
            "/%00",
        ] {
            let answer = stack.get(part, path).await;
            answer.assert_problem(404, "not-found");
        }
    }
    for (part, method, path, allowed) in [
        ("gateway", "DELETE", "/api/orders", "POST,GET,HEAD"),
        ("gateway", "PATCH", "/api/products/X", "GET,HEAD"),
        ("order", "PUT", "/orders", "POST,GET,HEAD"),
        ("payment", "GET", "/charges", "POST"),
        ("inventory", "PUT", "/reservations", "POST"),
        ("inventory", "BREW", "/products", "GET,HEAD"),
    ] {
        let request = stack.client().request(method.parse().unwrap(), format!("{}{path}", stack.url(part)));
        let answer = Answered::to(request).await;
        answer.assert_problem(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), allowed, "{part} {method} {path}");
    }
    for (part, path) in [
        ("gateway", format!("/api/orders/{ORDER_ID}")),
        ("gateway", "/api/orders/not-an-id".to_owned()),
        ("gateway", "/api/products/TEA-OF-NOWHERE".to_owned()),
        ("gateway", "/api/products/%3Cscript%3E".to_owned()),
        ("order", format!("/orders/{ORDER_ID}")),
        ("inventory", "/products/TEA-OF-NOWHERE".to_owned()),
    ] {
        let answer = stack.get(part, &path).await;
        answer.assert_problem(404, "not-found");
        assert!(!answer.body.to_string().contains("<script>"), "{}", answer.body);
    }
    for part in ["gateway", "order", "payment", "inventory"] {
        let answer = Answered::to(stack.client().get(format!("{}/nowhere", stack.admin(part)))).await;
        assert_eq!(answer.status, 404, "{part}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{part}");
    }
}

#[tokio::test]
async fn events_that_are_none() {
    let stack = Stack::shared().await;
    let structured = "application/cloudevents+json";
    for (content_type, body, status) in [
        ("application/json", json!({}), 400),
        (structured, json!({}), 422),
        (structured, json!({"specversion": "0.3", "id": "1", "source": "/x", "type": "y", "data": {}}), 400),
        (structured, json!({"specversion": "1.0", "id": "", "source": "/x", "type": "y", "data": {}}), 400),
        (
            structured,
            json!({"specversion": "1.0", "id": "1", "source": "/x", "type": "order.confirmed", "data": {}}),
            422,
        ),
        ("application/cloudevents-batch+json", json!([]), 400),
    ] {
        let answer = post(&stack, "inventory", "/events", content_type, body.to_string()).await;
        let kind = if status == 400 { "malformed-request" } else { "invalid-values" };
        answer.assert_problem(status, kind);
    }
    let of_others = json!({"specversion": "1.0", "id": "1", "source": "/x", "type": "tea.drunk", "data": {}});
    assert_eq!(post(&stack, "inventory", "/events", structured, of_others.to_string()).await.status, 204);
}

#[tokio::test]
async fn a_clients_mistake_is_no_error_of_ours() {
    let stack = Stack::shared().await;
    let answer = post(&stack, "gateway", "/api/orders", "application/json", "{").await;
    let spans = stack.spans(answer.trace_id(), 1).await;
    assert_eq!((spans.len(), spans[0].name.as_str()), (1, "gateway.createOrder"));
    assert_eq!(spans[0].error, None);
    assert_eq!(spans[0].attributes["http.response.status_code"], 400);
    // A line would have come with the lines of this order, which is placed later.
    let later = stack.place(EARL_GREY, CARD).await;
    stack.lines(&format!("trace_id={}", later.trace_id()), 5).await;
    assert_eq!(stack.lines(&format!("trace_id={}&severity=ERROR", answer.trace_id()), 0).await.len(), 0);
}
