//! Jaeger's JSON form of a trace, as far as the terminal needs it, put into the order of its tree.

use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

/// A trace as it is answered.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Trace {
    #[serde(rename = "traceID")]
    trace_id: String,
    spans: Vec<Span>,
    processes: HashMap<String, Process>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    #[serde(rename = "spanID")]
    span_id: String,
    operation_name: String,
    references: Vec<Reference>,
    start_time: u64,
    duration: u64,
    #[serde(rename = "processID")]
    process_id: String,
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    ref_type: String,
    #[serde(rename = "spanID")]
    span_id: String,
}

#[derive(Deserialize)]
struct Tag {
    key: String,
    value: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Process {
    service_name: String,
}

/// A span as it is shown. Times in microseconds.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) service: String,
    pub(crate) start: u64,
    pub(crate) duration: u64,
    /// The status's description, or a word, when the span failed.
    pub(crate) error: Option<String>,
}

impl Trace {
    pub(crate) fn id(&self) -> &str {
        &self.trace_id
    }

    /// First start and last end, in microseconds.
    pub(crate) fn bounds(&self) -> (u64, u64) {
        let start = self.spans.iter().map(|span| span.start_time).min().unwrap_or_default();
        let end = self.spans.iter().map(|span| span.start_time + span.duration).max().unwrap_or_default();
        (start, end)
    }

    /// How many services took part.
    pub(crate) fn services(&self) -> usize {
        self.spans.iter().map(|span| self.service(span)).collect::<BTreeSet<_>>().len()
    }

    /// Depth and span, parents before children, siblings by start. Spans without their parent are roots.
    pub(crate) fn rows(&self) -> Vec<(usize, Node)> {
        let known: BTreeSet<&str> = self.spans.iter().map(|span| span.span_id.as_str()).collect();
        let mut children: HashMap<&str, Vec<&Span>> = HashMap::new();
        let mut sorted: Vec<&Span> = self.spans.iter().collect();
        sorted.sort_by_key(|span| span.start_time);
        for span in sorted {
            let parent = span.parent().filter(|parent| known.contains(parent)).unwrap_or_default();
            children.entry(parent).or_default().push(span);
        }
        // A stack instead of recursion: how deep a trace is, its sender decides.
        let mut rows = Vec::with_capacity(self.spans.len());
        let mut next: Vec<(usize, &Span)> = Vec::new();
        let push_below = |next: &mut Vec<_>, depth, below: Option<Vec<_>>| {
            next.extend(below.unwrap_or_default().into_iter().rev().map(|span| (depth, span)));
        };
        push_below(&mut next, 0, children.remove(""));
        while let Some((depth, span)) = next.pop() {
            rows.push((depth, self.node(span)));
            push_below(&mut next, depth + 1, children.remove(span.span_id.as_str()));
        }
        rows
    }

    fn node(&self, span: &Span) -> Node {
        let tag = |key: &str| span.tags.iter().find(|tag| tag.key == key).map(|tag| &tag.value);
        let failed = tag("error") == Some(&Value::Bool(true));
        let why = tag("otel.status_description").and_then(Value::as_str).unwrap_or("error");
        Node {
            name: span.operation_name.clone(),
            service: self.service(span).to_owned(),
            start: span.start_time,
            duration: span.duration,
            error: failed.then(|| why.to_owned()),
        }
    }

    fn service(&self, span: &Span) -> &str {
        self.processes.get(&span.process_id).map_or("", |process| process.service_name.as_str())
    }
}

impl Span {
    fn parent(&self) -> Option<&str> {
        let child_of = self.references.iter().find(|reference| reference.ref_type == "CHILD_OF");
        child_of.map(|reference| reference.span_id.as_str())
    }
}
