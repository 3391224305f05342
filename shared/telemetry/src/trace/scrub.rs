//! The last look at a span before it leaves, off the request's path: secrets out, one value for each attribute.

use crate::{
    names::{
        attribute,
        twins::{self, Twin},
    },
    redact::{REDACTED, is_card_f64, is_card_i64, is_secret_name, scrub},
};
use opentelemetry::{Array, KeyValue, StringValue, Value, trace::Status};
use opentelemetry_sdk::trace::SpanData;
use std::borrow::Cow;

/// Takes card numbers and secrets out of every place of a span that holds text, and keeps the last value of an
/// attribute that was set more than once, as the specification wants it.
pub(crate) fn scrub_span(span: &mut SpanData) {
    keep_last(&mut span.attributes);
    scrub_attributes(&mut span.attributes);
    for event in &mut span.events.events {
        scrub_attributes(&mut event.attributes);
        if let Cow::Owned(clean) = scrub(&event.name) {
            event.name = clean.into();
        }
    }
    for link in &mut span.links.links {
        scrub_attributes(&mut link.attributes);
    }
    if let Cow::Owned(clean) = scrub(&span.name) {
        span.name = clean.into();
    }
    if let Status::Error { description } = &mut span.status
        && let Cow::Owned(clean) = scrub(description)
    {
        *description = clean.into();
    }
    if attribute::HAS_TWINS {
        add_old_names(&mut span.attributes, &twins::ATTRIBUTES);
    }
}

fn add_old_names(attributes: &mut Vec<KeyValue>, twins: &[Twin]) {
    for (old, new) in twins {
        if let Some(attribute) = attributes.iter().find(|attribute| attribute.key.as_str() == *new) {
            let value = attribute.value.clone();
            attributes.push(KeyValue::new(*old, value));
        }
    }
}

fn keep_last(attributes: &mut Vec<KeyValue>) {
    let mut at = 0;
    while let Some(attribute) = attributes.get(at) {
        if attributes.iter().skip(at + 1).any(|later| later.key == attribute.key) {
            attributes.remove(at);
        } else {
            at += 1;
        }
    }
}

fn scrub_attributes(attributes: &mut [KeyValue]) {
    for attribute in attributes {
        if is_secret_name(attribute.key.as_str()) {
            attribute.value = Value::from(REDACTED);
        } else {
            scrub_value(&mut attribute.value);
        }
    }
}

fn scrub_value(value: &mut Value) {
    match value {
        Value::String(text) => scrub_text(text),
        Value::Array(Array::String(texts)) => texts.iter_mut().for_each(scrub_text),
        number if is_card(number) => *number = Value::from(REDACTED),
        _ => {}
    }
}

/// An array of numbers goes as a whole: it is of one kind, so that no text can stand in it.
fn is_card(value: &Value) -> bool {
    match value {
        Value::I64(number) => is_card_i64(*number),
        Value::F64(number) => is_card_f64(*number),
        Value::Array(Array::I64(numbers)) => numbers.iter().copied().any(is_card_i64),
        Value::Array(Array::F64(numbers)) => numbers.iter().copied().any(is_card_f64),
        _ => false,
    }
}

fn scrub_text(text: &mut StringValue) {
    if let Cow::Owned(clean) = scrub(text.as_str()) {
        *text = clean.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_attribute_has_its_old_name_too() {
        let mut attributes = vec![KeyValue::new("order.id", "7"), KeyValue::new("order.item_count", 2)];
        add_old_names(&mut attributes, &[("order.number", "order.id"), ("order.old", "order.missing")]);
        let expected = [
            KeyValue::new("order.id", "7"),
            KeyValue::new("order.item_count", 2),
            KeyValue::new("order.number", "7"),
        ];
        assert_eq!(attributes, expected);
    }
}
