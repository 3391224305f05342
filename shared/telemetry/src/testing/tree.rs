//! A trace as indented text, so that a test reads like the picture in the documentation.

use super::SpanRecord;
use std::fmt::Write;

/// The spans of one trace as text: two spaces a level, then name, kind and service; siblings by start.
///
/// A span whose parent is not among them is shown as a root, so that a broken trace looks broken.
pub fn render(spans: &[SpanRecord]) -> String {
    let mut sorted: Vec<&SpanRecord> = spans.iter().collect();
    sorted.sort_by_key(|span| span.start);
    let is_known =
        |id: &Option<String>| id.is_some() && sorted.iter().any(|span| Some(&span.span_id) == id.as_ref());
    let mut text = String::new();
    for root in sorted.iter().filter(|span| !is_known(&span.parent_span_id)) {
        render_below(&mut text, root, &sorted, 0);
    }
    text
}

fn render_below(text: &mut String, span: &SpanRecord, all: &[&SpanRecord], depth: usize) {
    let _ = writeln!(text, "{:indent$}{} {} {}", "", span.name, span.kind, span.service, indent = depth * 2);
    for child in all.iter().filter(|child| child.parent_span_id.as_ref() == Some(&span.span_id)) {
        render_below(text, child, all, depth + 1);
    }
}

/// Panics, showing both, unless `spans` form the tree in `expected`: indented by two spaces a level, columns
/// separated by any number of spaces, common indentation and blank lines ignored.
#[allow(clippy::panic)] // an assertion
pub fn assert_tree(spans: &[SpanRecord], expected: &str) {
    let actual = render(spans);
    let expected = normalized(expected);
    assert!(actual == expected, "the span tree differs\n--- expected\n{expected}--- actual\n{actual}");
}

fn normalized(text: &str) -> String {
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let indent_of = |line: &str| line.len() - line.trim_start().len();
    let common = lines().map(indent_of).min().unwrap_or_default();
    lines().fold(String::new(), |mut all, line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let _ = writeln!(all, "{:indent$}{}", "", words.join(" "), indent = indent_of(line) - common);
        all
    })
}
