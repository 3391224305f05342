//! The audit log in PostgreSQL. The chain is one for all instances, so whoever writes an entry locks the head until
//! its commit. Whatever else a transaction does comes before that: the lock is the last thing it takes.

use super::{Hold, Kept, Progress, Result, Turn};
use api::timestamp::Timestamp;
use service_kit::postgres::Postgres;
use sqlx::{PgConnection, Row, Transaction, types::time::OffsetDateTime};
use telemetry::audit::{Act, Auditor, Head};

/// Writes entries, in the transaction of what they tell of and as its last statement.
pub(in crate::store) async fn append(
    connection: &mut PgConnection,
    auditor: &Auditor,
    acts: &[Act<'_>],
) -> Result<()> {
    let row =
        sqlx::query("SELECT number, hash FROM audit_head FOR UPDATE").fetch_one(&mut *connection).await?;
    let mut head = Head { number: row.try_get("number")?, hash: row.try_get("hash")? };
    for act in acts {
        let sealed = auditor.seal(&head, act);
        // One statement: others wait for this commit.
        sqlx::query(
            "WITH entry AS (INSERT INTO audit_entries (number, line, created_at) VALUES ($1, $2, clock_timestamp()))
             UPDATE audit_head SET number = $1, hash = $3",
        )
        .bind(sealed.head.number)
        .bind(&sealed.line)
        .bind(&sealed.head.hash)
        .execute(&mut *connection)
        .await?;
        head = sealed.head;
    }
    Ok(())
}

/// Writes entries of acts that change nothing else here.
pub(in crate::store) async fn note(db: &Postgres, auditor: &Auditor, acts: &[Act<'_>]) -> Result<()> {
    let mut transaction = db.begin().await?;
    append(&mut transaction, auditor, acts).await?;
    transaction.commit().await
}

pub(super) async fn turn(db: &Postgres, delivers: bool) -> Result<Option<Turn>> {
    // Looked for without a transaction: mostly there is nothing.
    let waiting = "SELECT 1 FROM audit_delivered d, audit_head h
                   WHERE h.number > d.said OR ($1 AND h.number > d.number)";
    if sqlx::query(waiting).bind(delivers).fetch_optional(db.pool()).await?.is_none() {
        return Ok(None);
    }
    let mut transaction = db.begin().await?;
    let row = sqlx::query("SELECT number, said FROM audit_delivered FOR UPDATE SKIP LOCKED")
        .fetch_optional(&mut *transaction)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let progress = Progress { delivered: row.try_get("number")?, said: row.try_get("said")? };
    Ok(Some(Turn { progress, hold: Hold::Postgres(transaction) }))
}

pub(super) async fn entries(connection: &mut PgConnection, after: i64, limit: i64) -> Result<Vec<Kept>> {
    let rows =
        sqlx::query("SELECT number, line FROM audit_entries WHERE number > $1 ORDER BY number LIMIT $2")
            .bind(after)
            .bind(limit)
            .fetch_all(connection)
            .await?;
    rows.iter().map(|row| Ok(Kept { number: row.try_get("number")?, line: row.try_get("line")? })).collect()
}

pub(super) async fn note_progress(
    mut transaction: Transaction<'static, sqlx::Postgres>,
    progress: Progress,
) -> Result<()> {
    sqlx::query("UPDATE audit_delivered SET number = $1, said = $2")
        .bind(progress.delivered)
        .bind(progress.said)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

pub(super) async fn backlog(db: &Postgres) -> Result<(i64, Option<Timestamp>)> {
    let row = sqlx::query(
        "SELECT h.number - d.number AS length,
                (SELECT created_at FROM audit_entries WHERE number = d.number + 1) AS oldest
         FROM audit_head h, audit_delivered d",
    )
    .fetch_one(db.pool())
    .await?;
    let oldest: Option<OffsetDateTime> = row.try_get("oldest")?;
    Ok((row.try_get("length")?, oldest.map(Timestamp::from)))
}
