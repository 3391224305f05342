use std::sync::Arc;

use api::ids::OrderId;
use api::payment::Charge;
use serde_json::{Value, json};
use sqlx::Row;
use tokio::task::JoinSet;

use crate::app::{App, charge, problem};
use testkit::Database;

const GOOD: &str = "4242424242424242";
const DECLINED: &str = "4000000000000002";
const POOR: &str = "4000000000009995";
const FLAKY: &str = "4000000000000119";

#[tokio::test]
async fn a_good_card_is_charged() {
    let app = App::start().await;
    let answer = app.charge(OrderId::new(), 2500, GOOD).await;
    assert_eq!(answer.status().as_u16(), 201);
    let charge: Value = answer.json().await.unwrap();
    assert_eq!(charge["card_last4"], "4242");
    assert!(charge["transaction_id"].as_str().unwrap().parse::<api::ids::TransactionId>().is_ok());
    let any_other = app.charge(OrderId::new(), 1, "5555555555554444").await;
    assert_eq!(any_other.json::<Charge>().await.unwrap().card_last4, "4444");
}

#[tokio::test]
async fn test_cards_are_declined_as_they_should_be() {
    let app = App::start().await;
    for (card, code) in [(DECLINED, "card_declined"), (POOR, "insufficient_funds")] {
        let order = OrderId::new();
        for _ in 0..2 {
            let problem = problem(app.charge(order, 2500, card).await, 402).await;
            assert!(problem.kind_uri.ends_with("/card-declined"));
            assert_eq!(problem.code.as_deref(), Some(code), "the same when asked again");
        }
    }
    let order = OrderId::new();
    for _ in 0..2 {
        let answer = app.charge(order, 2500, FLAKY).await;
        assert_eq!(answer.headers()["retry-after"], "1");
        assert_eq!(problem(answer, 503).await.code.as_deref(), Some("processing_error"));
    }
}

#[tokio::test]
async fn asking_again_charges_nothing_more() {
    for database in Database::each().await {
        let app = App::start_on(database).await;
        let order = OrderId::new();
        let first: Charge = app.charge(order, 2500, GOOD).await.json().await.unwrap();
        let app = app.restart().await;
        let again = app.charge(order, 2500, GOOD).await;
        assert_eq!(again.status().as_u16(), 201);
        assert_eq!(again.json::<Charge>().await.unwrap(), first);
        for (amount, card) in [(2501, GOOD), (2500, DECLINED)] {
            let problem = problem(app.charge(order, amount, card).await, 409).await;
            assert!(problem.kind_uri.ends_with("/conflict"));
        }
    }
}

#[tokio::test]
async fn many_at_once_are_one_charge() {
    for database in Database::each().await {
        let app = Arc::new(App::start_on(database).await);
        let order = OrderId::new();
        let mut tasks = JoinSet::new();
        for _ in 0..20 {
            let app = app.clone();
            tasks.spawn(async move { app.charge(order, 2500, GOOD).await.json::<Charge>().await.unwrap() });
        }
        let charges = tasks.join_all().await;
        assert!(charges.iter().all(|charge| charge == &charges[0]), "{charges:?}");
    }
}

#[tokio::test]
async fn card_numbers_are_not_kept() {
    let app = App::start().await;
    for card in [GOOD, DECLINED, POOR, FLAKY] {
        app.charge(OrderId::new(), 2500, card).await;
    }
    let rows = sqlx::query("SELECT * FROM charges").fetch_all(&mut app.database().await).await.unwrap();
    assert_eq!(rows.len(), 4);
    for row in &rows {
        let texts = (0..row.len()).filter_map(|column| row.try_get::<String, _>(column).ok());
        assert!(texts.into_iter().all(|text| !text.contains("42424242") && !text.contains("40000000")));
    }
}

#[tokio::test]
async fn bad_requests_name_the_place_and_never_the_card() {
    let app = App::start().await;
    let order = OrderId::new();
    let with = |key: &str, value: Value| {
        let mut body = charge(order, 2500, GOOD);
        body[key] = value;
        body
    };
    for (body, pointer) in [
        (json!({}), ""),
        (with("order_id", json!("42")), "/order_id"),
        (with("amount", json!({"amount_minor": 0, "currency": "EUR"})), "/amount/amount_minor"),
        (with("amount", json!({"amount_minor": -5, "currency": "EUR"})), "/amount/amount_minor"),
        (with("amount", json!({"amount_minor": 1.5, "currency": "EUR"})), "/amount/amount_minor"),
        (with("amount", json!({"amount_minor": 1, "currency": "euro"})), "/amount/currency"),
        (with("method", json!("cash")), "/method"),
        (with("card_number", json!("4242424242424241")), "/card_number"),
        (with("card_number", json!(4_242_424_242_424_242_i64)), "/card_number"),
        (with("cvc", json!("123")), "/cvc"),
    ] {
        let problem = problem(app.post("/charges", &body).await, 422).await;
        assert_eq!(problem.errors[0].pointer, pointer, "{body}");
        assert!(!format!("{problem:?}").contains("42424242"), "{problem:?}");
    }
    problem(app.client.get(format!("{}/charges", app.api)).send().await.unwrap(), 405).await;
    problem(app.client.get(format!("{}/nowhere", app.api)).send().await.unwrap(), 404).await;
    problem(app.client.post(format!("{}/charges", app.api)).body("{}").send().await.unwrap(), 415).await;
    let broken =
        app.client.post(format!("{}/charges", app.api)).header("content-type", "application/json").body("{");
    problem(broken.send().await.unwrap(), 400).await;
    problem(app.post("/charges", &json!({"order_id": "x".repeat(300 * 1024)})).await, 413).await;
}
