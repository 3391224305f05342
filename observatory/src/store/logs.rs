//! Reading log lines: first which chunks may hold some that fit, then those chunks' lines.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use rusqlite::types::ToSql;
use rusqlite::{Connection, Row, params_from_iter};

use super::days::Part;
use super::terms::{Of, Search};
use super::{Reader, StoreError, nanos, sql_time};
use crate::ingest::record;
use crate::model::{LogPage, LogQuery, LogRecord, SpanId, TraceId, rfc3339};

/// Where a page ended. Pages go on behind it, so that lines which arrive meanwhile move nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor {
    part: Part,
    timestamp: i64,
    id: i64,
}

impl Cursor {
    fn write(self) -> String {
        format!("{}_{}_{}", self.part, self.timestamp, self.id)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('_');
        let part = parts.next()?.parse().ok()?;
        let cursor = Self { part, timestamp: parts.next()?.parse().ok()?, id: parts.next()?.parse().ok()? };
        parts.next().is_none().then_some(cursor)
    }
}

type Argument = Box<dyn ToSql>;

/// A line that fits, with its place.
struct Found {
    timestamp: i64,
    id: i64,
    record: LogRecord,
}

/// A query, ready to be asked of each file.
struct Question<'a> {
    query: &'a LogQuery,
    search: Option<Search>,
    ascending: bool,
}

pub(super) fn find(reader: &Reader, query: &LogQuery) -> Result<LogPage, StoreError> {
    let after = match &query.cursor {
        Some(cursor) => Some(Cursor::read(cursor).ok_or(StoreError::BadCursor)?),
        None => None,
    };
    let search = query.q.as_deref().and_then(Search::of);
    let question = Question { query, search, ascending: query.oldest_first() };
    let mut files: Vec<_> = reader.iter().collect();
    if question.ascending {
        files.reverse();
    }
    let mut logs = Vec::new();
    let mut last = None;
    for (part, connection) in files {
        let passed = |after: Cursor| if question.ascending { *part < after.part } else { *part > after.part };
        if after.is_some_and(passed) {
            continue;
        }
        let here = after.filter(|after| after.part == *part);
        // One more than a page, to know whether there is a next one.
        for found in question.ask(connection, here, query.limit - logs.len() + 1)? {
            if logs.len() == query.limit {
                return Ok(LogPage { logs, next_cursor: last.map(Cursor::write) });
            }
            last = Some(Cursor { part: *part, timestamp: found.timestamp, id: found.id });
            logs.push(found.record);
        }
    }
    Ok(LogPage { logs, next_cursor: None })
}

/// Chunks that are looked through for services.
const RECENT_CHUNKS: u32 = 200;

/// The services of the newest file's newest chunks.
pub(super) fn services(reader: &Reader) -> Result<Vec<String>, StoreError> {
    let mut services = BTreeSet::new();
    if let Some((_, connection)) = reader.first() {
        let mut statement =
            connection.prepare_cached("SELECT kinds FROM log_chunk ORDER BY id DESC LIMIT ?")?;
        let mut rows = statement.query([RECENT_CHUNKS])?;
        while let Some(row) = rows.next()? {
            let kinds: String = row.get("kinds")?;
            services.extend(kinds.lines().filter_map(|kind| Some(kind.split_once('\t')?.1.to_owned())));
        }
    }
    services.remove("");
    Ok(services.into_iter().collect())
}

