//! Forgetting in SQLite: its one writer sees to it that no order gets under way in the meantime.

use super::{Forgotten, act, nobody};
use crate::store::{Result, audit};
use api::customer::CustomerId;
use service_kit::sqlite::Sqlite;
use telemetry::audit::{Actor, Auditor};

pub(in crate::store) async fn forget(
    db: &Sqlite,
    auditor: &Auditor,
    customer: &CustomerId,
    actor: Actor,
) -> Result<Forgotten> {
    let mut tx = db.begin().await?;
    let under_way: i64 =
        sqlx::query_scalar("SELECT count(*) FROM orders WHERE customer_id = ? AND step IS NOT NULL")
            .bind(customer.as_str())
            .fetch_one(&mut *tx)
            .await?;
    if under_way > 0 {
        tx.rollback().await?;
        return Ok(Forgotten::UnderWay { orders: under_way as u64 });
    }
    for sql in [
        "UPDATE outbox SET baggage = NULL WHERE order_id IN (SELECT id FROM orders WHERE customer_id = ?)",
        "UPDATE dead_letters SET baggage = NULL WHERE order_id IN (SELECT id FROM orders WHERE customer_id = ?)",
        "DELETE FROM idempotency_keys WHERE substr(key, 1, length(?1) + 1) = ?1 || '/'",
    ] {
        sqlx::query(sql).bind(customer.as_str()).execute(&mut *tx).await?;
    }
    let orders = sqlx::query(
        "UPDATE orders SET customer_id = ?, card_last4 = NULL, sealed_card = NULL, baggage = NULL
         WHERE customer_id = ?",
    )
    .bind(nobody().as_str())
    .bind(customer.as_str())
    .execute(&mut *tx)
    .await?
    .rows_affected();
    audit::sqlite::append(&mut tx, auditor, &[act(customer, actor, orders)]).await?;
    tx.commit().await?;
    Ok(Forgotten::Done { orders })
}
