//! `docs/TELEMETRY.md` says what the list says.

use super::{assert_no, read, repository};
use std::collections::BTreeSet;
use telemetry::names::{attribute, event, field, metric, span_name};

fn document() -> String {
    read(&repository("docs/TELEMETRY.md"))
}

/// Panics unless the document has exactly this table under its heading.
fn assert_table(heading: &str, head: &str, rows: impl Iterator<Item = String>) {
    let document = document();
    let section = document.split("\n## ").find(|section| section.starts_with(heading)).expect(heading);
    let rule = "|---".repeat(head.matches('|').count() - 1);
    let expected = format!("{head}\n{rule}|\n{}", rows.map(|row| row + "\n").collect::<String>());
    let has_no_more = |at: usize| !section[at + expected.len()..].starts_with('|');
    let is_there = section.find(&expected).is_some_and(has_no_more);
    assert!(is_there, "docs/TELEMETRY.md, under {heading}, should say\n\n{expected}");
}

fn code<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[test]
fn metrics_are_documented() {
    let row = |metric: &metric::Metric| {
        let exemplar = if metric.exemplar { "✓" } else { "" };
        let cells =
            [code([metric.name]), metric.kind.as_str().to_owned(), code(metric.labels.iter().copied())];
        format!("| {} | {exemplar} | {} |", cells.join(" | "), metric.help)
    };
    assert_table("Metrics", "| name | type | labels | exemplar | |", metric::ALL.iter().map(row));
}

#[test]
fn spans_are_documented() {
    let row = |span: &span_name::Span| {
        format!("| `{}` | {} | {} | {} |", span.name, span.kind.as_str(), span.service, span.brief)
    };
    assert_table("All spans", "| span | kind | service | |", span_name::ALL.iter().map(row));
}

#[test]
fn span_events_are_documented() {
    let row = |event: &event::Event| {
        format!("| `{}` | {} | {} |", event.name, code(event.attributes.iter().copied()), event.brief)
    };
    assert_table("Attributes and events", "| event | attributes | |", event::ALL.iter().map(row));
}

#[test]
fn log_fields_are_documented() {
    let row = |field: &field::Field| {
        let on = match field.on {
            field::On::Every => "every line",
            field::On::Span => "within a span",
            field::On::Context => "within a span about it",
            field::On::Some => "its own",
            field::On::Audit => "the audit log's",
        };
        format!("| `{}` | {on} | {} |", field.name, field.brief)
    };
    assert_table("Log lines", "| field | on | |", field::ALL.iter().map(row));
}

/// The attributes' table goes by kinds of spans: each is in it, and it has no others.
#[test]
fn attributes_are_documented() {
    let document = document();
    let section =
        document.split("\n## ").find(|section| section.starts_with("Attributes and events")).unwrap();
    let table =
        section.lines().filter(|line| line.starts_with("| ")).take_while(|line| !line.starts_with("| event"));
    let cells: String = table.filter_map(|line| line.split(" | ").nth(1)).collect();
    let named: BTreeSet<&str> =
        cells.split('`').skip(1).step_by(2).filter(|name| name.contains('.')).collect();
    let listed: BTreeSet<&str> = attribute::ALL.iter().map(|attribute| attribute.name).collect();
    let differing = named.symmetric_difference(&listed).map(|name| (*name).to_owned());
    assert_no(&differing.collect::<Vec<_>>());
}

/// What the document tells of by name exists.
#[test]
fn names_in_the_text_exist() {
    let document = document();
    let section =
        document.split("\n## ").find(|section| section.starts_with("One order, as a trace")).unwrap();
    let is_span = |name: &str| span_name::ALL.iter().any(|span| span.name == name);
    let tree = section.lines().filter(|line| line.starts_with("    "));
    let in_tree = tree.filter_map(|line| line.trim().split("  ").next());
    let in_text = section.split('`').skip(1).step_by(2).filter(|name| name.contains('.'));
    let unknown = in_tree.chain(in_text).filter(|name| !is_span(name));
    assert_no(&unknown.map(str::to_owned).collect::<Vec<_>>());
}