impl Question<'_> {
    /// The first `most` lines of a file that fit, in order.
    fn ask(
        &self,
        connection: &Connection,
        after: Option<Cursor>,
        most: usize,
    ) -> Result<Vec<Found>, StoreError> {
        let (sql, arguments) = self.chunks(after);
        let mut chunks = connection.prepare_cached(&sql)?;
        let mut chunks = chunks.query(params_from_iter(arguments))?;
        let (sql, of_all) = self.lines(after);
        let mut lines = connection.prepare_cached(&sql)?;
        let mut found: Vec<Found> = Vec::new();
        while let Some(chunk) = chunks.next()? {
            let bound: i64 = chunk.get("bound")?;
            let is_better =
                |last: &Found| if self.ascending { last.timestamp < bound } else { last.timestamp > bound };
            if found.len() == most && found.last().is_some_and(is_better) {
                break;
            }
            let (first, last): (i64, i64) = (chunk.get("first")?, chunk.get("last")?);
            let range: [&dyn ToSql; 2] = [&first, &last];
            let arguments = range.into_iter().chain(of_all.iter().map(AsRef::as_ref));
            let mut rows = lines.query(params_from_iter(arguments))?;
            let mut here = 0;
            while here < most
                && let Some(row) = rows.next()?
            {
                let record = record(row)?;
                if self.search.as_ref().is_none_or(|search| search.fits(&record.message)) {
                    here += 1;
                    found.push(Found { timestamp: row.get("timestamp")?, id: row.get("id")?, record });
                }
            }
            self.sort(&mut found);
            found.truncate(most);
        }
        Ok(found)
    }

    fn sort(&self, found: &mut [Found]) {
        found.sort_unstable_by_key(|found| (found.timestamp, found.id));
        if !self.ascending {
            found.reverse();
        }
    }

    /// The chunks that may hold lines, those with the first of them first.
    fn chunks(&self, after: Option<Cursor>) -> (String, Vec<Argument>) {
        let (bound, order, behind) = if self.ascending {
            ("earliest", "ASC", "latest >= ?")
        } else {
            ("latest", "DESC", "earliest <= ?")
        };
        let mut sql = format!("SELECT first, last, {bound} AS bound FROM log_chunk WHERE true");
        let mut arguments: Vec<Argument> = Vec::new();
        let mut add = |condition: &str, argument: Option<Argument>| {
            if let Some(argument) = argument {
                sql.push_str(" AND ");
                sql.push_str(condition);
                arguments.push(argument);
            }
        };
        add("latest >= ?", self.query.from.map(|from| Box::new(sql_time(from)) as _));
        add("earliest <= ?", self.query.to.map(|to| Box::new(sql_time(to)) as _));
        add(behind, after.map(|after| Box::new(after.timestamp) as _));
        let severity = self.query.severity.as_ref().map(|severity| severity.to_uppercase());
        let kind = match (severity, &self.query.service) {
            (Some(severity), Some(service)) => Some(format!("\n{severity}\t{service}\n")),
            (Some(severity), None) => Some(format!("\n{severity}\t")),
            (None, Some(service)) => Some(format!("\t{service}\n")),
            (None, None) => None,
        };
        add("instr(kinds, ?) > 0", kind.map(|kind| Box::new(kind) as _));
        let terms = self.terms();
        add(
            "id IN (SELECT rowid FROM log_term WHERE log_term MATCH ?)",
            (!terms.is_empty()).then(|| Box::new(terms.join(" AND ")) as _),
        );
        let _ = write!(sql, " ORDER BY {bound} {order}");
        (sql, arguments)
    }

    fn terms(&self) -> Vec<String> {
        let query = self.query;
        let ids = [
            query.trace_id.as_ref().map(|id| (Of::Trace, &id.0[..])),
            query.span_id.as_ref().map(|id| (Of::Span, &id.0[..])),
            query.order_id.as_ref().map(|id| (Of::Order, id.as_bytes())),
            query.session_id.as_ref().map(|id| (Of::Session, id.as_bytes())),
            query.user_ref.as_ref().map(|id| (Of::User, id.as_bytes())),
            query.terminal_id.as_ref().map(|id| (Of::Terminal, id.as_bytes())),
        ];
        let ids = ids.into_iter().flatten().map(|(of, id)| format!("\"{}\"", of.term(id)));
        ids.chain(self.search.iter().flat_map(Search::terms)).collect()
    }

    /// The lines of one chunk, its first and last id being the first arguments.
    fn lines(&self, after: Option<Cursor>) -> (String, Vec<Argument>) {
        let query = self.query;
        let mut sql = String::from("SELECT * FROM log WHERE id BETWEEN ? AND ?");
        let mut arguments: Vec<Argument> = Vec::new();
        let mut add = |condition: &str, argument: Option<Argument>| {
            if let Some(argument) = argument {
                sql.push_str(condition);
                arguments.push(argument);
            }
        };
        let text = |text: &Option<String>| text.clone().map(|text| Box::new(text) as Argument);
        add(" AND trace_id = ?", query.trace_id.map(|id| Box::new(id.0) as _));
        add(" AND span_id = ?", query.span_id.map(|id| Box::new(id.0) as _));
        add(" AND order_id = ?", text(&query.order_id));
        add(" AND session_id = ?", text(&query.session_id));
        add(" AND user_ref = ?", text(&query.user_ref));
        add(" AND terminal_id = ?", text(&query.terminal_id));
        add(" AND service = ?", text(&query.service));
        add(" AND severity = ?", query.severity.as_ref().map(|text| Box::new(text.to_uppercase()) as _));
        add(" AND timestamp >= ?", query.from.map(|from| Box::new(sql_time(from)) as _));
        add(" AND timestamp <= ?", query.to.map(|to| Box::new(sql_time(to)) as _));
        for word in self.search.iter().flat_map(Search::plain_words) {
            add(" AND line LIKE ?", Some(Box::new(format!("%{word}%"))));
        }
        let (behind, order) = if self.ascending {
            (" AND (timestamp, id) > (?, ?)", " ORDER BY timestamp ASC, id ASC")
        } else {
            (" AND (timestamp, id) < (?, ?)", " ORDER BY timestamp DESC, id DESC")
        };
        if let Some(after) = after {
            sql.push_str(behind);
            arguments.push(Box::new(after.timestamp));
            arguments.push(Box::new(after.id));
        }
        sql.push_str(order);
        (sql, arguments)
    }
}

