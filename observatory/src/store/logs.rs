//! Reading log lines.

use rusqlite::Row;
use rusqlite::types::ToSql;
use time::{Date, macros::format_description};

use super::{Reader, StoreError, nanos, sql_time};
use crate::model::{LogPage, LogQuery, LogRecord, SpanId, TraceId};

/// Where a page ended. Pages go on behind it, so that lines which arrive meanwhile move nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor {
    day: Date,
    timestamp: i64,
    id: i64,
}

impl Cursor {
    fn write(self) -> String {
        format!("{}_{}_{}", self.day, self.timestamp, self.id)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('_');
        let day = Date::parse(parts.next()?, format_description!("[year]-[month]-[day]")).ok()?;
        let cursor = Self { day, timestamp: parts.next()?.parse().ok()?, id: parts.next()?.parse().ok()? };
        parts.next().is_none().then_some(cursor)
    }
}

/// Who asks for one trace or order reads a story, from its beginning; who asks for more wants the latest.
fn oldest_first(query: &LogQuery) -> bool {
    query.trace_id.is_some() || query.span_id.is_some() || query.order_id.is_some()
}

pub(super) fn find(reader: &Reader, query: &LogQuery) -> Result<LogPage, StoreError> {
    let after = match &query.cursor {
        Some(cursor) => Some(Cursor::read(cursor).ok_or(StoreError::BadCursor)?),
        None => None,
    };
    let ascending = oldest_first(query);
    let mut days: Vec<_> = reader.iter().collect();
    if ascending {
        days.reverse();
    }
    let mut logs = Vec::new();
    let mut last = None;
    for (day, connection) in days {
        let passed = after.is_some_and(|after| if ascending { *day < after.day } else { *day > after.day });
        if passed {
            continue;
        }
        let here = after.filter(|after| after.day == *day);
        let (sql, arguments) = statement(query, here, ascending);
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(arguments))?;
        while let Some(row) = rows.next()? {
            if logs.len() == query.limit {
                return Ok(LogPage { logs, next_cursor: last.map(Cursor::write) });
            }
            last = Some(Cursor { day: *day, timestamp: row.get("timestamp")?, id: row.get("id")? });
            logs.push(record(row)?);
        }
    }
    Ok(LogPage { logs, next_cursor: None })
}

fn statement(query: &LogQuery, after: Option<Cursor>, ascending: bool) -> (String, Vec<Box<dyn ToSql>>) {
    let mut sql = String::from("SELECT * FROM log WHERE true");
    let mut arguments: Vec<Box<dyn ToSql>> = Vec::new();
    let mut add = |condition: &str, argument: Option<Box<dyn ToSql>>| {
        if let Some(argument) = argument {
            sql.push_str(condition);
            arguments.push(argument);
        }
    };
    add(" AND trace_id = ?", query.trace_id.map(|id| Box::new(id.0) as _));
    add(" AND span_id = ?", query.span_id.map(|id| Box::new(id.0) as _));
    add(" AND order_id = ?", query.order_id.clone().map(|id| Box::new(id) as _));
    add(" AND session_id = ?", query.session_id.clone().map(|id| Box::new(id) as _));
    add(" AND service = ?", query.service.clone().map(|service| Box::new(service) as _));
    add(" AND severity = ?", query.severity.as_ref().map(|severity| Box::new(severity.to_uppercase()) as _));
    add(" AND timestamp >= ?", query.from.map(|from| Box::new(sql_time(from)) as _));
    add(" AND timestamp <= ?", query.to.map(|to| Box::new(sql_time(to)) as _));
    add(
        " AND id IN (SELECT rowid FROM log_text WHERE log_text MATCH ?)",
        query.q.as_deref().and_then(match_all_words).map(|words| Box::new(words) as _),
    );
    let (behind, order) = if ascending {
        (" AND (timestamp, id) > (?, ?)", " ORDER BY timestamp ASC, id ASC LIMIT ?")
    } else {
        (" AND (timestamp, id) < (?, ?)", " ORDER BY timestamp DESC, id DESC LIMIT ?")
    };
    if let Some(after) = after {
        sql.push_str(behind);
        arguments.push(Box::new(after.timestamp));
        arguments.push(Box::new(after.id));
    }
    sql.push_str(order);
    // One more than a page, to know whether there is a next one.
    arguments.push(Box::new(i64::try_from(query.limit.saturating_add(1)).unwrap_or(i64::MAX)));
    (sql, arguments)
}

/// FTS5 has a query language; quoted, each word stands for itself. The last may be the beginning of a word.
fn match_all_words(q: &str) -> Option<String> {
    let has_letter = |word: &&str| word.chars().any(char::is_alphanumeric);
    let words: Vec<_> = q
        .split_whitespace()
        .filter(has_letter)
        .map(|word| format!("\"{}\"", word.replace(['"', '\0'], " ")))
        .collect();
    (!words.is_empty()).then(|| format!("{}*", words.join(" ")))
}

fn record(row: &Row<'_>) -> Result<LogRecord, StoreError> {
    let line: String = row.get("line")?;
    Ok(LogRecord {
        timestamp: nanos(row.get("timestamp")?),
        severity: row.get("severity")?,
        service: row.get("service")?,
        message: row.get("message")?,
        trace_id: row.get::<_, Option<[u8; 16]>>("trace_id")?.map(TraceId),
        span_id: row.get::<_, Option<[u8; 8]>>("span_id")?.map(SpanId),
        order_id: row.get("order_id")?,
        session_id: row.get("session_id")?,
        // It was an object when it was taken in.
        fields: serde_json::from_str(&line).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_text_is_words_and_nothing_else() {
        assert_eq!(match_all_words("order conf").as_deref(), Some(r#""order" "conf"*"#));
        assert_eq!(match_all_words(r#"a"b NOT * ("#).as_deref(), Some(r#""a b" "NOT"*"#));
        assert_eq!(match_all_words(" - "), None);
    }

    #[test]
    fn a_cursor_is_read_back() {
        let cursor = Cursor { day: time::macros::date!(2026 - 11 - 22), timestamp: 12, id: 3 };
        assert_eq!(Cursor::read(&cursor.write()), Some(cursor));
        for text in ["", "x", "2026-11-22_1", "2026-11-22_1_2_3", "2026-13-22_1_2"] {
            assert_eq!(Cursor::read(text), None, "{text}");
        }
    }
}
