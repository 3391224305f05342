//! What a client can get wrong.

use crate::{
    app::{App, CARD, client, order, read},
    neighbours::Neighbours,
};
use serde_json::{Value, json};

#[tokio::test]
async fn bodies_that_are_not_what_they_should_be() {
    let neighbours = Neighbours::start();
    let app = App::start(&neighbours).await;
    let with = |pointer: &str, value: Value| {
        let mut body = order(CARD);
        *body.pointer_mut(pointer).unwrap() = value;
        body.to_string()
    };
    let mut extra = order(CARD);
    extra["coupon"] = json!("4000000000000002");
    let twice = json!([{"sku": "TEA", "quantity": 1}, {"sku": "TEA", "quantity": 1}]);
    for (body, status, kind, pointers) in [
        (String::new(), 400, "malformed-request", &[][..]),
        ("{\"customer_id\": ".to_owned(), 400, "malformed-request", &[]),
        ("[1,]".to_owned(), 400, "malformed-request", &[]),
        (order(CARD).to_string() + "{}", 400, "malformed-request", &[]),
        ("[]".to_owned(), 422, "invalid-values", &[""]),
        ("null".to_owned(), 422, "invalid-values", &[""]),
        (extra.to_string(), 422, "invalid-values", &["/coupon"]),
        (with("/customer_id", json!(4_000_000_000_000_002_u64)), 422, "invalid-values", &["/customer_id"]),
        (with("/customer_id", json!("")), 422, "invalid-values", &["/customer_id"]),
        (with("/customer_id", json!("4000000000000002")), 422, "invalid-values", &["/customer_id"]),
        (with("/items", json!([])), 422, "invalid-values", &["/items"]),
        (with("/items", twice), 422, "invalid-values", &["/items/1/sku"]),
        (with("/items/0/quantity", json!("2")), 422, "invalid-values", &["/items/0/quantity"]),
        (with("/items/0/quantity", json!(1.5)), 422, "invalid-values", &["/items/0/quantity"]),
        (with("/items/0/quantity", json!(0)), 422, "invalid-values", &["/items/0/quantity"]),
        (with("/items/0/quantity", json!(i64::MAX)), 422, "invalid-values", &["/items/0/quantity"]),
        (with("/items/0/sku", json!("tea <script>")), 422, "invalid-values", &["/items/0/sku"]),
        (with("/payment/method", json!("cash")), 422, "invalid-values", &["/payment/method"]),
        (
            with("/payment/card_number", json!("4000000000000001")),
            422,
            "invalid-values",
            &["/payment/card_number"],
        ),
        (
            json!({"customer_id": "", "items": [{"sku": "", "quantity": -1}],
                   "payment": {"method": "", "card_number": ""}})
            .to_string(),
            422,
            "invalid-values",
            &["/customer_id", "/items/0/sku", "/items/0/quantity", "/payment/method", "/payment/card_number"],
        ),
    ] {
        let request = client().post(app.url("/orders")).header("content-type", "application/json");
        let answer = read(request.body(body.clone()).send().await.unwrap()).await;
        answer.assert_problem(status, kind);
        assert_eq!(answer.body["instance"], "/orders", "{body}");
        let errors = answer.body["errors"].as_array().cloned().unwrap_or_default();
        let named: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
        assert_eq!(named, pointers, "{body}: {}", answer.body);
        assert!(!answer.body.to_string().contains("40000000"), "repeats a card number: {}", answer.body);
        assert_eq!(answer.messages("ERROR"), [""; 0], "{body}");
        assert_eq!(answer.spans(1).await[0].error, None, "{body}");
    }
    assert_eq!(neighbours.inventory.received("/reservations").len(), 0);
}

#[tokio::test]
async fn content_types_and_sizes() {
    let neighbours = Neighbours::start();
    let app = App::start(&neighbours).await;
    let valid = order(CARD).to_string();
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "nonsense"] {
        let request = client().post(app.url("/orders")).header("content-type", content_type);
        read(request.body(valid.clone()).send().await.unwrap())
            .await
            .assert_problem(415, "unsupported-media-type");
    }
    let request = client().post(app.url("/orders")).body(valid.clone());
    read(request.send().await.unwrap()).await.assert_problem(415, "unsupported-media-type");

    for content_type in
        ["application/json; charset=utf-8", "APPLICATION/JSON", "application/merge-patch+json"]
    {
        let request = client().post(app.url("/orders")).header("content-type", content_type);
        assert_eq!(request.body(valid.clone()).send().await.unwrap().status(), 201, "{content_type}");
    }

    let large = format!("{valid}{}", " ".repeat(256 * 1024));
    let request = client().post(app.url("/orders")).header("content-type", "application/json");
    read(request.body(large).send().await.unwrap()).await.assert_problem(413, "body-too-large");
    let exact = format!("{valid}{}", " ".repeat(256 * 1024 - valid.len()));
    let request = client().post(app.url("/orders")).header("content-type", "application/json");
    assert_eq!(request.body(exact).send().await.unwrap().status(), 201);
}

#[tokio::test]
async fn paths_and_methods() {
    let neighbours = Neighbours::start();
    let app = App::start(&neighbours).await;
    for path in ["/", "/order", "/orders/", "/orders/1/2", "/api/orders", "/../etc/passwd", "/%ff"] {
        app.get(path).await.assert_problem(404, "not-found");
    }
    for id in ["0193f5c2-0000-7000-8000-000000000001", "1", "%20", "not-an-id", "4242424242424242"] {
        let answer = app.get(&format!("/orders/{id}")).await;
        answer.assert_problem(404, "not-found");
        assert!(!answer.body.to_string().contains("4242"), "{}", answer.body);
    }
    app.get("/orders/%ff").await.assert_problem(400, "malformed-request");
    for (method, path, allowed) in [
        ("DELETE", "/orders", "POST,GET,HEAD"),
        ("PUT", "/orders/1", "GET,HEAD"),
        ("GET", "/orders/1/cancel", "POST"),
    ] {
        let answer =
            read(client().request(method.parse().unwrap(), app.url(path)).send().await.unwrap()).await;
        answer.assert_problem(405, "method-not-allowed");
        assert_eq!(answer.headers["allow"], allowed);
    }
}
