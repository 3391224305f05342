//! Idempotency keys in PostgreSQL.

use crate::store::{KeyClaim, KeyRequest, Result};
use api::{ids::OrderId, timestamp::Timestamp};
use service_kit::{database::converted, postgres::Postgres};
use sqlx::{PgConnection, Row, types::time::OffsetDateTime};
use uuid::Uuid;

pub(in crate::store) async fn claim_key(db: &Postgres, request: &KeyRequest<'_>) -> Result<KeyClaim> {
    let mut tx = db.begin().await?;
    let claim = claim_key_in(&mut tx, request).await?;
    tx.commit().await?;
    Ok(claim)
}

async fn claim_key_in(tx: &mut PgConnection, request: &KeyRequest<'_>) -> Result<KeyClaim> {
    let key = request.kept();
    sqlx::query("DELETE FROM idempotency_keys WHERE key = $1 AND created_at < $2")
        .bind(&key)
        .bind(OffsetDateTime::from(request.oldest))
        .execute(&mut *tx)
        .await?;
    let inserted = sqlx::query(
        "INSERT INTO idempotency_keys (key, fingerprint, order_id, locked_until, created_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    )
    .bind(&key)
    .bind(request.fingerprint)
    .bind(Uuid::from(request.order_id))
    .bind(OffsetDateTime::from(request.locked_until))
    .bind(OffsetDateTime::from(request.now))
    .execute(&mut *tx)
    .await?;
    if inserted.rows_affected() == 1 {
        return Ok(KeyClaim::Ours(request.order_id));
    }
    let row = sqlx::query(
        "SELECT k.fingerprint, k.order_id, k.locked_until, o.id IS NOT NULL AS kept
         FROM idempotency_keys k LEFT JOIN orders o ON o.id = k.order_id WHERE k.key = $1
         FOR UPDATE OF k",
    )
    .bind(&key)
    .fetch_one(&mut *tx)
    .await?;
    let order_id = converted::<_, Uuid, OrderId>(&row, "order_id")?;
    if row.try_get::<&[u8], _>("fingerprint")? != request.fingerprint {
        return Ok(KeyClaim::OtherBody);
    }
    if row.try_get::<bool, _>("kept")? {
        return Ok(KeyClaim::Known(order_id));
    }
    if row.try_get::<OffsetDateTime, _>("locked_until")? > OffsetDateTime::from(request.now) {
        return Ok(KeyClaim::Running);
    }
    sqlx::query("UPDATE idempotency_keys SET locked_until = $1 WHERE key = $2")
        .bind(OffsetDateTime::from(request.locked_until))
        .bind(&key)
        .execute(tx)
        .await?;
    Ok(KeyClaim::Ours(order_id))
}

pub(in crate::store) async fn forget_keys(db: &Postgres, oldest: Timestamp) -> Result<u64> {
    let mut tx = db.begin().await?;
    let forgotten = sqlx::query("DELETE FROM idempotency_keys WHERE created_at < $1")
        .bind(OffsetDateTime::from(oldest))
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(forgotten.rows_affected())
}
