//! Reading traces.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use rusqlite::types::ToSql;
use rusqlite::{Connection, params};

use super::{Reader, StoreError, sql_time};
use crate::decode;
use crate::model::{Span, SpanKind, Trace, TraceId, TraceQuery, TraceSummary, Value};

/// A search opens at most so many traces: one for a tag that hardly any span has must end, too.
const TRACES_EXAMINED: usize = 50_000;

pub(super) fn services(reader: &Reader) -> Result<Vec<String>, StoreError> {
    let mut services = BTreeSet::new();
    for (_, connection) in reader {
        let mut statement = connection.prepare_cached("SELECT DISTINCT service FROM operation")?;
        for service in statement.query_map([], |row| row.get(0))? {
            services.insert(service?);
        }
    }
    Ok(services.into_iter().collect())
}

pub(super) fn operations(reader: &Reader, service: &str) -> Result<Vec<(String, SpanKind)>, StoreError> {
    let mut operations = BTreeSet::new();
    for (_, connection) in reader {
        let mut statement =
            connection.prepare_cached("SELECT name, kind FROM operation WHERE service = ?")?;
        for operation in statement.query_map([service], |row| Ok((row.get(0)?, decode::kind(row.get(1)?))))? {
            operations.insert(operation?);
        }
    }
    Ok(operations.into_iter().collect())
}

/// A trace that runs past midnight lies in two files, so all are asked.
pub(super) fn load(reader: &Reader, id: TraceId) -> Result<Option<Trace>, StoreError> {
    let mut spans: Vec<Span> = Vec::new();
    for (_, connection) in reader.iter().rev() {
        let mut statement =
            connection.prepare_cached("SELECT spans FROM chunk WHERE trace_id = ? ORDER BY id")?;
        let mut rows = statement.query([id.0])?;
        while let Some(row) = rows.next()? {
            spans.extend(decode::chunk(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?)?);
        }
    }
    Ok(assemble(id, spans))
}

/// Orders the spans of a trace and drops repeated ones: an exporter that gets no answer in time sends again.
pub(super) fn assemble(trace_id: TraceId, mut spans: Vec<Span>) -> Option<Trace> {
    let mut seen = HashSet::with_capacity(spans.len());
    spans.retain(|span| seen.insert(span.span_id));
    // A root that begins in the same nanosecond as its child comes first.
    spans.sort_by_key(|span| (span.start, span.parent_span_id.is_some()));
    (!spans.is_empty()).then_some(Trace { trace_id, spans })
}

/// The traces that fit, newest first.
pub(super) fn find(reader: &Reader, query: &TraceQuery) -> Result<Vec<Trace>, StoreError> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    for (_, connection) in reader {
        let Some(operations) = operation_ids(connection, query)? else { continue };
        let (sql, arguments) = search(query, &operations);
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(arguments))?;
        while let Some(row) = rows.next()? {
            if found.len() >= query.limit || seen.len() >= TRACES_EXAMINED {
                break;
            }
            let id = TraceId(row.get(0)?);
            if seen.insert(id)
                && let Some(trace) = load(reader, id)?
                && trace.spans.iter().any(|span| fits(span, query))
            {
                found.push(trace);
            }
        }
    }
    found.sort_by_key(|trace| std::cmp::Reverse(trace.spans.first().map(|span| span.start)));
    Ok(found)
}

/// The ids that the query's service and operation have in this day: `None` if they have none, empty if all
/// will do.
fn operation_ids(connection: &Connection, query: &TraceQuery) -> Result<Option<Vec<i64>>, StoreError> {
    if query.service.is_none() && query.operation.is_none() {
        return Ok(Some(Vec::new()));
    }
    let mut statement = connection.prepare_cached(
        "SELECT id FROM operation WHERE (?1 IS NULL OR service = ?1) AND (?2 IS NULL OR name = ?2)",
    )?;
    let ids = statement.query_map(params![query.service, query.operation], |row| row.get(0))?;
    let ids = ids.collect::<Result<Vec<i64>, _>>()?;
    Ok((!ids.is_empty()).then_some(ids))
}

