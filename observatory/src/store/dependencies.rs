//! Who calls whom.

use std::collections::{BTreeMap, HashMap};

use super::{Reader, StoreError, sql_time, traces};
use crate::decode;
use crate::model::{Nanos, Span, TraceId};

type Calls = BTreeMap<(String, String), u64>;

/// Counts the spans whose parent is a span of another service, a trace at a time so that memory stays small.
/// A call across midnight is in two files and is not counted.
pub(super) fn count(
    reader: &Reader,
    from: Nanos,
    to: Nanos,
) -> Result<Vec<(String, String, u64)>, StoreError> {
    let mut calls = Calls::new();
    for (_, connection) in reader {
        let mut statement = connection.prepare_cached(
            "SELECT trace_id, spans FROM chunk WHERE +start BETWEEN ? AND ? ORDER BY trace_id",
        )?;
        let mut rows = statement.query([sql_time(from), sql_time(to)])?;
        let mut current = TraceId::default();
        let mut spans = Vec::new();
        while let Some(row) = rows.next()? {
            let trace_id = TraceId(row.get(0)?);
            if trace_id != current {
                add(&mut calls, current, std::mem::take(&mut spans));
                current = trace_id;
            }
            spans.extend(decode::chunk(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?)?);
        }
        add(&mut calls, current, spans);
    }
    Ok(calls.into_iter().map(|((caller, callee), count)| (caller, callee, count)).collect())
}

fn add(calls: &mut Calls, trace_id: TraceId, spans: Vec<Span>) {
    let Some(trace) = traces::assemble(trace_id, spans) else { return };
    let services: HashMap<_, _> = trace.spans.iter().map(|span| (span.span_id, &span.service)).collect();
    for span in &trace.spans {
        let caller = span.parent_span_id.and_then(|parent| services.get(&parent).copied());
        if let Some(caller) = caller.filter(|caller| **caller != span.service) {
            *calls.entry((caller.clone(), span.service.clone())).or_default() += 1;
        }
    }
}
