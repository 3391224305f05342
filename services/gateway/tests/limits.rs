//! How often a client may ask, over HTTP.

use api::problem::Problem;
use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use serde_json::{Value, json};

use crate::access::token;
use crate::app::{App, confirmed, new_order, problem};

fn behind() -> Router {
    let products = || async { axum::Json(json!({"products": []})) };
    let created = || async { (axum::http::StatusCode::CREATED, axum::Json(confirmed())) };
    Router::new().route("/products", get(products)).route("/orders", post(created))
}

async fn limited(more: &[(&str, &str)]) -> App {
    App::start_with(behind(), &[&[("RATE_LIMIT", "1/m"), ("RATE_LIMIT_BURST", "3")], more].concat()).await
}

fn line(headers: &HeaderMap, name: &str) -> Vec<String> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_address_hears_what_it_has_left_and_then_when_to_ask_again() {
    let app = limited(&[]).await;
    for left in (0..12).rev() {
        let answer = app.get("/api/products").await;
        assert_eq!(answer.status(), 200);
        assert_eq!(line(answer.headers(), "ratelimit-policy"), ["\"address\";q=12;w=180"]);
        let [limit] = &line(answer.headers(), "ratelimit")[..] else { panic!("{:?}", answer.headers()) };
        assert!(limit.starts_with(&format!("\"address\";r={left};t=")), "{limit}");
    }
    let refused = app.get("/api/products?x=1").await;
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=15).contains(&wait), "one in 15 s: {wait}");
    assert_eq!(line(refused.headers(), "ratelimit"), [format!("\"address\";r=0;t={wait}")]);
    assert_eq!(refused.headers()["x-content-type-options"], "nosniff", "browsers are told the usual");
    let Problem { kind_uri, instance, .. } = problem(refused, 429).await;
    assert_eq!(kind_uri, "https://waybill.example/problems/too-many-requests");
    assert_eq!(instance.as_deref(), Some("/api/products"));
    let card = problem(app.get("/api/orders/4242424242424242").await, 429).await;
    assert!(!format!("{card:?}").contains("4242424242424242"), "{card:?}");
}

#[tokio::test]
async fn every_order_of_a_batch_counts() {
    let app = limited(&[]).await;
    let batch = |orders: usize| json!({"orders": vec![new_order(); orders]});
    let placed = app.post("/api/orders/batch", &batch(10)).await;
    let left = line(placed.headers(), "ratelimit").concat();
    assert!(left.starts_with("\"address\";r=2;"), "what the whole batch has left: {left}");
    assert_eq!(placed.json::<Value>().await.unwrap()["results"].as_array().unwrap().len(), 10);
    let refused = app.post("/api/orders/batch", &batch(3)).await;
    assert!(refused.headers().contains_key("retry-after"));
    problem(refused, 429).await;
    assert_eq!(app.post("/api/orders", &new_order()).await.status(), 201, "a smaller one fits");
}

#[tokio::test]
async fn a_customers_batch_of_more_than_a_burst_is_a_burst() {
    let app = limited(&[("AUTH_SECRET", "a secret of the tests, with 32 bytes")]).await;
    let place = async |subject: &str, orders: usize| {
        let mut order = new_order();
        order["customer_id"] = json!(subject);
        let request = app.client.post(format!("{}/api/orders/batch", app.api));
        let request = request.bearer_auth(token(subject, "orders:write"));
        request.json(&json!({"orders": vec![order; orders]})).send().await.unwrap()
    };
    let placed = place("c-a", 5).await;
    assert_eq!(placed.status(), 200);
    let left = line(placed.headers(), "ratelimit");
    assert!(left[0].starts_with("\"customer\";r=0;") && left[1].starts_with("\"address\";r=7;"), "{left:?}");
    assert_eq!(place("c-b", 2).await.status(), 200);
    // One in a minute: one is left, the refused request has paid it, and the next is to pay two.
    let refused = place("c-b", 2).await;
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((110..=120).contains(&wait), "{wait}");
    let left = line(refused.headers(), "ratelimit");
    assert!(
        left[1].starts_with("\"address\";r=4;"),
        "the customer's refusal costs the address one: {left:?}"
    );
}

#[tokio::test]
async fn proxies_say_whose_requests_they_bring() {
    let app = limited(&[("TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let ask = async |client: &str| {
        let request = app.client.get(format!("{}/api/products", app.api)).header("x-forwarded-for", client);
        request.send().await.unwrap().status().as_u16()
    };
    for _ in 0..12 {
        assert_eq!(ask("192.0.2.1").await, 200);
    }
    assert_eq!(ask("192.0.2.1").await, 429);
    assert_eq!(
        ask("198.51.100.9, 192.0.2.1").await,
        429,
        "who invents others before himself is still himself"
    );
    assert_eq!(ask("192.0.2.2").await, 200, "another client behind the same proxy");
}

#[tokio::test]
async fn a_stranger_is_not_believed() {
    let app = limited(&[]).await;
    for client in 0..12 {
        let request = app.client.get(format!("{}/api/products", app.api));
        let answer = request.header("x-forwarded-for", format!("192.0.2.{client}")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    problem(app.get("/api/products").await, 429).await;
}

#[tokio::test]
async fn at_home_there_is_no_limit() {
    let app = App::start(behind()).await;
    for _ in 0..500 {
        let answer = app.get("/api/products").await;
        assert_eq!(answer.status(), 200);
        assert!(!answer.headers().contains_key("ratelimit"));
    }
}

#[tokio::test]
async fn each_customer_has_its_own_on_the_same_address() {
    let settings = [("AUTH_SECRET", "a secret of the tests, with 32 bytes")];
    let app = limited(&settings).await;
    let ask = async |subject: &str| {
        let request = app.client.get(format!("{}/api/products", app.api));
        request.bearer_auth(token(subject, "orders:read")).send().await.unwrap()
    };
    for left in (0..3).rev() {
        let answer = ask("c-a").await;
        assert_eq!(answer.status(), 200);
        let lines = line(answer.headers(), "ratelimit");
        assert!(lines[0].starts_with(&format!("\"customer\";r={left};t=")), "{lines:?}");
        assert!(lines[1].starts_with("\"address\";r="), "{lines:?}");
        let policies = line(answer.headers(), "ratelimit-policy");
        assert_eq!(policies, ["\"customer\";q=3;w=180", "\"address\";q=12;w=180"]);
    }
    let refused = ask("c-a").await;
    assert!(refused.headers().contains_key("retry-after"));
    problem(refused, 429).await;
    assert_eq!(ask("c-b").await.status(), 200, "another customer");
    // Tokens that are none cost their address.
    for _ in 0..7 {
        let request = app.client.get(format!("{}/api/products", app.api)).bearer_auth("none");
        assert_eq!(request.send().await.unwrap().status(), 401);
    }
    problem(ask("c-b").await, 429).await;
}
