//! A database of an earlier version is brought up to date, with what is in it.

use api::ids::OrderId;
use api::payment::Charge;
use service_kit::database::DatabaseUrl;
use service_kit::sqlite::Sqlite;
use telemetry::Env;

use crate::app::App;
use testkit::Database;

#[tokio::test]
async fn the_first_schema_becomes_the_present_one() {
    let database = Database::sqlite();
    let env = Env::from_pairs([("DATABASE_URL", database.url())]);
    let DatabaseUrl::Sqlite(url) = DatabaseUrl::from_env(&env, "unused").unwrap() else {
        panic!("not SQLite")
    };
    let first = service_kit::migrations!("sqlite": "0001_charges");
    let sqlite = Sqlite::open(&url, &first).await.unwrap();
    let (order, transaction) = (OrderId::new(), api::ids::TransactionId::new());
    let mut tx = sqlite.begin().await.unwrap();
    sqlx::query("INSERT INTO charges VALUES (?, ?, 2500, 'EUR', 'card', '4242', 'approved', 1)")
        .bind(order.to_string())
        .bind(transaction.to_string())
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    sqlite.close().await;

    let app = App::start_on(database).await;
    let charge: Charge = app.charge(order, 2500, "4242424242424242").await.json().await.unwrap();
    assert_eq!(charge.transaction_id, transaction);
    assert_eq!(app.refund(order).await.text().await.unwrap(), r#"{"state":"refunded"}"#);
}
