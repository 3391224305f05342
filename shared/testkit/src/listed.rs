//! Whether what was emitted is on the list of signals (`telemetry::names`): by its name, with what it says, of the types
//! and values that the list has.

use crate::Line;
use serde_json::{Map, Value};
use telemetry::{
    names::{
        ValueType,
        attribute::{self, Attribute},
        event::{self, carried},
        field::{self, On},
        resource,
        span_name::{self, Need, Sort},
    },
    testing::SpanRecord,
};

/// The name of a request that no route takes.
const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "_OTHER"];

/// What a span says that the list does not, and the other way round.
pub fn span_problems(span: &SpanRecord) -> Vec<String> {
    let mut problems = Vec::new();
    let mut say = |what: String| problems.push(format!("span {} of {}: {what}", span.name, span.service));
    let listed = span_name::ALL.iter().find(|listed| listed.name == span.name);
    let Some((sort, about)) = listed.map(|listed| (listed.sort, listed.about)).or_else(|| unrouted(span))
    else {
        say("not on the list".to_owned());
        return problems;
    };
    if listed.is_some_and(|listed| listed.service != span.service) || sort.kind().as_str() != span.kind {
        say(format!("{} is listed as {listed:?}", span.kind));
    }
    for (name, value) in &span.attributes {
        let is_its_own =
            sort.attributes().iter().any(|(own, _)| own == name) || about.contains(&name.as_str());
        if !is_its_own {
            say(format!("{name} = {value} is not listed for it"));
        }
        if let Err(why) = fits(attribute::ALL, name, value) {
            say(why);
        }
    }
    let required = sort.attributes().iter().filter(|(_, need)| *need == Need::Always);
    for (name, _) in required.filter(|(name, _)| !span.attributes.contains_key(*name)) {
        say(format!("lacks {name}"));
    }
    for (name, carries) in &span.events {
        let listed = event::ALL.iter().find(|listed| listed.name == name);
        let is_listed = listed.is_some_and(|listed| {
            listed.on.contains(&span.name.as_str()) && carries.keys().eq(listed.attributes.iter())
        });
        if !is_listed {
            say(format!("the event {name} {carries:?} is listed as {listed:?}"));
        }
        for (name, value) in carries {
            fits(carried::ALL, name, value).unwrap_or_else(&mut say);
        }
    }
    problems
}

fn unrouted(span: &SpanRecord) -> Option<(Sort, &'static [&'static str])> {
    METHODS.contains(&span.name.as_str()).then_some((Sort::Request, &[]))
}

/// Of a resource: all that is listed is there, and what is there is listed.
pub fn resource_problems(resource: &Map<String, Value>) -> Vec<String> {
    let wrong = resource.iter().filter_map(|(name, value)| fits(resource::ALL, name, value).err());
    let missing = resource::ALL.iter().filter(|listed| !resource.contains_key(listed.name));
    let missing = missing.map(|listed| format!("lacks {}", listed.name));
    wrong.chain(missing).map(|what| format!("a resource: {what}")).collect()
}

fn fits(list: &[Attribute], name: &str, value: &Value) -> Result<(), String> {
    let listed =
        list.iter().find(|listed| listed.name == name).ok_or_else(|| format!("{name} is not on the list"))?;
    let is_one_of = || value.as_str().is_some_and(|value| listed.examples.contains(&value));
    if is_a(value, listed.value) && (!listed.closed || is_one_of()) {
        Ok(())
    } else {
        Err(format!("{name} = {value} is listed as {listed:?}"))
    }
}

/// The same of a log line.
pub fn line_problems(line: &Line) -> Vec<String> {
    let mut problems = Vec::new();
    let mut say = |what: String| problems.push(format!("line {:?}: {what}", line.get(field::MESSAGE)));
    for (name, value) in line {
        let Some(listed) = field::ALL.iter().find(|listed| listed.name == name) else {
            say(format!("{name} = {value} is not on the list"));
            continue;
        };
        let is_one_of = value.as_str().is_some_and(|value| listed.values.contains(&value));
        if !is_a(value, listed.value) || !(listed.values.is_empty() || is_one_of) {
            say(format!("{name} = {value} is listed as {listed:?}"));
        }
    }
    // An audit entry is of a trace, and of no span.
    let is_audit = line.get(field::STREAM).is_some_and(|stream| stream == "audit");
    let is_in_span = line.contains_key(field::SPAN_ID);
    for listed in field::ALL {
        let is_due = match listed.on {
            On::Every => true,
            On::Span => is_in_span && !is_audit,
            On::Context | On::Some | On::Audit | On::Cut => false,
        };
        if is_due && !line.contains_key(listed.name) {
            say(format!("lacks {}", listed.name));
        }
    }
    problems
}

/// Whether a JSON value is of this type.
pub fn is_a(value: &Value, kind: ValueType) -> bool {
    match kind {
        ValueType::Text => value.is_string(),
        ValueType::Int => value.is_i64() || value.is_u64(),
        ValueType::Number => value.is_number(),
        ValueType::Bool => value.is_boolean(),
    }
}

/// Fails a test whose program has emitted something that is not on the list, unless it has failed already.
pub(crate) fn assert_none(problems: impl Iterator<Item = String>) {
    if !std::thread::panicking() {
        let problems: std::collections::BTreeSet<String> = problems.collect();
        assert!(problems.is_empty(), "not as the list of signals has it: {problems:#?}");
    }
}
