//! The outbox in PostgreSQL. Times are the database's, so that relays on several machines agree on them.

use super::{DeadLetter, Fate, OutboxEvent, Result, count, replayed};
use crate::store::audit;
use api::{event::OrderEventKind, ids::OrderId, timestamp::Timestamp};
use service_kit::{database::converted, postgres::Postgres};
use sqlx::{
    PgConnection, Row,
    postgres::{PgRow, types::PgInterval},
    types::time::OffsetDateTime,
};
use std::time::Duration;
use telemetry::{
    audit::{Actor, Auditor},
    propagation::StoredContext,
};
use uuid::Uuid;

/// Puts an event in, in the transaction of the change it tells of.
pub async fn insert(
    connection: &mut PgConnection,
    order_id: OrderId,
    kind: OrderEventKind,
    context: &StoredContext,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO outbox (event_id, order_id, kind, traceparent, tracestate, baggage, created_at, next_attempt_at)
         VALUES ($1, $2, $3, $4, $5, $6, now(), now())",
    )
    .bind(Uuid::now_v7())
    .bind(Uuid::from(order_id))
    .bind(kind.as_str())
    .bind(&context.traceparent)
    .bind(&context.tracestate)
    .bind(&context.baggage)
    .execute(connection)
    .await
    .map(|_| ())
}

/// A claimed event is not due again before the lease is over; a relay that ends without a word loses it then.
pub(super) async fn claim(
    db: &Postgres,
    limit: i64,
    held: &[i64],
    lease: Duration,
) -> Result<Vec<OutboxEvent>> {
    let claimed = sqlx::query(
        "WITH due AS (
             SELECT position FROM outbox AS event
             WHERE next_attempt_at <= now() AND position <> ALL ($1)
               AND NOT EXISTS (SELECT FROM outbox AS earlier
                               WHERE earlier.order_id = event.order_id AND earlier.position < event.position)
             ORDER BY next_attempt_at, position LIMIT $2 FOR UPDATE SKIP LOCKED
         )
         UPDATE outbox SET next_attempt_at = now() + $3 FROM due WHERE outbox.position = due.position
         RETURNING outbox.*",
    )
    .bind(held)
    .bind(limit)
    .bind(interval(lease));
    claimed.fetch_all(db.pool()).await?.iter().map(read_event).collect()
}

pub(super) async fn settle(db: &Postgres, fates: &[(i64, Fate)]) -> Result<()> {
    let mut transaction = db.begin().await?;
    let mut gone = Vec::new();
    for (position, fate) in fates {
        match fate {
            Fate::Delivered => gone.push(*position),
            Fate::Postponed { rest, error, refused } => {
                sqlx::query(
                    "UPDATE outbox SET next_attempt_at = now() + $1, last_error = $2, attempts = attempts + $3
                     WHERE position = $4",
                )
                .bind(interval(*rest))
                .bind(error)
                .bind(i32::from(*refused))
                .bind(position)
                .execute(&mut *transaction)
                .await?;
            }
            Fate::Dead { error } => {
                sqlx::query(
                    "INSERT INTO dead_letters (event_id, order_id, kind, traceparent, tracestate, baggage,
                                               created_at, attempts, last_error, died_at)
                     SELECT event_id, order_id, kind, traceparent, tracestate, baggage,
                            created_at, attempts + 1, $1, now() FROM outbox WHERE position = $2
                     ON CONFLICT DO NOTHING",
                )
                .bind(error)
                .bind(position)
                .execute(&mut *transaction)
                .await?;
                gone.push(*position);
            }
        }
    }
    sqlx::query("DELETE FROM outbox WHERE position = ANY ($1)")
        .bind(&gone)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

pub(super) async fn backlog(db: &Postgres) -> Result<(i64, Option<Timestamp>)> {
    let row = sqlx::query("SELECT count(*) AS length, min(created_at) AS oldest FROM outbox")
        .fetch_one(db.pool())
        .await?;
    let oldest: Option<OffsetDateTime> = row.try_get("oldest")?;
    Ok((row.try_get("length")?, oldest.map(Timestamp::from)))
}

