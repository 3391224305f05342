//! Idempotency keys in SQLite.

use crate::store::{KeyClaim, KeyRequest, Result};
use api::timestamp::Timestamp;
use service_kit::{database::parsed, sqlite::Sqlite};
use sqlx::{Row, SqliteConnection};

pub(in crate::store) async fn claim_key(db: &Sqlite, request: &KeyRequest<'_>) -> Result<KeyClaim> {
    let mut tx = db.begin().await?;
    let claim = claim_key_in(&mut tx, request).await?;
    tx.commit().await?;
    Ok(claim)
}

async fn claim_key_in(tx: &mut SqliteConnection, request: &KeyRequest<'_>) -> Result<KeyClaim> {
    let key = request.kept();
    sqlx::query("DELETE FROM idempotency_keys WHERE key = ? AND created_at < ?")
        .bind(&key)
        .bind(request.oldest.as_micros())
        .execute(&mut *tx)
        .await?;
    let inserted = sqlx::query(
        "INSERT INTO idempotency_keys (key, fingerprint, order_id, locked_until, created_at)
         VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&key)
    .bind(request.fingerprint)
    .bind(request.order_id.to_string())
    .bind(request.locked_until.as_micros())
    .bind(request.now.as_micros())
    .execute(&mut *tx)
    .await?;
    if inserted.rows_affected() == 1 {
        return Ok(KeyClaim::Ours(request.order_id));
    }
    let row = sqlx::query(
        "SELECT k.fingerprint, k.order_id, k.locked_until, o.id IS NOT NULL AS kept
         FROM idempotency_keys k LEFT JOIN orders o ON o.id = k.order_id WHERE k.key = ?",
    )
    .bind(&key)
    .fetch_one(&mut *tx)
    .await?;
    let order_id = parsed(&row, "order_id")?;
    if row.try_get::<&[u8], _>("fingerprint")? != request.fingerprint {
        return Ok(KeyClaim::OtherBody);
    }
    if row.try_get::<bool, _>("kept")? {
        return Ok(KeyClaim::Known(order_id));
    }
    if row.try_get::<i64, _>("locked_until")? > request.now.as_micros() {
        return Ok(KeyClaim::Running);
    }
    sqlx::query("UPDATE idempotency_keys SET locked_until = ? WHERE key = ?")
        .bind(request.locked_until.as_micros())
        .bind(&key)
        .execute(tx)
        .await?;
    Ok(KeyClaim::Ours(order_id))
}

pub(in crate::store) async fn forget_keys(db: &Sqlite, oldest: Timestamp) -> Result<u64> {
    let mut tx = db.begin().await?;
    let forgotten = sqlx::query("DELETE FROM idempotency_keys WHERE created_at < ?")
        .bind(oldest.as_micros())
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(forgotten.rows_affected())
}
