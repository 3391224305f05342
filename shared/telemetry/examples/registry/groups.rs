//! The registry as the code has it: the lists of `telemetry::names`, in the registry's form.

use crate::model::{Annotations, Attribute, Deprecated, Group, GroupType, Level, Registry, Stability};
use std::collections::{BTreeMap, BTreeSet};
use telemetry::names::{
    self, End, Life, Origin, Privacy, ValueType, attribute, baggage, event,
    field::{self, Field, On},
    label,
    metric::{self, Kind, Metric},
    observatory, resource,
    span_name::{self, Need, Sort, Span},
};

/// Each file of the registry by its name.
pub(crate) fn files() -> Vec<(&'static str, Registry)> {
    let registry = |groups| Registry { groups };
    vec![
        ("resource.yaml", registry(vec![service()])),
        ("attributes.yaml", registry(vec![own(), plain(), conventions()])),
        (
            "spans.yaml",
            registry(Sort::ALL.map(sort).into_iter().chain(span_name::ALL.iter().map(span)).collect()),
        ),
        ("events.yaml", registry(event::ALL.iter().map(span_event).collect())),
        (
            "metrics.yaml",
            registry(metric::ALL.iter().map(|it| of_metric(it, "services")).chain(observed()).collect()),
        ),
        ("logs.yaml", registry(LINES.iter().map(lines).collect())),
        ("baggage.yaml", registry(vec![entries()])),
    ]
}

/// Everything as one file.
pub(crate) fn all() -> Registry {
    Registry { groups: files().into_iter().flat_map(|(_, registry)| registry.groups).collect() }
}

/// What Weaver wants to know of a registry. The conventions are where `ref`s lead to that have no `id` here.
pub(crate) fn manifest() -> String {
    let (url, conventions) = (names::SCHEMA_URL, names::CONVENTIONS);
    format!(
        "# Written by `cargo run -p telemetry --example registry -- write`.\n\
         name: waybill\n\
         description: What the platform emits.\n\
         schema_url: {url}\n\
         dependencies:\n\
         \x20 - schema_url: https://opentelemetry.io/schemas/{conventions}\n\
         \x20   registry_path: https://github.com/open-telemetry/semantic-conventions@v{conventions}[model]\n"
    )
}

fn service() -> Group {
    let required = |listed: &attribute::Attribute| Attribute {
        requirement_level: Some(Level::Required),
        ..reference(listed)
    };
    let mut group = Group::new(GroupType::Entity, "entity.service", "The process that a signal comes from.");
    group.name = Some("service".to_owned());
    group.stability = Some(Stability::Stable);
    group.attributes = resource::ALL.iter().map(required).collect();
    group
}

fn own() -> Group {
    let listed = attribute::ALL.iter().filter(|listed| listed.origin == Origin::Own);
    let mut group =
        Group::new(GroupType::AttributeGroup, "registry.waybill", "The platform's own span attributes.");
    group.attributes = listed.map(definition).collect();
    group
}

/// Names of more than one signal are defined once; their values are said where they are used.
fn plain() -> Group {
    let brief = "Names without a namespace: fields of log lines, what events carry, labels, baggage.";
    let mut group = Group::new(GroupType::AttributeGroup, "registry.waybill.plain", brief);
    let mut seen = BTreeSet::new();
    group.attributes = plain_definitions().filter(|attribute| seen.insert(attribute.id.clone())).collect();
    group
}

/// A name that is in several of the lists is there as often.
pub(crate) fn plain_definitions() -> impl Iterator<Item = Attribute> {
    let fields = field::ALL.iter().map(field_definition);
    fields.chain(event::carried::ALL.iter().chain(label::ALL).chain(baggage::ALL).map(definition))
}

/// Names that mean one thing in one list and another in the next.
pub(crate) fn ambiguous(definitions: impl Iterator<Item = Attribute>) -> BTreeSet<String> {
    let mut meanings = BTreeMap::new();
    let mut ambiguous = BTreeSet::new();
    for it in definitions {
        let meaning = (it.kind, it.brief, it.stability, it.annotations.privacy);
        let name = it.id.unwrap_or_default();
        if *meanings.entry(name.clone()).or_insert_with(|| meaning.clone()) != meaning {
            ambiguous.insert(name);
        }
    }
    ambiguous
}

