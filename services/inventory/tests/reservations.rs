use std::sync::Arc;

use api::ids::OrderId;
use api::inventory::Reservation;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::app::{App, problem};
use crate::{contract, events};
use testkit::Database;

const PU_ERH: &str = "TEA-PUERH-1998";

fn one(sku: &str, quantity: i64) -> Value {
    json!([{"sku": sku, "quantity": quantity}])
}

#[tokio::test]
async fn stock_is_put_aside_with_its_price() {
    let app = App::start().await;
    let order = OrderId::new();
    let items = json!([{"sku": "TEA-SENCHA", "quantity": 2}, {"sku": "TEA-ASSAM", "quantity": 1}]);
    let answer = app.reserve(order, items).await;
    assert_eq!(answer.status().as_u16(), 201);
    let reservation = answer.json::<Value>().await.unwrap();
    assert_eq!(
        reservation,
        json!({"order_id": order, "items": [
            {"sku": "TEA-SENCHA", "quantity": 2, "unit_price": {"amount_minor": 1340, "currency": "EUR"}},
            {"sku": "TEA-ASSAM", "quantity": 1, "unit_price": {"amount_minor": 890, "currency": "EUR"}},
        ]})
    );
    assert_eq!(app.available("TEA-SENCHA").await, 999_998);
}

#[tokio::test]
async fn asking_again_takes_nothing_more() {
    let app = App::start().await;
    let order = OrderId::new();
    let first: Reservation = app.reserve(order, one(PU_ERH, 2)).await.json().await.unwrap();
    let app = app.restart().await;
    let answer = app.reserve(order, one(PU_ERH, 2)).await;
    assert_eq!(answer.status().as_u16(), 201);
    assert_eq!(answer.json::<Reservation>().await.unwrap(), first);
    assert_eq!(app.available(PU_ERH).await, 1);
    let other = problem(app.reserve(order, one(PU_ERH, 1)).await, 409).await;
    assert!(other.kind_uri.ends_with("/conflict"));
}

#[tokio::test]
async fn all_or_nothing() {
    let app = App::start().await;
    let items = json!([
        {"sku": "TEA-SENCHA", "quantity": 2},
        {"sku": "POT-CAST-IRON", "quantity": 1},
        {"sku": PU_ERH, "quantity": 4},
    ]);
    let short = problem(app.reserve(OrderId::new(), items).await, 409).await;
    assert!(short.kind_uri.ends_with("/out-of-stock"));
    let pointers: Vec<_> = short.errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(pointers, ["/items/1", "/items/2"]);
    assert_eq!(app.available("TEA-SENCHA").await, 1_000_000);

    let items = json!([{"sku": "POT-CAST-IRON", "quantity": 1}, {"sku": "TEA-OF-YESTERDAY", "quantity": 1}]);
    let unknown = problem(app.reserve(OrderId::new(), items).await, 422).await;
    assert!(unknown.kind_uri.ends_with("/unknown-sku"));
    let pointers: Vec<_> = unknown.errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(pointers, ["/items/1/sku"]);
}

#[tokio::test]
async fn an_order_that_was_refused_may_ask_for_less() {
    let app = App::start().await;
    let order = OrderId::new();
    problem(app.reserve(order, one(PU_ERH, 4)).await, 409).await;
    assert_eq!(app.reserve(order, one(PU_ERH, 3)).await.status().as_u16(), 201);
}

#[tokio::test]
async fn releasing_gives_back_once() {
    let app = App::start().await;
    let order = OrderId::new();
    app.reserve(order, one(PU_ERH, 2)).await;
    assert_eq!(app.release(order).await, 204);
    assert_eq!(app.release(order).await, 204);
    assert_eq!(app.available(PU_ERH).await, 3);
    problem(app.reserve(order, one(PU_ERH, 2)).await, 409).await;
}

