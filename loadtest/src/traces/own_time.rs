//! What the slowest orders spent their time on that the usual ones did not: by operation, a span's own time, which is what
//! none of its children accounts for.

use serde::Serialize;
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};

/// So many rows: what is left over is small.
const MOST: usize = 12;

/// The mean own time of an operation in an order, in milliseconds.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct OwnTime {
    pub(crate) operation: String,
    pub(crate) usual: f64,
    pub(crate) slowest: f64,
}

/// The operations that differ most, of traces in Jaeger's JSON.
pub(super) fn compare(usual: &[Value], slowest: &[Value]) -> Vec<OwnTime> {
    if usual.is_empty() || slowest.is_empty() {
        return Vec::new();
    }
    let [usual, slowest] = [usual, slowest].map(means);
    let at = |times: &BTreeMap<&str, f64>, operation: &str| times.get(operation).copied().unwrap_or_default();
    let mut operations: Vec<&str> = usual.keys().chain(slowest.keys()).copied().collect();
    operations.sort_unstable();
    operations.dedup();
    let mut all: Vec<OwnTime> = operations
        .into_iter()
        .map(|operation| OwnTime {
            operation: operation.to_owned(),
            usual: at(&usual, operation),
            slowest: at(&slowest, operation),
        })
        .collect();
    all.sort_by(|a, b| (b.slowest - b.usual).total_cmp(&(a.slowest - a.usual)));
    all.truncate(MOST);
    all
}

fn means(traces: &[Value]) -> BTreeMap<&str, f64> {
    let mut sums = BTreeMap::new();
    for (operation, micros) in traces.iter().flat_map(own_times) {
        *sums.entry(operation).or_default() += micros as f64 / 1e3 / traces.len() as f64;
    }
    sums
}

/// A span as far as it lies within the first one: what goes on after the answer makes no order slow.
struct Span<'a> {
    id: &'a str,
    parent: Option<&'a str>,
    operation: &'a str,
    start: u64,
    end: u64,
}

/// By operation, in microseconds.
fn own_times(trace: &Value) -> Vec<(&str, u64)> {
    let all: Vec<Span<'_>> = spans(trace).filter_map(Span::read).collect();
    let Some(root) = root(&all) else { return Vec::new() };
    let (from, to) = (root.start, root.end);
    let inside: Vec<Span<'_>> = all
        .into_iter()
        .map(|span| Span { start: span.start.clamp(from, to), end: span.end.clamp(from, to), ..span })
        .collect();
    inside.iter().map(|span| (span.operation, own_time(span, &inside))).collect()
}

fn own_time(span: &Span<'_>, all: &[Span<'_>]) -> u64 {
    let of_span = all.iter().filter(|child| child.parent == Some(span.id));
    let mut children: Vec<(u64, u64)> =
        of_span.map(|child| (child.start.max(span.start), child.end.min(span.end))).collect();
    children.sort_unstable();
    let (mut covered, mut until) = (0, span.start);
    for (start, end) in children {
        covered += end.saturating_sub(start.max(until));
        until = until.max(end);
    }
    (span.end - span.start).saturating_sub(covered)
}

/// The duration of the first span on the server's side, when it is there: the child of this program's span `client`.
pub(super) fn of_root(trace: &Value, client: &str) -> Option<Duration> {
    let all: Vec<Span<'_>> = spans(trace).filter_map(Span::read).collect();
    let root = root(&all).filter(|root| root.parent == Some(client))?;
    Some(Duration::from_micros(root.end - root.start))
}

fn spans(trace: &Value) -> impl Iterator<Item = &Value> {
    trace.pointer("/data/0/spans").and_then(Value::as_array).into_iter().flatten()
}

/// The first span of those whose parent is not in the trace: its parent is this program's.
fn root<'a, 'b>(all: &'b [Span<'a>]) -> Option<&'b Span<'a>> {
    let is_orphan = |span: &&Span<'_>| all.iter().all(|other| span.parent != Some(other.id));
    all.iter().filter(is_orphan).min_by_key(|span| span.start)
}

impl<'a> Span<'a> {
    fn read(span: &'a Value) -> Option<Self> {
        let text = |name: &str| span.get(name).and_then(Value::as_str);
        let number = |name: &str| span.get(name).and_then(Value::as_u64);
        let references = span.get("references").and_then(Value::as_array).into_iter().flatten();
        let mut parents =
            references.filter(|to| to.get("refType").and_then(Value::as_str) == Some("CHILD_OF"));
        let parent = parents.next().and_then(|parent| parent.get("spanID")?.as_str());
        let start = number("startTime")?;
        let end = start + number("duration")?;
        Some(Self { id: text("spanID")?, parent, operation: text("operationName")?, start, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn span(id: &str, parent: &str, operation: &str, start: u64, duration: u64) -> Value {
        let references = json!([{ "refType": "CHILD_OF", "traceID": "t", "spanID": parent }]);
        json!({ "spanID": id, "operationName": operation, "references": references, "startTime": start, "duration": duration })
    }

    fn trace(save: u64) -> Value {
        json!({ "data": [{ "spans": [
            span("c", "b", "save", 1_300, save),
            span("b", "a", "create", 1_200, save + 400),
            span("d", "b", "save", 1_300, save / 2),
            span("a", "of-the-client", "place", 1_000, save + 1_000),
            span("e", "b", "publish", save + 1_900, 5_000),
        ] }] })
    }

    #[test]
    fn the_root_is_the_span_whose_parent_is_elsewhere() {
        assert_eq!(of_root(&trace(500), "of-the-client"), Some(Duration::from_micros(1_500)));
        assert_eq!(of_root(&trace(500), "of-another"), None);
        assert_eq!(of_root(&json!({ "data": [] }), "of-the-client"), None);
    }

    #[test]
    fn time_is_counted_once_and_not_after_the_answer() {
        let compared = compare(&[trace(1_000), trace(3_000)], &[trace(10_000)]);
        let expected =
            [("save", 3.0, 15.0), ("create", 0.4, 0.4), ("place", 0.6, 0.6), ("publish", 0.1, 0.1)];
        for (operation, usual, slowest) in expected {
            let found = compared.iter().find(|own| own.operation == operation).unwrap();
            let differs = (found.usual - usual).abs().max((found.slowest - slowest).abs());
            assert!(differs < 1e-9, "{found:?}");
        }
        assert_eq!(compared[0].operation, "save");
        assert!(compare(&[], &[trace(1)]).is_empty());
    }
}