pub(super) async fn bury(db: &Postgres, letter: &DeadLetter) -> Result<()> {
    sqlx::query(
        "INSERT INTO dead_letters (event_id, order_id, kind, traceparent, tracestate, baggage,
                                   created_at, attempts, last_error, died_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
    )
    .bind(letter.event_id)
    .bind(letter.order_id)
    .bind(&letter.kind)
    .bind(&letter.context.traceparent)
    .bind(&letter.context.tracestate)
    .bind(&letter.context.baggage)
    .bind(OffsetDateTime::from(letter.created_at))
    .bind(count(letter.attempts))
    .bind(&letter.last_error)
    .bind(OffsetDateTime::from(letter.died_at))
    .execute(db.pool())
    .await
    .map(|_| ())
}

pub(super) async fn dead_letters(db: &Postgres, limit: i64) -> Result<Vec<DeadLetter>> {
    let letters = sqlx::query("SELECT * FROM dead_letters ORDER BY died_at, event_id LIMIT $1").bind(limit);
    letters.fetch_all(db.pool()).await?.iter().map(read_letter).collect()
}

pub(super) async fn replay(
    db: &Postgres,
    event_id: Option<Uuid>,
    auditor: &Auditor,
    actor: Actor,
) -> Result<u64> {
    let mut transaction = db.begin().await?;
    // The orders first, as when a customer is forgotten: an event refers to its order, so the insert locks it anyway.
    let orders: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM orders
         WHERE id IN (SELECT order_id FROM dead_letters WHERE $1 IS NULL OR event_id = $1)
         ORDER BY id FOR KEY SHARE",
    )
    .bind(event_id)
    .fetch_all(&mut *transaction)
    .await?;
    // One statement: of two that replay the same letter, one finds nothing to delete.
    let count = sqlx::query(
        "WITH letters AS (DELETE FROM dead_letters WHERE ($1 IS NULL OR event_id = $1) AND order_id = ANY ($2) RETURNING *)
         INSERT INTO outbox (event_id, order_id, kind, traceparent, tracestate, baggage, created_at,
                             next_attempt_at, last_error)
         SELECT event_id, order_id, kind, traceparent, tracestate, baggage, created_at, now(), last_error
         FROM letters ORDER BY created_at, event_id
         ON CONFLICT DO NOTHING",
    )
    .bind(event_id)
    .bind(orders)
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    if count > 0 {
        audit::postgres::append(&mut transaction, auditor, &[replayed(actor, count)]).await?;
    }
    transaction.commit().await?;
    Ok(count)
}

fn read_event(row: &PgRow) -> Result<OutboxEvent> {
    Ok(OutboxEvent {
        position: row.try_get("position")?,
        event_id: row.try_get("event_id")?,
        order_id: row.try_get("order_id")?,
        kind: row.try_get("kind")?,
        context: read_context(row)?,
        created_at: row.try_get::<OffsetDateTime, _>("created_at")?.into(),
        attempts: converted::<_, i32, u32>(row, "attempts")?,
    })
}

fn read_letter(row: &PgRow) -> Result<DeadLetter> {
    Ok(DeadLetter {
        event_id: row.try_get("event_id")?,
        order_id: row.try_get("order_id")?,
        kind: row.try_get("kind")?,
        context: read_context(row)?,
        created_at: row.try_get::<OffsetDateTime, _>("created_at")?.into(),
        attempts: converted::<_, i32, u32>(row, "attempts")?,
        last_error: row.try_get("last_error")?,
        died_at: row.try_get::<OffsetDateTime, _>("died_at")?.into(),
    })
}

fn read_context(row: &PgRow) -> Result<StoredContext> {
    Ok(StoredContext {
        traceparent: row.try_get("traceparent")?,
        tracestate: row.try_get("tracestate")?,
        baggage: row.try_get("baggage")?,
    })
}

fn interval(time: Duration) -> PgInterval {
    PgInterval { microseconds: time.as_micros().try_into().unwrap_or(i64::MAX), ..PgInterval::default() }
}
