//! `docs/TELEMETRY.md` says what the list says.

use super::{assert_no, read, repository};
use telemetry::names::{
    Origin, ValueType, attribute, event, field, metric,
    span_name::{self, Need, Sort},
};

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
        format!("| `{}` | {} | {} | {} |", span.name, span.sort.kind().as_str(), span.service, span.brief)
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
            field::On::Cut => "one that was cut",
        };
        format!("| `{}` | {on} | {} |", field.name, field.brief)
    };
    assert_table("Log lines", "| field | on | |", field::ALL.iter().map(row));
}

#[test]
fn attributes_are_documented() {
    let row = |listed: &attribute::Attribute| {
        let value = match listed.value {
            ValueType::Text => "string",
            ValueType::Int => "int",
            ValueType::Number => "double",
            ValueType::Bool => "boolean",
        };
        let origin = if listed.origin == Origin::Conventions { "conventions" } else { "ours" };
        format!("| `{}` | {value} | {origin} | {} | {} |", listed.name, listed.privacy.as_str(), listed.brief)
    };
    let head = "| attribute | type | from | privacy | |";
    assert_table("Attributes and events", head, attribute::ALL.iter().map(row));
}

/// What every span of a sort has, without a condition and with one.
#[test]
fn sorts_of_spans_are_documented() {
    let row = |sort: &Sort| {
        let names = |always| {
            let wanted = sort.attributes().iter().filter(move |(_, need)| (*need == Need::Always) == always);
            code(wanted.map(|(name, _)| *name))
        };
        format!("| {} | {} | {} | {} |", sort.as_str(), sort.kind().as_str(), names(true), names(false))
    };
    let head = "| span of a | kind | always | sometimes |";
    assert_table("Attributes and events", head, Sort::ALL.iter().map(row));
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
