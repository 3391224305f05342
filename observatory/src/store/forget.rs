//! Forgetting a user: the references go, the records stay.

use rusqlite::{Connection, TransactionBehavior, params};

use super::StoreError;
use super::days::Days;
use super::terms::Of;

/// Takes the reference out of all files; says of how many records.
///
/// Day by day and chunk by chunk, so that the writer never waits for long.
pub(super) fn user(days: &Days, user_ref: &str) -> Result<u64, StoreError> {
    let mut records = 0;
    for part in days.newest_first() {
        match days.connect_for_change(part) {
            Ok(mut connection) => records += in_file(&mut connection, user_ref)?,
            // Its time came meanwhile.
            Err(_) if !days.newest_first().contains(&part) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(records)
}

fn in_file(connection: &mut Connection, user_ref: &str) -> Result<u64, StoreError> {
    let term = Of::User.term(user_ref.as_bytes());
    let mut chunks = Vec::new();
    let mut find = connection.prepare(
        "SELECT id, first, last FROM log_chunk
         WHERE id IN (SELECT rowid FROM log_term WHERE log_term MATCH ?)",
    )?;
    for chunk in find.query_map([format!("\"{term}\"")], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))? {
        chunks.push(chunk?);
    }
    drop(find);
    let mut records = 0;
    for (chunk, first, last) in chunks {
        records += in_chunk(connection, (chunk, first, last), user_ref, &term)?;
    }
    Ok(records)
}

fn in_chunk(
    connection: &mut Connection,
    (chunk, first, last): (i64, i64, i64),
    user_ref: &str,
    term: &str,
) -> Result<u64, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let changed = transaction
        .prepare_cached(
            "UPDATE log SET user_ref = NULL, line = json_remove(line, '$.user_ref')
             WHERE id BETWEEN ? AND ? AND user_ref = ?",
        )?
        .execute(params![first, last, user_ref])?;
    // The index keeps no text; deleting this one term leaves the chunk's others.
    transaction
        .prepare_cached("INSERT INTO log_term (log_term, rowid, terms) VALUES ('delete', ?, ?)")?
        .execute(params![chunk, term])?;
    transaction
        .prepare_cached("INSERT INTO log_term (rowid, terms) VALUES (?, '')")?
        .execute(params![chunk])?;
    transaction.commit()?;
    Ok(changed as u64)
}
