//! Writing log lines: their rows, and an index entry for each chunk of them.

use rusqlite::{Transaction, params};

use crate::ingest::LogRow;
use crate::store::terms::{Of, Terms};
use crate::store::{StoreError, sql_time};

/// More lines of one transaction are several chunks, so that a query need not look through many that do not fit.
const CHUNK: usize = 512;

/// The chunk that is being written.
#[derive(Debug, Default)]
pub(super) struct Lines {
    chunk: Option<Chunk>,
    terms: Terms,
}

#[derive(Debug)]
struct Chunk {
    first: i64,
    last: i64,
    earliest: i64,
    latest: i64,
    lines: usize,
    kinds: String,
}

impl Lines {
    pub(super) fn insert(
        &mut self,
        transaction: &Transaction<'_>,
        rows: &[LogRow],
    ) -> Result<(), StoreError> {
        let mut insert = transaction.prepare_cached(
            "INSERT INTO log (timestamp, severity, service, trace_id, span_id, order_id, session_id, user_ref,
                              terminal_id, line)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        for row in rows {
            let timestamp = sql_time(row.timestamp);
            let id = insert.insert(params![
                timestamp,
                row.severity,
                row.service,
                row.trace_id.map(|id| id.0),
                row.span_id.map(|id| id.0),
                row.order_id,
                row.session_id,
                row.user_ref,
                row.terminal_id,
                row.line,
            ])?;
            self.index(row);
            let chunk = self.chunk.get_or_insert_with(|| Chunk::new(id, timestamp));
            chunk.add(id, timestamp, row);
            if chunk.lines == CHUNK {
                self.finish(transaction)?;
            }
        }
        Ok(())
    }

    fn index(&mut self, row: &LogRow) {
        let terms = &mut self.terms;
        terms.message(&row.message);
        let mut id = |of, id: Option<&[u8]>| {
            if let Some(id) = id {
                terms.id(of, id);
            }
        };
        id(Of::Trace, row.trace_id.as_ref().map(|id| &id.0[..]));
        id(Of::Span, row.span_id.as_ref().map(|id| &id.0[..]));
        id(Of::Order, row.order_id.as_deref().map(str::as_bytes));
        id(Of::Session, row.session_id.as_deref().map(str::as_bytes));
        id(Of::User, row.user_ref.as_deref().map(str::as_bytes));
        id(Of::Terminal, row.terminal_id.as_deref().map(str::as_bytes));
    }

    /// Writes the index entry of what has been inserted.
    pub(super) fn finish(&mut self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let Some(chunk) = self.chunk.take() else { return Ok(()) };
        let id = transaction
            .prepare_cached(
                "INSERT INTO log_chunk (first, last, earliest, latest, kinds) VALUES (?, ?, ?, ?, ?)",
            )?
            .insert(params![chunk.first, chunk.last, chunk.earliest, chunk.latest, chunk.kinds])?;
        transaction
            .prepare_cached("INSERT INTO log_term (rowid, terms) VALUES (?, ?)")?
            .execute(params![id, self.terms.take()])?;
        Ok(())
    }
}

impl Chunk {
    fn new(id: i64, timestamp: i64) -> Self {
        Self { first: id, last: id, earliest: timestamp, latest: timestamp, lines: 0, kinds: "\n".to_owned() }
    }

    fn add(&mut self, id: i64, timestamp: i64, row: &LogRow) {
        self.last = id;
        self.earliest = self.earliest.min(timestamp);
        self.latest = self.latest.max(timestamp);
        self.lines += 1;
        let kind = [&*row.severity, "\t", &row.service, "\n"].concat();
        // A kind begins where another one ends, so it cannot be mistaken for a part of one.
        if !self.kinds.contains(&["\n", &kind].concat()) {
            self.kinds.push_str(&kind);
        }
    }
}