fn conventions() -> Group {
    let listed = attribute::ALL.iter().filter(|listed| listed.origin == Origin::Conventions);
    let brief = format!("Span attributes of the OpenTelemetry semantic conventions {}.", names::CONVENTIONS);
    let mut group = Group::new(GroupType::AttributeGroup, "attributes.waybill.conventions", brief);
    group.attributes = listed.map(reference).collect();
    group
}

fn definition(listed: &attribute::Attribute) -> Attribute {
    Attribute {
        id: Some(listed.name.to_owned()),
        kind: Some(value_type(listed.value).to_owned()),
        brief: Some(listed.brief.to_owned()),
        examples: texts(listed.examples),
        stability: Some(stability(listed.life)),
        deprecated: deprecated(listed.life),
        annotations: Annotations { values: values(listed), ..annotations(listed.life, Some(listed.privacy)) },
        ..Attribute::default()
    }
}

fn reference(listed: &attribute::Attribute) -> Attribute {
    let mut annotations = annotations(listed.life, Some(listed.privacy));
    annotations.value_type = Some(value_type(listed.value).to_owned());
    annotations.values = values(listed);
    Attribute {
        reference: Some(listed.name.to_owned()),
        brief: Some(listed.brief.to_owned()),
        stability: Some(stability(listed.life)),
        annotations,
        ..Attribute::default()
    }
}

fn values(listed: &attribute::Attribute) -> Vec<String> {
    if listed.closed { texts(listed.examples) } else { Vec::new() }
}

fn field_definition(listed: &Field) -> Attribute {
    Attribute {
        id: Some(listed.name.to_owned()),
        kind: Some(value_type(listed.value).to_owned()),
        brief: Some(listed.brief.to_owned()),
        examples: texts(listed.values),
        stability: Some(stability(listed.life)),
        annotations: annotations(listed.life, Some(listed.privacy)),
        ..Attribute::default()
    }
}

fn sort(sort: Sort) -> Group {
    let id = format!("attributes.waybill.{}", sort.as_str());
    let brief = format!("What every span says that is made by a {}.", sort.as_str());
    let mut group = Group::new(GroupType::AttributeGroup, id, brief);
    let level = |need| match need {
        Need::Always => Level::Required,
        Need::When(condition) => Level::ConditionallyRequired(condition.to_owned()),
    };
    group.attributes = sort.attributes().iter().map(|(name, need)| used(name, level(*need))).collect();
    group
}

fn span(span: &Span) -> Group {
    let id = format!("span.{}", span.name.replace(' ', "."));
    let mut group = Group::new(GroupType::Span, id, span.brief);
    group.extends = Some(format!("attributes.waybill.{}", span.sort.as_str()));
    group.span_kind = Some(span.sort.kind().as_str().to_lowercase());
    group.stability = Some(stability(span.life));
    group.deprecated = deprecated(span.life);
    let known = || Level::ConditionallyRequired("it is known".to_owned());
    group.attributes = span.about.iter().map(|name| used(name, known())).collect();
    group.annotations = annotations(span.life, None);
    group.annotations.span_name = Some(span.name.to_owned());
    group.annotations.service = Some(span.service.to_owned());
    group
}

fn span_event(event: &event::Event) -> Group {
    let mut group = Group::new(GroupType::Event, format!("event.{}", event.name), event.brief);
    group.name = Some(event.name.to_owned());
    group.stability = Some(stability(event.life));
    group.deprecated = deprecated(event.life);
    let listed = event::carried::ALL.iter().filter(|listed| event.attributes.contains(&listed.name));
    group.attributes = listed
        .map(|listed| Attribute {
            brief: Some(listed.brief.to_owned()),
            annotations: annotations(listed.life, Some(listed.privacy)),
            ..used(listed.name, Level::Required)
        })
        .collect();
    group.annotations = Annotations { spans: texts(event.on), ..annotations(event.life, None) };
    group
}

fn observed() -> impl Iterator<Item = Group> {
    observatory::ALL.iter().map(|it| of_metric(it, "observatory"))
}

