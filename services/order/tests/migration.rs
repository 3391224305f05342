//! Idempotency keys from before they were kept for each customer.

use crate::store::{draft, open, pending};
use api::timestamp::Timestamp;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};
use testkit::Database;

const SQLITE: &str = include_str!("../migrations/sqlite/0005_customers_and_operators.sql");
const POSTGRES: &str = include_str!("../migrations/postgres/0005_customers_and_operators.sql");

#[tokio::test]
async fn old_keys_become_their_customers_whatever_they_look_like() {
    for database in Database::each().await {
        let url = database.url();
        let store = open(&url).await;
        let orders = ["c-1", "c-2", "c-1"].map(|customer| pending(&draft(customer)));
        for order in &orders {
            store.save(order, Timestamp::now()).await.unwrap();
        }
        // The second is what the first becomes. The last belongs to no order.
        let gone = draft("c-1").id;
        for (key, id) in [
            ("k", orders[0].order.id),
            ("c-1/k", orders[1].order.id),
            ("c-1/c-1/k", orders[2].order.id),
            ("c-2/c-1/k", gone),
        ] {
            let (hash, now) = if url.starts_with("sqlite") { ("x''", "0") } else { ("''", "now()") };
            rows(
                &url,
                format!("INSERT INTO idempotency_keys VALUES ('{key}', {hash}, '{id}', {now}, {now})"),
            )
            .await;
        }
        let migration = if url.starts_with("sqlite") { SQLITE } else { POSTGRES };
        // The columns that it adds besides are there.
        let (keys, _) = migration.split_once("-- The operator").unwrap();
        rows(&url, keys.to_owned()).await;
        let kept = rows(&url, "SELECT key FROM idempotency_keys ORDER BY key".to_owned()).await;
        assert_eq!(kept, ["c-1/c-1/c-1/k", "c-1/k", "c-2/c-1/k"]);
    }
}

/// The first column of what a statement answers.
async fn rows(url: &str, sql: String) -> Vec<String> {
    let sql = sqlx::raw_sql(AssertSqlSafe(sql));
    if url.starts_with("sqlite") {
        let rows = sql.fetch_all(&mut SqliteConnection::connect(url).await.unwrap()).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    } else {
        let rows = sql.fetch_all(&mut PgConnection::connect(url).await.unwrap()).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}
