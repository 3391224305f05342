//! What was emitted of what is on the list.

use std::collections::BTreeSet;
use telemetry::{
    names::{attribute, event, field, span_name},
    testing::SpanRecord,
};
use testkit::Line;

/// Of spans and lines, as [`Seen::missing`] names them.
#[derive(Default)]
pub struct Seen(BTreeSet<String>);

impl Seen {
    pub fn of(spans: &[SpanRecord], lines: &[Line]) -> Self {
        let mut seen = Self::default();
        for span in spans {
            seen.0.insert(of_span(&span.name));
            for name in span.attributes.keys() {
                seen.0.extend([of_attribute(name), of_attribute_on(name, &span.name)]);
            }
            seen.0.extend(span.events.iter().map(|(name, _)| of_event(name, &span.name)));
        }
        let fields = lines.iter().flat_map(|line| line.keys());
        seen.0.extend(fields.map(|name| of_field(name)));
        seen
    }

    /// What is listed and was not emitted.
    pub fn missing(&self) -> impl Iterator<Item = String> {
        let spans = span_name::ALL.iter().flat_map(|span| {
            let about = span.about.iter().map(|name| of_attribute_on(name, span.name));
            about.chain([of_span(span.name)])
        });
        let attributes = attribute::ALL.iter().map(|listed| of_attribute(listed.name));
        let events =
            event::ALL.iter().flat_map(|event| event.on.iter().map(|span| of_event(event.name, span)));
        let fields = field::ALL.iter().map(|listed| of_field(listed.name));
        let all = spans.chain(attributes).chain(events).chain(fields);
        all.filter(|what| !self.0.contains(what))
    }
}

fn of_span(name: &str) -> String {
    format!("span {name}")
}

fn of_attribute(name: &str) -> String {
    format!("attribute {name}")
}

fn of_attribute_on(name: &str, span: &str) -> String {
    format!("{name} on {span}")
}

fn of_event(name: &str, span: &str) -> String {
    format!("event {name} on {span}")
}

fn of_field(name: &str) -> String {
    format!("field {name}")
}