fn of_metric(metric: &Metric, service: &str) -> Group {
    let mut group =
        Group::new(GroupType::Metric, format!("metric.{}", metric.name), format!("{}.", metric.help));
    group.metric_name = Some(metric.name.to_owned());
    let instrument = match metric.kind {
        Kind::Counter => "counter",
        Kind::Histogram => "histogram",
        Kind::Gauge | Kind::Info => "gauge",
    };
    group.instrument = Some(instrument.to_owned());
    let unit = match metric.unit() {
        Some("seconds") => "s",
        Some("bytes") => "By",
        _ => "1",
    };
    group.unit = Some(unit.to_owned());
    group.stability = Some(stability(metric.life));
    group.deprecated = deprecated(metric.life);
    group.attributes = metric.labels.iter().map(|name| of_label(metric, name)).collect();
    group.annotations = annotations(metric.life, None);
    group.annotations.exemplar = metric.exemplar.then(|| metric::EXEMPLAR_LABEL.to_owned());
    group.annotations.service = Some(service.to_owned());
    group
}

fn of_label(metric: &Metric, name: &str) -> Attribute {
    let listed = label::ALL.iter().find(|listed| listed.name == name);
    let values = metric.values.iter().find(|(label, _)| *label == name).map(|(_, values)| texts(values));
    Attribute {
        brief: listed.map(|listed| listed.brief.to_owned()),
        annotations: Annotations {
            privacy: listed.map(|listed| listed.privacy.as_str().to_owned()),
            values: values.unwrap_or_default(),
            ..Annotations::default()
        },
        ..used(name, Level::Required)
    }
}

/// Groups of fields: which lines have them.
const LINES: [(On, &str, Option<&str>); 6] = [
    (On::Every, "every", None),
    (On::Span, "span", Some("the line is within a span")),
    (On::Context, "context", Some("the line is within a span that knows it")),
    (On::Some, "own", Some("the line says it")),
    (On::Audit, "audit", Some("the line is an entry of the audit log")),
    (On::Cut, "cut", Some("the line was too long")),
];

fn lines((on, name, condition): &(On, &str, Option<&str>)) -> Group {
    let brief = match condition {
        None => "Fields of every log line.".to_owned(),
        Some(condition) => format!("Fields of a log line when {condition}."),
    };
    let mut group = Group::new(GroupType::AttributeGroup, format!("log.{name}"), brief);
    let level = condition.map_or(Level::Required, |when| Level::ConditionallyRequired(when.to_owned()));
    let listed = field::ALL.iter().filter(|listed| listed.on == *on);
    group.attributes = listed
        .map(|listed| Attribute {
            deprecated: deprecated(listed.life),
            annotations: Annotations {
                values: texts(listed.values),
                ..annotations(listed.life, Some(listed.privacy))
            },
            ..used(listed.name, level.clone())
        })
        .collect();
    group
}

fn entries() -> Group {
    let brief = "Baggage entries that are read; all others pass through unread.";
    let mut group = Group::new(GroupType::AttributeGroup, "baggage.waybill", brief);
    group.attributes = baggage::ALL
        .iter()
        .map(|listed| Attribute {
            brief: Some(listed.brief.to_owned()),
            annotations: annotations(listed.life, Some(listed.privacy)),
            ..used(listed.name, Level::ConditionallyRequired("the caller says it".to_owned()))
        })
        .collect();
    group
}

fn used(name: &str, level: Level) -> Attribute {
    Attribute { reference: Some(name.to_owned()), requirement_level: Some(level), ..Attribute::default() }
}

fn annotations(life: Life, privacy: Option<Privacy>) -> Annotations {
    Annotations {
        since: Some(life.since.to_owned()),
        privacy: privacy.map(|privacy| privacy.as_str().to_owned()),
        ..Annotations::default()
    }
}

fn stability(life: Life) -> Stability {
    match life.stability {
        names::Stability::Stable => Stability::Stable,
        names::Stability::Development => Stability::Development,
    }
}

fn deprecated(life: Life) -> Option<Deprecated> {
    life.end.map(|end| match end {
        End::Renamed(name) => Deprecated::Renamed { renamed_to: name.to_owned() },
        End::Obsolete => Deprecated::Obsoleted {},
    })
}

fn value_type(value: ValueType) -> &'static str {
    match value {
        ValueType::Text => "string",
        ValueType::Int => "int",
        ValueType::Number => "double",
        ValueType::Bool => "boolean",
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
