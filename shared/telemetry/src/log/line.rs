//! One event as one JSON line, in the form of the contract.

use super::context::LogContext;
use crate::{
    names::field,
    propagation::current_ids,
    redact::{REDACTED, is_secret_name, scrub},
};
use bytes::Bytes;
use std::{
    error::Error,
    fmt::{self, Write},
};
use time::OffsetDateTime;
use tracing::{
    Event,
    field::{Field, Visit},
};

/// Members that the writer writes: an event's field of the same name must not stand there a second time.
const RESERVED: [&str; 8] = [
    field::TIMESTAMP,
    field::SEVERITY,
    field::SERVICE,
    field::TRACE_ID,
    field::SPAN_ID,
    field::TRACE_FLAGS,
    field::VERSION,
    field::TARGET,
];

/// Writes the lines of one service.
pub(crate) struct Writer {
    service: String,
    version: String,
}

impl Writer {
    pub(crate) fn new(service: String, version: String) -> Self {
        Self { service, version }
    }

    /// The line, with its newline. Order of members: when, what, who, which trace, which order, the event's own
    /// fields, and last where it came from.
    pub(crate) fn line(&self, event: &Event<'_>, context: &LogContext) -> Bytes {
        let mut fields = Fields::default();
        event.record(&mut fields);

        let mut line = String::with_capacity(512);
        let _ = write!(line, "{{\"{}\":\"", field::TIMESTAMP);
        write_time(&mut line, OffsetDateTime::now_utc());
        line.push('"');
        string(&mut line, field::SEVERITY, severity(*event.metadata().level()));
        string(&mut line, field::MESSAGE, &scrub(&fields.message));
        string(&mut line, field::SERVICE, &self.service);
        if let Some(ids) = current_ids() {
            let _ = write!(line, ",\"{}\":\"{}\"", field::TRACE_ID, ids.trace_id);
            let _ = write!(line, ",\"{}\":\"{}\"", field::SPAN_ID, ids.span_id);
            let _ = write!(line, ",\"{}\":\"{:02x}\"", field::TRACE_FLAGS, u8::from(ids.sampled));
        }
        for (name, value) in context.fields().filter(|(name, _)| !fields.names.contains(name)) {
            string(&mut line, name, value);
        }
        line.push_str(&fields.json);
        string(&mut line, field::VERSION, &self.version);
        string(&mut line, field::TARGET, event.metadata().target());
        line.push_str("}\n");
        Bytes::from(line)
    }
}

/// What an event carries itself, as JSON members, each with its comma before it.
#[derive(Default)]
struct Fields {
    message: String,
    json: String,
    names: Vec<&'static str>,
}

impl Fields {
    fn text(&mut self, field: &Field, value: &str) {
        match field.name() {
            field::MESSAGE => value.clone_into(&mut self.message),
            name if is_secret_name(name) => self.put(name, |json| quote(json, REDACTED)),
            name => self.put(name, |json| quote(json, &scrub(value))),
        }
    }

    fn put(&mut self, name: &'static str, write_value: impl FnOnce(&mut String)) {
        self.names.push(name);
        self.json.push(',');
        if RESERVED.contains(&name) {
            quote(&mut self.json, &format!("field_{name}"));
        } else {
            quote(&mut self.json, name);
        }
        self.json.push(':');
        write_value(&mut self.json);
    }

    fn number(&mut self, field: &Field, value: impl fmt::Display) {
        // A card number is a number, too.
        let value = value.to_string();
        if scrub(&value) == value && !is_secret_name(field.name()) {
            self.put(field.name(), |json| json.push_str(&value));
        } else {
            self.put(field.name(), |json| quote(json, REDACTED));
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.number(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // Three decimals are enough for anything that is logged; JSON has no NaN and no infinity.
        let rounded = (value * 1e3).round() / 1e3;
        if rounded.is_finite() {
            self.put(field.name(), |json| {
                let _ = write!(json, "{rounded}");
            });
        } else {
            self.put(field.name(), |json| json.push_str("null"));
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            let _ = write!(text, ": {error}");
            cause = error.source();
        }
        self.text(field, &text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, &format!("{value:?}"));
    }
}

/// The contract's words; there is nothing below DEBUG.
fn severity(level: tracing::Level) -> &'static str {
    match level {
        tracing::Level::ERROR => "ERROR",
        tracing::Level::WARN => "WARN",
        tracing::Level::INFO => "INFO",
        _ => "DEBUG",
    }
}

/// RFC 3339 in UTC with six decimals.
fn write_time(text: &mut String, at: OffsetDateTime) {
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second, micros) = (at.hour(), at.minute(), at.second(), at.microsecond());
    let _ = write!(text, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z");
}

fn string(json: &mut String, name: &str, value: &str) {
    json.push(',');
    quote(json, name);
    json.push(':');
    quote(json, value);
}

/// A JSON string (RFC 8259): quotes, backslashes and control characters escaped.
fn quote(json: &mut String, text: &str) {
    json.push('"');
    let mut kept = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        json.push_str(text.get(kept..at).unwrap_or_default());
        match byte {
            b'"' => json.push_str("\\\""),
            b'\\' => json.push_str("\\\\"),
            b'\n' => json.push_str("\\n"),
            b'\r' => json.push_str("\\r"),
            b'\t' => json.push_str("\\t"),
            control => {
                let _ = write!(json, "\\u{control:04x}");
            }
        }
        kept = at + 1;
    }
    json.push_str(text.get(kept..).unwrap_or_default());
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_have_six_decimals() {
        let mut text = String::new();
        write_time(&mut text, OffsetDateTime::from_unix_timestamp_nanos(1_763_806_272_131_415_926).unwrap());
        assert_eq!(text, "2025-11-22T10:11:12.131415Z");
    }

    proptest! {
        #[test]
        fn any_text_survives_quoting(text in "\\PC*|[\\x00-\\x7f]*") {
            let mut json = String::new();
            quote(&mut json, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
