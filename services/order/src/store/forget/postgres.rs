//! Forgetting in PostgreSQL: the orders are locked first, so that none of them gets under way in the meantime.

use super::{Forgotten, act, nobody};
use crate::store::{Result, audit};
use api::customer::CustomerId;
use service_kit::postgres::Postgres;
use telemetry::audit::{Actor, Auditor};
use uuid::Uuid;

pub(in crate::store) async fn forget(
    db: &Postgres,
    auditor: &Auditor,
    customer: &CustomerId,
    actor: Actor,
) -> Result<Forgotten> {
    let mut tx = db.begin().await?;
    let theirs: Vec<(Uuid, bool)> = sqlx::query_as(
        "SELECT id, step IS NOT NULL FROM orders WHERE customer_id = $1 ORDER BY id FOR UPDATE",
    )
    .bind(customer.as_str())
    .fetch_all(&mut *tx)
    .await?;
    let under_way = theirs.iter().filter(|(_, under_way)| *under_way).count();
    if under_way > 0 {
        return Ok(Forgotten::UnderWay { orders: under_way as u64 });
    }
    let ids: Vec<Uuid> = theirs.into_iter().map(|(id, _)| id).collect();
    for sql in [
        "UPDATE outbox SET baggage = NULL WHERE order_id = ANY ($1)",
        "UPDATE dead_letters SET baggage = NULL WHERE order_id = ANY ($1)",
    ] {
        sqlx::query(sql).bind(&ids).execute(&mut *tx).await?;
    }
    sqlx::query("DELETE FROM idempotency_keys WHERE starts_with(key, $1 || '/')")
        .bind(customer.as_str())
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "UPDATE orders SET customer_id = $1, card_last4 = NULL, sealed_card = NULL, baggage = NULL
         WHERE id = ANY ($2)",
    )
    .bind(nobody().as_str())
    .bind(&ids)
    .execute(&mut *tx)
    .await?;
    let orders = ids.len() as u64;
    audit::postgres::append(&mut tx, auditor, &[act(customer, actor, orders)]).await?;
    tx.commit().await?;
    Ok(Forgotten::Done { orders })
}
