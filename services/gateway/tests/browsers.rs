//! What browsers are told: headers on every answer, and who may ask from a page of another origin.

use axum::Router;
use axum::routing::get;
use reqwest::Method;
use reqwest::header::HeaderMap;

use crate::access::token;
use crate::app::{App, new_order};

const SHOP: &str = "https://shop.example";

fn is_told(headers: &HeaderMap) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(headers.get(name).map(|held| held.to_str().unwrap()), Some(value), "{name}");
    }
    assert!(!headers.contains_key("server") && !headers.contains_key("strict-transport-security"));
}

#[tokio::test]
async fn every_answer_says_what_may_be_done_with_it() {
    let behind = Router::new().route("/products", get(|| async { r#"{"products": []}"# }));
    let app = App::start_with(behind, &[("AUTH_SECRET", "a secret of the tests, with 32 bytes")]).await;
    let mine = token("c-a", "orders:read orders:write");
    for (method, path, status) in [
        (Method::GET, "/api/products", 200),
        (Method::POST, "/api/orders", 422),
        (Method::GET, "/api/orders/1", 404),
        (Method::GET, "/nowhere", 404),
        (Method::DELETE, "/api/products", 405),
    ] {
        let request = app.client.request(method, format!("{}{path}", app.api)).bearer_auth(&mine);
        let request = request.header("content-type", "application/json").body("{}");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
        is_told(answer.headers());
    }
    let refused = app.get("/api/products").await;
    assert_eq!(refused.status().as_u16(), 401);
    is_told(refused.headers());
}

async fn preflight(app: &App, origin: &str) -> HeaderMap {
    let request = app.client.request(Method::OPTIONS, format!("{}/api/orders", app.api));
    let request = request
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization, content-type, idempotency-key");
    request.send().await.unwrap().headers().clone()
}

fn list(headers: &HeaderMap, name: &str) -> Vec<String> {
    let held = headers.get_all(name).iter().flat_map(|value| value.to_str().unwrap().split(','));
    held.map(|word| word.trim().to_ascii_lowercase()).collect()
}

#[tokio::test]
async fn pages_of_other_origins_may_not_ask_unless_they_are_named() {
    let app = App::start(Router::new()).await;
    let answer = app.client.request(Method::OPTIONS, format!("{}/api/orders", app.api)).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 405);
    assert!(preflight(&app, SHOP).await.keys().all(|name| !name.as_str().starts_with("access-control")));
}

#[tokio::test]
async fn a_preflight_needs_no_token() {
    let settings = [("AUTH_SECRET", "a secret of the tests, with 32 bytes"), ("CORS_ORIGINS", SHOP)];
    let app = App::start_with(Router::new(), &settings).await;
    let allowed = preflight(&app, SHOP).await;
    assert_eq!(allowed["access-control-allow-origin"], SHOP);
    assert_eq!(list(&allowed, "access-control-allow-methods"), ["get", "post"]);
    for name in
        ["authorization", "content-type", "idempotency-key", "prefer", "traceparent", "tracestate", "baggage"]
    {
        assert!(list(&allowed, "access-control-allow-headers").contains(&name.to_owned()), "{name}");
    }
    assert!(!allowed.contains_key("access-control-allow-credentials"));
    assert!(list(&allowed, "vary").contains(&"origin".to_owned()));
    is_told(&allowed);
    for other in ["https://evil.example", "https://shop.example.evil.example", "http://shop.example", "null"]
    {
        let refused = preflight(&app, other).await;
        assert!(!refused.contains_key("access-control-allow-origin"), "{other}");
    }
}

#[tokio::test]
async fn a_page_can_read_answers_and_refusals() {
    let settings = [("AUTH_SECRET", "a secret of the tests, with 32 bytes"), ("CORS_ORIGINS", SHOP)];
    let app = App::start_with(Router::new(), &settings).await;
    let request = app.client.post(format!("{}/api/orders", app.api)).header("origin", SHOP);
    let answer = request.json(&new_order()).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["access-control-allow-origin"]),
        (401, &SHOP.parse().unwrap())
    );
    let exposed = list(answer.headers(), "access-control-expose-headers");
    for name in ["x-trace-id", "server-timing", "location", "ratelimit", "ratelimit-policy", "retry-after"] {
        assert!(exposed.contains(&name.to_owned()), "{name}: {exposed:?}");
    }
    assert!(list(answer.headers(), "vary").contains(&"origin".to_owned()));
    let without = app.get("/api/products").await;
    assert!(list(without.headers(), "vary").contains(&"origin".to_owned()), "a cache must tell them apart");
    assert!(!without.headers().contains_key("access-control-allow-origin"));
}
