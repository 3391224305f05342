//! Puts the spans of a trace in the order a reader follows: each parent before its children, siblings by start.

use std::collections::{HashMap, HashSet};

use crate::model::{Span, SpanId, Trace};

/// Deeper levels are drawn at this one: indentation would eat the names.
pub(super) const MAX_LEVEL: usize = 14;

/// One span at its place in the tree.
pub(super) struct Row<'a> {
    pub(super) span: &'a Span,
    /// Levels below its root, at most `MAX_LEVEL`.
    pub(super) level: usize,
    /// Bit `n` is set when a line of level `n` goes on below this row.
    pub(super) lines: u32,
    /// Its parent is not among the spans received.
    pub(super) orphan: bool,
    pub(super) has_children: bool,
    /// A child failed too, so the failure did not start here.
    pub(super) failed_below: bool,
}

/// The rows of a trace, every span exactly once whatever the parent ids say.
pub(super) fn rows(trace: &Trace) -> Vec<Row<'_>> {
    let present: HashSet<SpanId> = trace.spans.iter().map(|span| span.span_id).collect();
    let mut children: HashMap<SpanId, Vec<&Span>> = HashMap::new();
    let mut roots = Vec::new();
    for span in &trace.spans {
        match span.parent_span_id.filter(|parent| present.contains(parent)) {
            Some(parent) => children.entry(parent).or_default().push(span),
            None => roots.push(span),
        }
    }
    let mut walk = Walk { children, seen: HashSet::new(), rows: Vec::with_capacity(trace.spans.len()) };
    for root in roots {
        walk.descend(root);
    }
    // Parent ids that form a ring have no root: enter it anywhere.
    for span in &trace.spans {
        if !walk.seen.contains(&span.span_id) {
            walk.descend(span);
        }
    }
    walk.rows
}

struct Walk<'a> {
    children: HashMap<SpanId, Vec<&'a Span>>,
    seen: HashSet<SpanId>,
    rows: Vec<Row<'a>>,
}

impl<'a> Walk<'a> {
    /// A stack instead of recursion: a trace may be as deep as it has spans.
    fn descend(&mut self, root: &'a Span) {
        let mut stack = vec![(root, 0_usize, 0_u32)];
        while let Some((span, level, lines)) = stack.pop() {
            if !self.seen.insert(span.span_id) {
                continue;
            }
            let children = self.children.get(&span.span_id).map_or(&[][..], Vec::as_slice);
            self.rows.push(Row {
                span,
                level,
                lines,
                orphan: level == 0 && span.parent_span_id.is_some(),
                has_children: !children.is_empty(),
                failed_below: children.iter().any(|child| child.is_error()),
            });
            let below = (level + 1).min(MAX_LEVEL);
            let passing = lines & !(1 << below);
            for (index, child) in children.iter().rev().enumerate() {
                // The last child is pushed first, and no line passes it.
                let lines = if index == 0 { passing } else { passing | (1 << below) };
                stack.push((child, below, lines));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{SpanKind, StatusCode, TraceId};

    fn span(id: u8, parent: Option<u8>) -> Span {
        let span_id = |n| SpanId([n; 8]);
        Span {
            trace_id: TraceId([1; 16]),
            span_id: span_id(id),
            parent_span_id: parent.map(span_id),
            service: "s".to_owned(),
            name: id.to_string(),
            kind: SpanKind::Internal,
            start: u64::from(id),
            end: u64::from(id) + 10,
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            status: StatusCode::Unset,
            status_message: String::new(),
            resource: Vec::new(),
            scope: String::new(),
            scope_version: String::new(),
            trace_state: String::new(),
        }
    }

    fn outline(spans: Vec<Span>) -> Vec<(String, usize, bool)> {
        let trace = Trace { trace_id: TraceId([1; 16]), spans };
        rows(&trace).iter().map(|row| (row.span.name.clone(), row.level, row.orphan)).collect()
    }

    fn expect(rows: &[(&str, usize, bool)]) -> Vec<(String, usize, bool)> {
        rows.iter().map(|(name, level, orphan)| ((*name).to_owned(), *level, *orphan)).collect()
    }

    #[test]
    fn parents_come_before_their_children() {
        let spans = vec![span(1, None), span(2, Some(1)), span(3, Some(1)), span(4, Some(2))];
        assert_eq!(
            outline(spans),
            expect(&[("1", 0, false), ("2", 1, false), ("4", 2, false), ("3", 1, false)])
        );
    }

    #[test]
    fn orphans_and_rings_are_shown_once() {
        let spans = vec![span(1, Some(99)), span(2, Some(3)), span(3, Some(2)), span(4, Some(4))];
        let expected = [("1", 0, true), ("2", 0, true), ("3", 1, false), ("4", 0, true)];
        assert_eq!(outline(spans), expect(&expected));
    }

    #[test]
    fn a_chain_of_ten_thousand_is_no_danger() {
        let spans: Vec<Span> = (0..10_000_u64)
            .map(|n| Span {
                span_id: SpanId((n + 1).to_be_bytes()),
                parent_span_id: (n > 0).then(|| SpanId(n.to_be_bytes())),
                ..span(1, None)
            })
            .collect();
        let trace = Trace { trace_id: TraceId([1; 16]), spans };
        let rows = rows(&trace);
        assert_eq!(rows.len(), 10_000);
        assert_eq!(rows.last().map(|row| row.level), Some(MAX_LEVEL));
    }
}
