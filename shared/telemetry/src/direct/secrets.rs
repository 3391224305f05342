//! Secrets out of what is written: as [`crate::trace`] does it for the standard pipeline on the background thread.

use super::proto::Any;
use crate::redact::{REDACTED, is_card_f64, is_card_i64, scrub};
use std::borrow::Cow;

/// Hands on `value`, or what may be shown of it: nothing, where its name says that it `is_secret`.
#[inline]
pub(super) fn clean<R>(is_secret: bool, value: &Any<'_>, write: impl FnOnce(&Any<'_>) -> R) -> R {
    if is_secret {
        return write(&Any::Text(REDACTED));
    }
    match value {
        Any::Text(text) => write(&Any::Text(&scrub(text))),
        Any::Array(values) => {
            // An array is of one kind, so that no text can stand among numbers.
            if values.iter().any(is_card) {
                return write(&Any::Text(REDACTED));
            }
            let texts: Vec<Cow<'_, str>> = values.iter().map(scrubbed).collect();
            let clean = values.iter().zip(&texts).map(|(value, text)| match value {
                Any::Text(_) => Any::Text(text),
                other => other.clone(),
            });
            write(&Any::Array(clean.collect()))
        }
        number if is_card(number) => write(&Any::Text(REDACTED)),
        Any::Bool(_) | Any::Int(_) | Any::Double(_) => write(value),
    }
}

fn is_card(value: &Any<'_>) -> bool {
    match value {
        Any::Int(number) => is_card_i64(*number),
        Any::Double(number) => is_card_f64(*number),
        Any::Bool(_) | Any::Text(_) | Any::Array(_) => false,
    }
}

fn scrubbed<'a>(value: &Any<'a>) -> Cow<'a, str> {
    match value {
        Any::Text(text) => scrub(text),
        _ => Cow::Borrowed(""),
    }
}
