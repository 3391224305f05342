//! Writing: one transaction for each group of batches.

mod chunk;
mod lines;

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, Transaction, params};
use serde_json::json;
use time::Date;

use super::days::Part;
use super::{Shared, StoreError, sql_time};
use crate::ingest::{Batch, Content, LogRow};
use crate::model::{Nanos, TraceId};
use crate::say::{Severity, say};
use chunk::{Chunk, Chunks, Operation};
use lines::Lines;

/// Known operations are kept in memory up to here; a sender that makes names up costs lookups, not memory.
const OPERATIONS_KEPT: usize = 10_000;

/// The only writer of the day files.
#[derive(Debug)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
    day: Option<Day>,
}

#[derive(Debug)]
struct Day {
    part: Part,
    connection: Connection,
    operations: HashMap<Operation, i64>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, day: None }
    }

    /// Makes the file of `today` the one that is written, or its next part when that has grown to its limit. With a new
    /// file, those that are too old or too many are deleted.
    pub(crate) fn turn_to(&mut self, today: Date) -> Result<(), StoreError> {
        let part = self.shared.days.part_for(today);
        if self.day.as_ref().is_some_and(|day| day.part == part) {
            return Ok(());
        }
        // Before the new file is made, which a full disk has no room for.
        match self.shared.days.retain(part) {
            Ok(true) => self.shared.close_idle(),
            Ok(false) => {}
            // What is new can be stored all the same.
            Err(error) => {
                say(Severity::Warn, "an old day cannot be deleted", &json!({"error": error.to_string()}));
            }
        }
        let connection = self.shared.days.connect_for_write(part)?;
        self.day = Some(Day { part, connection, operations: HashMap::new() });
        Ok(())
    }

    /// Stores the batches in the file of `today`, all of them or none. When the disk is full, the oldest file makes room.
    pub(crate) fn write(&mut self, today: Date, batches: Vec<Batch>) -> Result<(), StoreError> {
        let group = Group::of(batches);
        match self.write_group(today, &group) {
            Err(error) if error.is_disk_full() && self.free_oldest(today) => self.write_group(today, &group),
            written => written,
        }
    }

    fn write_group(&mut self, today: Date, group: &Group) -> Result<(), StoreError> {
        self.turn_to(today)?;
        let Some(day) = &mut self.day else { return Err(StoreError::Stopped) };
        let written = day.write(group);
        if written.is_err() {
            // Some of these may have been rolled back.
            day.operations.clear();
        }
        written
    }

    /// True when there was a file to delete.
    fn free_oldest(&self, today: Date) -> bool {
        let current = self.day.as_ref().map_or_else(|| self.shared.days.part_for(today), |day| day.part);
        let freed = self.shared.days.delete_oldest(current);
        self.shared.close_idle();
        let result = freed.as_ref().map(|part| part.map(|part| part.to_string()));
        say(
            Severity::Warn,
            "the disk is full",
            &json!({"deleted": result.as_ref().ok(), "error": result.as_ref().err().map(ToString::to_string)}),
        );
        freed.is_ok_and(|part| part.is_some())
    }
}

/// Batches sorted for writing, which may have to be tried twice.
struct Group {
    chunks: Chunks,
    orders: Orders,
    lines: Vec<Vec<LogRow>>,
}

impl Group {
    fn of(batches: Vec<Batch>) -> Self {
        let mut group = Self { chunks: Chunks::default(), orders: Orders::default(), lines: Vec::new() };
        for batch in batches {
            match batch.content {
                Content::Spans(spans) => group.chunks.add(spans),
                Content::Lines(rows) => {
                    for row in &rows {
                        group.orders.add_line(row);
                    }
                    group.lines.push(rows);
                }
            }
        }
        for (trace_id, chunk) in &group.chunks.by_trace {
            for order_id in &chunk.orders {
                group.orders.add(order_id, *trace_id, chunk.start);
            }
        }
        group
    }
}

impl Day {
    fn write(&mut self, group: &Group) -> Result<(), StoreError> {
        let mut lines = Lines::default();
        let transaction = self.connection.transaction()?;
        for rows in &group.lines {
            lines.insert(&transaction, rows)?;
        }
        lines.finish(&transaction)?;
        if self.operations.len() > OPERATIONS_KEPT {
            self.operations.clear();
        }
        for (trace_id, chunk) in &group.chunks.by_trace {
            insert_chunk(&transaction, &mut self.operations, *trace_id, chunk)?;
        }
        group.orders.insert(&transaction)?;
        transaction.commit()?;
        Ok(())
    }
}

fn insert_chunk(
    transaction: &Transaction<'_>,
    operations: &mut HashMap<Operation, i64>,
    trace_id: TraceId,
    chunk: &Chunk,
) -> Result<(), StoreError> {
    transaction
        .prepare_cached("INSERT INTO chunk (trace_id, start, spans) VALUES (?, ?, ?)")?
        .execute(params![trace_id.0, sql_time(chunk.start), chunk.encode()])?;
    let chunk_id = transaction.last_insert_rowid();
    for (operation, hit) in &chunk.hits {
        let operation_id = if let Some(known) = operations.get(operation) {
            *known
        } else {
            let id = operation_id(transaction, operation)?;
            operations.insert(operation.clone(), id);
            id
        };
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

    fn insert(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let mut insert = transaction.prepare_cached(
            "INSERT INTO order_trace (order_id, trace_id, start) VALUES (?, ?, ?)
             ON CONFLICT DO UPDATE SET start = excluded.start WHERE excluded.start < start",
        )?;
        for ((order_id, trace_id), start) in &self.0 {
            insert.execute(params![order_id, trace_id.0, sql_time(*start)])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::ingest::Input;
    use crate::store::{Retention, Store};

    fn line(length: usize) -> Vec<Batch> {
        let row = LogRow {
            timestamp: 1,
            severity: "INFO".into(),
            service: String::new(),
            message: String::new(),
            trace_id: None,
            span_id: None,
            order_id: None,
            session_id: None,
            user_ref: None,
            terminal_id: None,
            is_event: false,
            line: json!({"padding": "x".repeat(length)}).to_string(),
        };
        vec![Batch { input: Input::Tcp, count: 1, content: Content::Lines(vec![row]) }]
    }

    #[test]
    fn a_full_disk_costs_the_oldest_file() {
        let directory = tempfile::tempdir().unwrap();
        let retention = Retention { days: 7, bytes: 1 << 30 };
        let (_store, mut writer) = Store::open(directory.path(), retention).unwrap();
        let (yesterday, today) = (date!(2026 - 11 - 21), date!(2026 - 11 - 22));
        writer.write(yesterday, line(1)).unwrap();
        writer.write(today, line(1)).unwrap();
        let connection = &writer.day.as_ref().unwrap().connection;
        let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        // For this connection, as good as a full disk.
        connection.pragma_update(None, "max_page_count", pages).unwrap();
        assert!(writer.write(today, line(100_000)).unwrap_err().is_disk_full());
        let exists = |date: Date| directory.path().join(format!("telemetry-{date}.db")).exists();
        assert!(!exists(yesterday) && exists(today), "today's is never the one");
        writer.day.as_ref().unwrap().connection.pragma_update(None, "max_page_count", pages + 100).unwrap();
        writer.write(today, line(100_000)).unwrap();
    }
}