/// The line as it was received, with what it left to be said elsewhere: the session it was joined to, and when it was
/// written, in one form.
fn record(row: &Row<'_>) -> Result<LogRecord, StoreError> {
    let line: String = row.get("line")?;
    let timestamp = nanos(row.get("timestamp")?);
    // It was an object when it was taken in.
    let mut fields: serde_json::Map<_, _> = serde_json::from_str(&line).unwrap_or_default();
    let session_id: Option<String> = row.get("session_id")?;
    if let Some(session_id) = &session_id {
        fields.entry("session_id").or_insert_with(|| session_id.as_str().into());
    }
    if fields.get("timestamp").is_some_and(|timestamp| !timestamp.is_string()) {
        fields.insert("timestamp".to_owned(), rfc3339(timestamp).into());
    }
    Ok(LogRecord {
        timestamp,
        severity: row.get("severity")?,
        service: row.get("service")?,
        message: record::message(&line),
        trace_id: row.get::<_, Option<[u8; 16]>>("trace_id")?.map(TraceId),
        span_id: row.get::<_, Option<[u8; 8]>>("span_id")?.map(SpanId),
        order_id: row.get("order_id")?,
        session_id,
        fields,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back() {
        for number in [1, 2] {
            let part = Part { date: time::macros::date!(2026 - 11 - 22), number };
            let cursor = Cursor { part, timestamp: 12, id: 3 };
            assert_eq!(Cursor::read(&cursor.write()), Some(cursor));
        }
        for text in ["", "x", "2026-11-22_1", "2026-11-22_1_2_3", "2026-13-22_1_2", "2026-11-22.x_1_2"] {
            assert_eq!(Cursor::read(text), None, "{text}");
        }
    }

    proptest::proptest! {
        /// A cursor comes back from outside and may be anything: what is read is written as the same place.
        #[test]
        fn any_text_is_a_cursor_or_none(text in "\\PC{0,30}|20[0-9]{2}-[01][0-9]-[0-3][0-9](\\.[0-9]{1,12})?_-?[0-9]{1,21}_-?[0-9]{1,21}") {
            if let Some(cursor) = Cursor::read(&text) {
                assert_eq!(Cursor::read(&cursor.write()), Some(cursor));
            }
        }
    }
}
