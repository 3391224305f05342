//! Reading orders: an index over spans that carry `order.id` and lines that carry `order_id`.

use std::collections::HashSet;

use rusqlite::params;
use serde_json::Value as Json;

use super::days::Part;
use super::{Reader, StoreError, logs, nanos, sql_time, traces};
use crate::model::{LogQuery, LogRecord, Nanos, OrderSummary, Trace, TraceId, Value};

/// What an order can be (`status` of the public API).
const STATUSES: [&str; 6] = ["pending", "confirmed", "rejected", "declined", "cancelled", "failed"];

pub(super) fn traces_of(reader: &Reader, order_id: &str) -> Result<Vec<TraceId>, StoreError> {
    let mut seen = HashSet::new();
    let found = occurrences(reader, order_id)?;
    Ok(found.into_iter().map(|(_, id)| id).filter(|id| seen.insert(*id)).collect())
}

/// One order as the list of recent orders has it.
pub(super) fn one(reader: &Reader, order_id: &str) -> Result<Option<OrderSummary>, StoreError> {
    let first = occurrences(reader, order_id)?.first().copied();
    first.map(|(start, trace_id)| summary(reader, order_id.to_owned(), trace_id, nanos(start))).transpose()
}

/// Where an order is known to occur, the oldest first.
fn occurrences(reader: &Reader, order_id: &str) -> Result<Vec<(i64, TraceId)>, StoreError> {
    let mut found = Vec::new();
    for (_, connection) in reader {
        let mut statement =
            connection.prepare_cached("SELECT start, trace_id FROM order_trace WHERE order_id = ?")?;
        for row in statement.query_map([order_id], |row| Ok((row.get(0)?, TraceId(row.get(1)?))))? {
            found.push(row?);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// An order counts by its first trace, the one that placed it: looking at an old order does not make it new.
pub(super) fn recent(reader: &Reader, limit: usize) -> Result<Vec<OrderSummary>, StoreError> {
    let mut orders = Vec::new();
    for (index, (_, connection)) in reader.iter().enumerate() {
        let mut statement = connection.prepare_cached(
            "SELECT order_id, trace_id, start FROM order_trace AS newest
             WHERE NOT EXISTS (SELECT 1 FROM order_trace AS other
                               WHERE other.order_id = newest.order_id
                                 AND (other.start, other.trace_id) < (newest.start, newest.trace_id))
             ORDER BY start DESC",
        )?;
        let mut rows = statement.query([])?;
        while orders.len() < limit
            && let Some(row) = rows.next()?
        {
            let (order_id, trace_id, start): (String, _, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let older = reader.get(index + 1..).unwrap_or_default();
            if !occurs_before(older, &order_id, nanos(start))? {
                orders.push(summary(reader, order_id, TraceId(trace_id), nanos(start))?);
            }
        }
    }
    Ok(orders)
}

fn occurs_before(
    older: &[(Part, rusqlite::Connection)],
    order_id: &str,
    start: Nanos,
) -> Result<bool, StoreError> {
    for (_, connection) in older {
        let mut statement =
            connection.prepare_cached("SELECT 1 FROM order_trace WHERE order_id = ? AND start <= ?")?;
        if statement.exists(params![order_id, sql_time(start)])? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn summary(
    reader: &Reader,
    order_id: String,
    trace_id: TraceId,
    start: Nanos,
) -> Result<OrderSummary, StoreError> {
    // A line may be here before the first span is.
    let trace = traces::load(reader, trace_id)?.unwrap_or(Trace { trace_id, spans: Vec::new() });
    let query = LogQuery { order_id: Some(order_id.clone()), ..LogQuery::default() };
    let lines = logs::find(reader, &query)?.logs;
    let seen = traces::summarise(&trace);
    let attribute = |key: &str| trace.spans.iter().find_map(|span| span.attribute(key));
    Ok(OrderSummary {
        status: status(&trace, &lines),
        order_id,
        trace_id,
        start: seen.as_ref().map_or(start, |seen| seen.start),
        duration: seen.as_ref().map_or(0, |seen| seen.duration),
        is_error: seen.as_ref().is_some_and(|seen| seen.error_count > 0),
        amount_minor: attribute("order.total_amount_minor").and_then(Value::as_int),
        currency: attribute("order.currency").map(Value::to_string),
    })
}

/// The order's status as far as telemetry tells it: the last line that says so (`order_status`, or the
/// message "order confirmed"), or else what the public API answered.
fn status(trace: &Trace, lines: &[LogRecord]) -> Option<String> {
    let known =
        |text: &str| STATUSES.iter().find(|status| **status == text).map(|status| (*status).to_owned());
    let said = |line: &LogRecord| {
        let field = line.fields.get("order_status").and_then(Json::as_str).and_then(known);
        field.or_else(|| line.message.strip_prefix("order ").and_then(known))
    };
    lines.iter().rev().find_map(said).or_else(|| {
        let answer = traces::root(trace)?.attribute("http.response.status_code")?.as_int()?;
        let status = match answer {
            201 => "confirmed",
            202 => "pending",
            402 => "declined",
            409 | 422 => "rejected",
            500.. => "failed",
            _ => return None,
        };
        Some(status.to_owned())
    })
}
