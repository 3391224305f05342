//! The list is true: what running services emit is on it, and what is on it is emitted.

use super::assert_no;
use acceptance::{
    CARD, CONFIRMED_LINES, CONFIRMED_TREE, DECLINED_CARD, DECLINED_LINES, DECLINED_TREE, EARL_GREY, SERVICES,
    Stack, spans_in,
};
use serde_json::Value;
use std::collections::BTreeSet;
use telemetry::names::{
    attribute::{self, ValueType},
    event, field,
    metric::{self, Kind, Metric},
    span_name,
};

#[tokio::test]
async fn metrics_are_exposed_as_the_list_has_them() {
    let stack = Stack::shared().await;
    let placed = stack.place(EARL_GREY, CARD).await;
    // The event is the last thing of an order, so that all has been counted.
    stack.spans(placed.trace_id(), spans_in(CONFIRMED_TREE)).await;
    let (mut problems, mut seen) = (Vec::new(), BTreeSet::new());
    for (_, part) in SERVICES {
        let exposition = stack.metrics(part).await;
        let text = exposition.text();
        for (family, kind) in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')) {
            let Some(metric) = metric::ALL.iter().find(|metric| metric.family() == family) else {
                problems.push(format!("{part}: {family} is not on the list"));
                continue;
            };
            seen.insert(metric.name);
            let mut wrong = |what: String| problems.push(format!("{part}, {}: {what}", metric.name));
            if kind != metric.kind.as_str() {
                wrong(format!("a {kind}"));
            }
            // The library ends a registered metric's help with a full stop, a collector's not.
            if !text.contains(&format!("# HELP {family} {}", metric.help)) {
                wrong("other help".to_owned());
            }
            if metric.unit().is_some_and(|unit| !text.contains(&format!("# UNIT {family} {unit}\n"))) {
                wrong("no unit".to_owned());
            }
            for sample in exposition.samples(&sample_name(metric)) {
                let labels = label_names(sample.series);
                if labels != metric.labels.iter().copied().collect() {
                    wrong(format!("labels {labels:?}"));
                }
                if sample.exemplar.is_some() && !metric.exemplar {
                    wrong("an exemplar".to_owned());
                }
            }
        }
    }
    problems.extend(
        metric::ALL
            .iter()
            .filter(|metric| !seen.contains(metric.name))
            .map(|metric| format!("nobody exposes {}", metric.name)),
    );
    assert_no(&problems);
}

/// What one of its samples begins with, and no other metric's.
fn sample_name(metric: &Metric) -> String {
    let suffix = if metric.kind == Kind::Histogram { "_bucket" } else { "" };
    format!("{}{suffix}", metric.name) + if metric.labels.is_empty() { "" } else { "{" }
}

/// Of `name{a="x",b="y"} `, but for `le`. A comma before a name tells it from one in a value.
fn label_names(series: &str) -> BTreeSet<&str> {
    let inner = series.split_once('{').map_or("", |(_, rest)| rest);
    let names = inner.split("=\"").filter_map(|before| before.rsplit(['{', ',']).next());
    let names = names.filter(|name| !name.is_empty() && !name.ends_with('}') && *name != "le");
    names.collect()
}

#[tokio::test]
async fn spans_and_lines_are_as_the_list_has_them() {
    let stack = Stack::shared().await;
    let mut problems = Vec::new();
    for (card, tree, lines) in
        [(CARD, CONFIRMED_TREE, CONFIRMED_LINES.len()), (DECLINED_CARD, DECLINED_TREE, DECLINED_LINES.len())]
    {
        let placed = stack.place(EARL_GREY, card).await;
        for span in stack.spans(placed.trace_id(), spans_in(tree)).await {
            let listed = span_name::ALL.iter().find(|listed| listed.name == span.name);
            if listed.is_none_or(|listed| listed.service != span.service || listed.kind.as_str() != span.kind)
            {
                problems
                    .push(format!("{} {} {} is listed as {listed:?}", span.name, span.kind, span.service));
            }
            // These two the way through OTLP and Jaeger's form adds.
            let is_ours = |name: &str| !name.starts_with("otel.") && !name.starts_with("internal.");
            for (name, value) in span.attributes.iter().filter(|(name, _)| is_ours(name)) {
                if !attribute::ALL.iter().any(|listed| listed.name == name && is_a(value, listed.value)) {
                    problems.push(format!("{}: {name} = {value}", span.name));
                }
            }
            for (name, attributes) in &span.events {
                let listed = event::ALL.iter().find(|listed| listed.name == name);
                if listed.is_none_or(|listed| !attributes.keys().eq(listed.attributes.iter())) {
                    problems.push(format!("{}: {name} {attributes:?}", span.name));
                }
            }
        }
        for line in stack.lines(&format!("trace_id={}", placed.trace_id()), lines).await {
            let unknown = line.keys().filter(|name| !field::ALL.iter().any(|field| field.name == **name));
            problems.extend(unknown.map(|name| format!("{name} of a log line")));
        }
    }
    assert_no(&problems);
}

fn is_a(value: &Value, kind: ValueType) -> bool {
    match kind {
        ValueType::Text => value.is_string(),
        ValueType::Int => value.is_i64(),
    }
}
