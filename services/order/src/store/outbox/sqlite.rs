//! The outbox in SQLite.

use super::{DeadLetter, Fate, OutboxEvent, Result, count, replayed};
use crate::store::audit;
use api::{event::OrderEventKind, ids::OrderId, timestamp::Timestamp};
use service_kit::{
    database::{converted, parsed},
    sqlite::Sqlite,
};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use std::time::Duration;
use telemetry::{
    audit::{Actor, Auditor},
    propagation::StoredContext,
};
use uuid::Uuid;

/// Puts an event in, in the transaction of the change it tells of.
pub async fn insert(
    connection: &mut SqliteConnection,
    order_id: OrderId,
    kind: OrderEventKind,
    context: &StoredContext,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO outbox (event_id, order_id, kind, traceparent, tracestate, baggage, created_at, next_attempt_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
    )
    .bind(Uuid::now_v7().to_string())
    .bind(order_id.to_string())
    .bind(kind.as_str())
    .bind(&context.traceparent)
    .bind(&context.tracestate)
    .bind(&context.baggage)
    .bind(Timestamp::now().as_micros())
    .execute(connection)
    .await
    .map(|_| ())
}

/// Writes nothing: the one relay knows what it holds, and a relay after a crash need not wait for a lease.
pub(super) async fn claim(db: &Sqlite, limit: i64, held: &[i64], _: Duration) -> Result<Vec<OutboxEvent>> {
    let due = sqlx::query(
        "SELECT * FROM outbox AS event
         WHERE next_attempt_at <= ?1 AND position NOT IN (SELECT value FROM json_each(?2))
           AND NOT EXISTS (SELECT 1 FROM outbox AS earlier
                           WHERE earlier.order_id = event.order_id AND earlier.position < event.position)
         ORDER BY next_attempt_at, position LIMIT ?3",
    )
    .bind(Timestamp::now().as_micros())
    .bind(json(held))
    .bind(limit);
    due.fetch_all(db.reader()).await?.iter().map(read_event).collect()
}

pub(super) async fn settle(db: &Sqlite, fates: &[(i64, Fate)]) -> Result<()> {
    let now = Timestamp::now();
    let mut transaction = db.begin().await?;
    let mut gone = Vec::new();
    for (position, fate) in fates {
        match fate {
            Fate::Delivered => gone.push(*position),
            Fate::Postponed { rest, error, refused } => {
                sqlx::query(
                    "UPDATE outbox SET next_attempt_at = ?, last_error = ?, attempts = attempts + ?
                     WHERE position = ?",
                )
                .bind((now + *rest).as_micros())
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
                            created_at, attempts + 1, ?, ? FROM outbox WHERE position = ?
                     ON CONFLICT DO NOTHING",
                )
                .bind(error)
                .bind(now.as_micros())
                .bind(position)
                .execute(&mut *transaction)
                .await?;
                gone.push(*position);
            }
        }
    }
    sqlx::query("DELETE FROM outbox WHERE position IN (SELECT value FROM json_each(?))")
        .bind(json(&gone))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

pub(super) async fn backlog(db: &Sqlite) -> Result<(i64, Option<Timestamp>)> {
    let row = sqlx::query("SELECT count(*) AS length, min(created_at) AS oldest FROM outbox")
        .fetch_one(db.reader())
        .await?;
    let oldest: Option<i64> = row.try_get("oldest")?;
    Ok((row.try_get("length")?, oldest.and_then(|micros| Timestamp::from_micros(micros).ok())))
}

pub(super) async fn bury(db: &Sqlite, letter: &DeadLetter) -> Result<()> {
    let mut transaction = db.begin().await?;
    sqlx::query(
        "INSERT INTO dead_letters (event_id, order_id, kind, traceparent, tracestate, baggage,
                                   created_at, attempts, last_error, died_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(letter.event_id.to_string())
    .bind(letter.order_id.to_string())
    .bind(&letter.kind)
    .bind(&letter.context.traceparent)
    .bind(&letter.context.tracestate)
    .bind(&letter.context.baggage)
    .bind(letter.created_at.as_micros())
    .bind(count(letter.attempts))
    .bind(&letter.last_error)
    .bind(letter.died_at.as_micros())
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await
}

pub(super) async fn dead_letters(db: &Sqlite, limit: i64) -> Result<Vec<DeadLetter>> {
    let letters = sqlx::query("SELECT * FROM dead_letters ORDER BY died_at, event_id LIMIT ?").bind(limit);
    letters.fetch_all(db.reader()).await?.iter().map(read_letter).collect()
}

pub(super) async fn replay(
    db: &Sqlite,
    event_id: Option<Uuid>,
    auditor: &Auditor,
    actor: Actor,
) -> Result<u64> {
    let (event_id, now) = (event_id.map(|id| id.to_string()), Timestamp::now().as_micros());
    let mut transaction = db.begin().await?;
    sqlx::query(
        "INSERT INTO outbox (event_id, order_id, kind, traceparent, tracestate, baggage, created_at,
                             next_attempt_at, last_error)
         SELECT event_id, order_id, kind, traceparent, tracestate, baggage, created_at, ?2, last_error
         FROM dead_letters WHERE ?1 IS NULL OR event_id = ?1
         ORDER BY created_at, event_id
         ON CONFLICT DO NOTHING",
    )
    .bind(&event_id)
    .bind(now)
    .execute(&mut *transaction)
    .await?;
    let gone = sqlx::query("DELETE FROM dead_letters WHERE ?1 IS NULL OR event_id = ?1")
        .bind(&event_id)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
    if gone > 0 {
        audit::sqlite::append(&mut transaction, auditor, &[replayed(actor, gone)]).await?;
    }
    transaction.commit().await?;
    Ok(gone)
}

fn read_event(row: &SqliteRow) -> Result<OutboxEvent> {
    Ok(OutboxEvent {
        position: row.try_get("position")?,
        event_id: parsed(row, "event_id")?,
        order_id: parsed(row, "order_id")?,
        kind: row.try_get("kind")?,
        context: read_context(row)?,
        created_at: read_time(row, "created_at")?,
        attempts: converted::<_, i64, u32>(row, "attempts")?,
    })
}

fn read_letter(row: &SqliteRow) -> Result<DeadLetter> {
    Ok(DeadLetter {
        event_id: parsed(row, "event_id")?,
        order_id: parsed(row, "order_id")?,
        kind: row.try_get("kind")?,
        context: read_context(row)?,
        created_at: read_time(row, "created_at")?,
        attempts: converted::<_, i64, u32>(row, "attempts")?,
        last_error: row.try_get("last_error")?,
        died_at: read_time(row, "died_at")?,
    })
}

fn read_context(row: &SqliteRow) -> Result<StoredContext> {
    Ok(StoredContext {
        traceparent: row.try_get("traceparent")?,
        tracestate: row.try_get("tracestate")?,
        baggage: row.try_get("baggage")?,
    })
}

fn read_time(row: &SqliteRow, column: &'static str) -> Result<Timestamp> {
    Timestamp::from_micros(row.try_get(column)?)
        .map_err(|error| sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(error) })
}

/// A list as one parameter.
fn json(positions: &[i64]) -> String {
    serde_json::Value::from(positions).to_string()
}
