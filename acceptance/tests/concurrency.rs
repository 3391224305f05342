//! More customers than pieces: exactly what there is, is sold.

use acceptance::{Answered, CARD, Databases, Settings, Stack};
use serde_json::json;
use std::time::Duration;
use testkit::Postgres;

const SKU: &str = "TEA-PUERH-1998";
const PIECES: usize = 100;
const CUSTOMERS: usize = 200;

#[tokio::test]
async fn two_hundred_orders_for_a_hundred_pieces_on_sqlite() {
    sells_exactly_what_there_is(Databases::Sqlite).await;
}

#[tokio::test]
async fn two_hundred_orders_for_a_hundred_pieces_on_postgresql() {
    let Some(postgres) = Postgres::shared().await else { return };
    sells_exactly_what_there_is(Databases::Postgres(postgres)).await;
}

async fn sells_exactly_what_there_is(databases: Databases) {
    // All at once on a busy machine is slow; it is not to be given up for that.
    let patient = ["PEER_TIMEOUT_MS", "REQUEST_TIMEOUT_MS"].map(|name| (name, "60000".to_owned())).to_vec();
    let stack = Stack::start(Settings { databases, env: patient, ..Settings::default() }).await;
    let few = format!("UPDATE products SET on_hand = {PIECES} WHERE sku = '{SKU}'");
    stack.database("inventory").execute(&few).await;
    let seeded = stack.stock().await;

    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_mins(1)).build().unwrap();
    let orders = (0..CUSTOMERS).map(|number| {
        let order = json!({
            "customer_id": format!("c-{number}"),
            "items": [{"sku": SKU, "quantity": 1}],
            "payment": {"method": "card", "card_number": CARD},
        });
        Answered::to(client.post(format!("{}/api/orders", stack.url("gateway"))).json(&order))
    });
    let answers = futures_util::future::join_all(orders).await;

    let (sold, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    for answer in refused {
        answer.assert_problem(409, "out-of-stock");
    }
    assert_eq!((sold.len(), answers.len()), (PIECES, CUSTOMERS));
    let statuses = stack.assert_books(&seeded).await;
    assert_eq!(statuses.values().filter(|status| *status == "confirmed").count(), PIECES);
    let product = stack.get("gateway", &format!("/api/products/{SKU}")).await;
    assert_eq!(product.body["available"], 0, "{}", product.body);
}
