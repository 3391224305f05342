//! A database of an earlier version is brought up to date, with what is in it.

use api::ids::OrderId;
use serde_json::json;
use service_kit::database::DatabaseUrl;
use service_kit::sqlite::Sqlite;
use telemetry::Env;

use crate::app::App;
use crate::events::{deliver, event};
use testkit::Database;

const PU_ERH: &str = "TEA-PUERH-1998";

#[tokio::test]
async fn the_first_schema_becomes_the_present_one() {
    let database = Database::sqlite();
    let env = Env::from_pairs([("DATABASE_URL", database.url())]);
    let DatabaseUrl::Sqlite(url) = DatabaseUrl::from_env(&env, "unused").unwrap() else {
        panic!("not SQLite")
    };
    let first = service_kit::migrations!("sqlite": "0001_stock", "0002_sample_catalogue");
    let sqlite = Sqlite::open(&url, &first).await.unwrap();
    let order = OrderId::new();
    let mut tx = sqlite.begin().await.unwrap();
    let now = api::timestamp::Timestamp::now().as_micros();
    for sql in [
        "INSERT INTO reservations VALUES (?1, 'held', ?2)",
        "INSERT INTO reservation_items VALUES (?1, 0, 'TEA-PUERH-1998', 2, 24900, 'EUR')",
        "UPDATE products SET reserved = 2 WHERE sku = 'TEA-PUERH-1998'",
    ] {
        sqlx::query(sql).bind(order.to_string()).bind(now).execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    sqlite.close().await;

    let app = App::start_on(database, &[]).await;
    assert_eq!((app.available(PU_ERH).await, app.reserved(PU_ERH).await), (1, 2));
    let again = app.reserve(order, json!([{"sku": PU_ERH, "quantity": 2}])).await;
    assert_eq!(again.status().as_u16(), 201);
    assert_eq!(deliver(&app, &event("order.confirmed", order)).await, 204);
    assert_eq!((app.available(PU_ERH).await, app.reserved(PU_ERH).await), (1, 0));
}
