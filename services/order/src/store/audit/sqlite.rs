//! The audit log in SQLite. There is one writer, so the head stays what it was read as; and what a savepoint takes
//! back takes its entries and their head with it.

use super::{Hold, Kept, Progress, Result, Turn};
use api::timestamp::Timestamp;
use service_kit::sqlite::Sqlite;
use sqlx::{Row, SqliteConnection, SqliteExecutor};
use telemetry::audit::{Act, Auditor, Head};

/// Writes entries, in the transaction of what they tell of.
pub(in crate::store) async fn append(
    connection: &mut SqliteConnection,
    auditor: &Auditor,
    acts: &[Act<'_>],
) -> Result<()> {
    let row = sqlx::query("SELECT number, hash FROM audit_head").fetch_one(&mut *connection).await?;
    let mut head = Head { number: row.try_get("number")?, hash: row.try_get("hash")? };
    for act in acts {
        let sealed = auditor.seal(&head, act);
        sqlx::query("INSERT INTO audit_entries (number, line, created_at) VALUES (?, ?, ?)")
            .bind(sealed.head.number)
            .bind(&sealed.line)
            .bind(Timestamp::now().as_micros())
            .execute(&mut *connection)
            .await?;
        head = sealed.head;
    }
    sqlx::query("UPDATE audit_head SET number = ?, hash = ?")
        .bind(head.number)
        .bind(&head.hash)
        .execute(connection)
        .await
        .map(|_| ())
}

/// Writes entries of acts that change nothing else here.
pub(in crate::store) async fn note(db: &Sqlite, auditor: &Auditor, acts: &[Act<'_>]) -> Result<()> {
    let mut transaction = db.begin().await?;
    append(&mut transaction, auditor, acts).await?;
    transaction.commit().await
}

pub(super) async fn turn(db: &Sqlite, delivers: bool) -> Result<Option<Turn>> {
    let row = sqlx::query(
        "SELECT d.number, d.said FROM audit_delivered d, audit_head h
         WHERE h.number > d.said OR (? AND h.number > d.number)",
    )
    .bind(delivers)
    .fetch_optional(db.reader())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let progress = Progress { delivered: row.try_get("number")?, said: row.try_get("said")? };
    Ok(Some(Turn { progress, hold: Hold::Sqlite(db.clone()) }))
}

pub(super) async fn entries(reader: impl SqliteExecutor<'_>, after: i64, limit: i64) -> Result<Vec<Kept>> {
    let rows = sqlx::query("SELECT number, line FROM audit_entries WHERE number > ? ORDER BY number LIMIT ?")
        .bind(after)
        .bind(limit)
        .fetch_all(reader)
        .await?;
    rows.iter().map(|row| Ok(Kept { number: row.try_get("number")?, line: row.try_get("line")? })).collect()
}

pub(super) async fn note_progress(db: &Sqlite, progress: Progress) -> Result<()> {
    let mut transaction = db.begin().await?;
    sqlx::query("UPDATE audit_delivered SET number = ?, said = ?")
        .bind(progress.delivered)
        .bind(progress.said)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

pub(super) async fn backlog(db: &Sqlite) -> Result<(i64, Option<Timestamp>)> {
    let row = sqlx::query(
        "SELECT h.number - d.number AS length,
                (SELECT created_at FROM audit_entries WHERE number = d.number + 1) AS oldest
         FROM audit_head h, audit_delivered d",
    )
    .fetch_one(db.reader())
    .await?;
    let oldest: Option<i64> = row.try_get("oldest")?;
    Ok((row.try_get("length")?, oldest.and_then(|micros| Timestamp::from_micros(micros).ok())))
}