/// The statement that goes through the candidates, newest first.
fn search(query: &TraceQuery, operations: &[i64]) -> (String, Vec<Box<dyn ToSql>>) {
    let mut sql = String::from("SELECT trace_id FROM hit WHERE true");
    let mut arguments: Vec<Box<dyn ToSql>> = Vec::new();
    let mut bound = |condition: &str, bound: Option<u64>| {
        if let Some(bound) = bound {
            sql.push_str(condition);
            arguments.push(Box::new(sql_time(bound)));
        }
    };
    bound(" AND start >= ?", query.start);
    bound(" AND earliest <= ?", query.end);
    bound(" AND longest >= ?", query.min_duration);
    bound(" AND shortest <= ?", query.max_duration);
    if query.errors_only {
        sql.push_str(" AND errors > 0");
    }
    match operations {
        [] => {}
        [one] => {
            sql.push_str(" AND operation = ?");
            arguments.push(Box::new(*one));
        }
        // The plus keeps SQLite on the clustered order by time: the alternative sorts every hit of the
        // service.
        several => {
            sql.push_str(" AND +operation IN (");
            sql.push_str(&vec!["?"; several.len()].join(", "));
            sql.push(')');
            arguments.extend(several.iter().map(|id| Box::new(*id) as Box<dyn ToSql>));
        }
    }
    sql.push_str(" ORDER BY start DESC");
    (sql, arguments)
}

fn fits(span: &Span, query: &TraceQuery) -> bool {
    query.service.as_ref().is_none_or(|service| *service == span.service)
        && query.operation.as_ref().is_none_or(|operation| *operation == span.name)
        && query.min_duration.is_none_or(|least| span.duration() >= least)
        && query.max_duration.is_none_or(|most| span.duration() <= most)
        && query.start.is_none_or(|start| span.start >= start)
        && query.end.is_none_or(|end| span.start <= end)
        && (!query.errors_only || span.is_error())
        && query.tags.iter().all(|(key, value)| has_tag(span, key, value))
}

/// Jaeger lets people search for what its translation adds, too: `error` and `span.kind`.
fn has_tag(span: &Span, key: &str, value: &str) -> bool {
    let equal = |attributes: &[(String, Value)]| {
        attributes.iter().any(|(name, have)| name == key && have.to_string() == value)
    };
    equal(&span.attributes)
        || equal(&span.resource)
        || span.events.iter().any(|event| equal(&event.attributes))
        || (key == "error" && value == span.is_error().to_string())
        || (key == "span.kind" && value == span.kind.name())
}

/// What a list shows of a trace; `None` for one without spans.
pub(super) fn summarise(trace: &Trace) -> Option<TraceSummary> {
    let first = trace.spans.first()?;
    let root = root(trace).unwrap_or(first);
    let end = trace.spans.iter().map(|span| span.end.max(span.start)).max()?;
    let mut counts = BTreeMap::new();
    let mut order = Vec::new();
    for span in &trace.spans {
        let count = counts.entry(&span.service).or_insert_with(|| {
            order.push(&span.service);
            0_u32
        });
        *count += 1;
    }
    let services =
        order.iter().map(|name| ((*name).clone(), counts.get(name).copied().unwrap_or(0))).collect();
    Some(TraceSummary {
        trace_id: trace.trace_id,
        root_service: root.service.clone(),
        root_name: root.name.clone(),
        start: first.start,
        duration: end - first.start,
        span_count: trace.spans.len() as u32,
        error_count: trace.spans.iter().filter(|span| span.is_error()).count() as u32,
        services,
        order_id: trace.spans.iter().find_map(|span| span.attribute("order.id")).map(Value::to_string),
    })
}

/// The span without a parent; while it has not arrived, the earliest whose parent has not either.
pub(super) fn root(trace: &Trace) -> Option<&Span> {
    let known: HashSet<_> = trace.spans.iter().map(|span| span.span_id).collect();
    let root = trace.spans.iter().find(|span| span.parent_span_id.is_none());
    root.or_else(|| trace.spans.iter().find(|span| span.parent_span_id.is_none_or(|id| !known.contains(&id))))
}
