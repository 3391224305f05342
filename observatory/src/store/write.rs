//! Writing: one transaction for each group of batches.

mod chunk;

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, Transaction, params};
use serde_json::json;
use time::Date;

use super::{Shared, StoreError, sql_time};
use crate::ingest::{Batch, Content, LogRow};
use crate::model::{Nanos, TraceId};
use crate::say::{Severity, say};
use chunk::{Chunk, Chunks, Operation};

/// Known operations are kept in memory up to here; a sender that makes names up costs lookups, not memory.
const OPERATIONS_KEPT: usize = 10_000;

/// The only writer of the day files.
#[derive(Debug)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
    retention_days: u16,
    day: Option<Day>,
}

#[derive(Debug)]
struct Day {
    date: Date,
    connection: Connection,
    operations: HashMap<Operation, i64>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, retention_days: u16) -> Self {
        Self { shared, retention_days, day: None }
    }

    /// Makes the file of `today` the one that is written, and deletes those that are too old, when the day is
    /// new.
    pub(crate) fn turn_to(&mut self, today: Date) -> Result<(), StoreError> {
        if self.day.as_ref().is_some_and(|day| day.date == today) {
            return Ok(());
        }
        let connection = self.shared.days.connect_for_write(today)?;
        self.day = Some(Day { date: today, connection, operations: HashMap::new() });
        if let Err(error) = self.shared.days.retain(today, self.retention_days) {
            // What is new can be stored all the same.
            say(Severity::Warn, "an old day cannot be deleted", &json!({"error": error.to_string()}));
        }
        Ok(())
    }

    /// Stores the batches in the file of `today`, all of them or none.
    pub(crate) fn write(&mut self, today: Date, batches: Vec<Batch>) -> Result<(), StoreError> {
        self.turn_to(today)?;
        let Some(day) = &mut self.day else { return Err(StoreError::Stopped) };
        let written = day.write(batches);
        if written.is_err() {
            // Some of these may have been rolled back.
            day.operations.clear();
        }
        written
    }
}

impl Day {
    fn write(&mut self, batches: Vec<Batch>) -> Result<(), StoreError> {
        let mut chunks = Chunks::default();
        let mut orders = Orders::default();
        let transaction = self.connection.transaction()?;
        for batch in batches {
            match batch.content {
                Content::Spans(spans) => chunks.add(spans),
                Content::Lines(lines) => {
                    for line in lines {
                        insert_line(&transaction, &line)?;
                        orders.add_line(&line);
                    }
                }
            }
        }
        if self.operations.len() > OPERATIONS_KEPT {
            self.operations.clear();
        }
        for (trace_id, chunk) in chunks.by_trace {
            for order_id in &chunk.orders {
                orders.add(order_id, trace_id, chunk.start);
            }
            insert_chunk(&transaction, &mut self.operations, trace_id, chunk)?;
        }
        orders.insert(&transaction)?;
        transaction.commit()?;
        Ok(())
    }
}

fn insert_chunk(
    transaction: &Transaction<'_>,
    operations: &mut HashMap<Operation, i64>,
    trace_id: TraceId,
    chunk: Chunk,
) -> Result<(), StoreError> {
    transaction
        .prepare_cached("INSERT INTO chunk (trace_id, start, spans) VALUES (?, ?, ?)")?
        .execute(params![trace_id.0, sql_time(chunk.start), chunk.encode()])?;
    let chunk_id = transaction.last_insert_rowid();
    for (operation, hit) in chunk.hits {
        let known = operations.get(&operation).copied();
        let operation_id = known.map_or_else(|| operation_id(transaction, &operation), Ok)?;
        operations.entry(operation).or_insert(operation_id);
        transaction
            .prepare_cached(
                "INSERT INTO hit (start, operation, chunk, trace_id, earliest, shortest, longest, errors)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                sql_time(hit.latest),
                operation_id,
                chunk_id,
                trace_id.0,
                sql_time(hit.earliest),
                sql_time(hit.shortest),
                sql_time(hit.longest),
                hit.errors,
            ])?;
    }
    Ok(())
}

fn operation_id(transaction: &Transaction<'_>, operation: &Operation) -> Result<i64, StoreError> {
    let key = params![operation.service, operation.name, operation.kind];
    transaction
        .prepare_cached(
            "INSERT INTO operation (service, name, kind) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        )?
        .execute(key)?;
    let mut find =
        transaction.prepare_cached("SELECT id FROM operation WHERE service = ? AND name = ? AND kind = ?")?;
    Ok(find.query_row(key, |row| row.get(0))?)
}

fn insert_line(transaction: &Transaction<'_>, line: &LogRow) -> Result<(), StoreError> {
    transaction
        .prepare_cached(
            "INSERT INTO log (timestamp, severity, service, message, trace_id, span_id, order_id, session_id, line)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            sql_time(line.timestamp),
            line.severity,
            line.service,
            line.message,
            line.trace_id.map(|id| id.0),
            line.span_id.map(|id| id.0),
            line.order_id,
            line.session_id,
            line.line,
        ])?;
    let id = transaction.last_insert_rowid();
    transaction
        .prepare_cached("INSERT INTO log_text (rowid, message) VALUES (?, ?)")?
        .execute(params![id, line.message])?;
    Ok(())
}

/// Which order occurs in which trace. Gathered over a transaction: an order has some twenty lines and spans
/// in one.
#[derive(Default)]
struct Orders(HashMap<(String, TraceId), Nanos>);

impl Orders {
    fn add(&mut self, order_id: &str, trace_id: TraceId, start: Nanos) {
        let earliest = self.0.entry((order_id.to_owned(), trace_id)).or_insert(start);
        *earliest = start.min(*earliest);
    }

    fn add_line(&mut self, line: &LogRow) {
        if let (Some(order_id), Some(trace_id)) = (&line.order_id, line.trace_id) {
            self.add(order_id, trace_id, line.timestamp);
        }
    }

    fn insert(self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let mut insert = transaction.prepare_cached(
            "INSERT INTO order_trace (order_id, trace_id, start) VALUES (?, ?, ?)
             ON CONFLICT DO UPDATE SET start = excluded.start WHERE excluded.start < start",
        )?;
        for ((order_id, trace_id), start) in self.0 {
            insert.execute(params![order_id, trace_id.0, sql_time(start)])?;
        }
        Ok(())
    }
}