#[tokio::test]
async fn a_request_that_comes_after_its_release_holds_nothing() {
    let app = App::start().await;
    let late = OrderId::new();
    assert_eq!(app.release(late).await, 204);
    problem(app.reserve(late, one(PU_ERH, 1)).await, 409).await;
    assert_eq!(app.available(PU_ERH).await, 3);
}

#[tokio::test]
async fn one_order_many_times_at_once_takes_once() {
    for database in Database::each().await {
        let app = Arc::new(App::start_on(database, &[]).await);
        let order = OrderId::new();
        let mut tasks = JoinSet::new();
        for _ in 0..20 {
            let app = app.clone();
            tasks.spawn(async move { app.reserve(order, one(PU_ERH, 1)).await.status().as_u16() });
        }
        assert_eq!(tasks.join_all().await, [201; 20]);
        assert_eq!(app.available(PU_ERH).await, 2);
    }
}

/// Two instances where the database allows it. Every third order wants two products, in either order.
#[tokio::test]
async fn two_hundred_orders_for_a_hundred_pieces_sell_a_hundred() {
    for database in Database::each().await {
        let url = database.url();
        contract::set_stock(&database, "POT-CAST-IRON", 100).await;
        let mut apps = Vec::new();
        if matches!(database, Database::Postgres(_)) {
            apps.push(Arc::new(App::start_on(Database::Postgres(url), &[]).await));
        }
        apps.push(Arc::new(App::start_on(database, &[]).await));
        let mut tasks = JoinSet::new();
        for number in 0..200 {
            let app = apps[number % apps.len()].clone();
            let order = OrderId::new();
            let mut items = vec![json!({"sku": "POT-CAST-IRON", "quantity": 1})];
            if number % 3 == 0 {
                items.insert(number % 2, json!({"sku": "TEA-OOLONG", "quantity": 1}));
            }
            tasks.spawn(async move {
                let status = app.reserve(order, Value::Array(items)).await.status().as_u16();
                if status == 201 {
                    assert_eq!(events::deliver(&app, &events::event("order.confirmed", order)).await, 204);
                }
                status
            });
        }
        let statuses = tasks.join_all().await;
        let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
        assert_eq!((count(201), count(409)), (100, 100), "{statuses:?}");
        let app = &apps[0];
        assert_eq!((app.available("POT-CAST-IRON").await, app.reserved("POT-CAST-IRON").await), (0, 0));
        assert_eq!(app.reserved("TEA-OOLONG").await, 0);
    }
}

#[tokio::test]
async fn bad_requests_name_the_place() {
    let app = App::start().await;
    let order = OrderId::new();
    for (body, pointer) in [
        (json!({}), ""),
        (json!({"order_id": "42", "items": one("A", 1)}), "/order_id"),
        (json!({"order_id": order, "items": []}), "/items"),
        (json!({"order_id": order, "items": one("tea", 1)}), "/items/0/sku"),
        (json!({"order_id": order, "items": one("A", 0)}), "/items/0/quantity"),
        (
            json!({"order_id": order, "items": [{"sku": "A", "quantity": 1}, {"sku": "A", "quantity": 1}]}),
            "/items",
        ),
        (json!({"order_id": order, "items": one("A", 1), "gift": true}), "/gift"),
    ] {
        let problem = problem(app.post("/reservations", &body).await, 422).await;
        assert_eq!(problem.errors[0].pointer, pointer, "{body}");
    }
    let text = app.client.post(format!("{}/reservations", app.api)).body("{}").send().await.unwrap();
    problem(text, 415).await;
    let broken = app
        .client
        .post(format!("{}/reservations", app.api))
        .header("content-type", "application/json")
        .body("{");
    problem(broken.send().await.unwrap(), 400).await;
    let large = json!({"order_id": "x".repeat(300 * 1024)});
    problem(app.post("/reservations", &large).await, 413).await;
    problem(app.post("/reservations/42/release", &Value::Null).await, 404).await;
}
