//! One event as one JSON line, in the form of docs/TELEMETRY.md.

#[cfg(test)]
mod tests;

use super::{
    context::Around,
    json::{push_number, push_quoted, push_time},
    ship::cut,
};
use crate::{
    hex::push_hex,
    names::{field, twins},
    redact::{REDACTED, is_card_f64, is_card_i64, is_card_u64, is_secret_static, scrub},
};
use bytes::Bytes;
use std::{
    cell::Cell,
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

/// A longer line is cut: queues count lines, and their memory is bounded only if lines are. It is room for a long
/// backtrace.
const LONGEST: usize = 32 * 1024;

thread_local! {
    /// Of this thread's last line, for the room in it.
    static LAST: Cell<Parts> = const { Cell::new(Parts::new()) };
}

/// Writes the lines of one service.
pub(crate) struct Writer {
    /// As a JSON member.
    service: String,
    /// As a JSON member.
    version: String,
}

impl Writer {
    pub(crate) fn new(service: &str, version: &str) -> Self {
        let member = |name, value| {
            let mut member = String::new();
            string(&mut member, name, value);
            member
        };
        Self { service: member(field::SERVICE, service), version: member(field::VERSION, version) }
    }

    /// The line, with its newline. Order of members: when, what, who, which trace, which order, the event's own
    /// fields, and last where it came from. At most [`LONGEST`] bytes, unless even its ids are longer.
    pub(crate) fn line(&self, event: &Event<'_>, around: &Around) -> Bytes {
        // Taken, not borrowed: a value may write a line of its own while it is being formatted.
        let mut parts = LAST.try_with(Cell::take).unwrap_or_default();
        parts.clear();
        event.record(&mut parts.fields);
        self.write(&mut parts.line, event, &parts.fields, around);
        if field::HAS_TWINS {
            twins::in_line(&mut parts.line, &twins::FIELDS);
        }
        let line = parts.line.as_bytes();
        let line = Bytes::copy_from_slice(&cut(line, LONGEST).unwrap_or(line.into()));
        if parts.is_small() {
            // Fails at the end of a thread only.
            let _ = LAST.try_with(|last| last.set(parts));
        }
        line
    }

    fn write(&self, line: &mut String, event: &Event<'_>, fields: &Fields, around: &Around) {
        line.push_str("{\"");
        line.push_str(field::TIMESTAMP);
        line.push_str("\":\"");
        push_time(line, OffsetDateTime::now_utc());
        line.push('"');
        string(line, field::SEVERITY, severity(*event.metadata().level()));
        string(line, field::MESSAGE, &scrub(&fields.message));
        line.push_str(&self.service);
        if let Some(ids) = around.ids {
            hex(line, field::TRACE_ID, &ids.trace_id.to_bytes());
            hex(line, field::SPAN_ID, &ids.span_id.to_bytes());
            hex(line, field::TRACE_FLAGS, &[u8::from(ids.sampled)]);
        }
        for (name, value) in around.known.fields().filter(|(name, _)| !fields.names.contains(name)) {
            string(line, name, value);
        }
        line.push_str(&fields.json);
        line.push_str(&self.version);
        string(line, field::TARGET, event.metadata().target());
        line.push_str("}\n");
    }
}

#[derive(Default)]
struct Parts {
    line: String,
    fields: Fields,
}

/// What an event carries itself, as JSON members, each with its comma before it.
#[derive(Default)]
struct Fields {
    message: String,
    json: String,
    names: Vec<&'static str>,
}

impl Parts {
    const fn new() -> Self {
        Self {
            line: String::new(),
            fields: Fields { message: String::new(), json: String::new(), names: Vec::new() },
        }
    }

    /// Whether it may be kept: what one long line took must not be this thread's for ever.
    fn is_small(&self) -> bool {
        [&self.line, &self.fields.message, &self.fields.json].iter().all(|text| text.capacity() <= LONGEST)
    }

    fn clear(&mut self) {
        self.line.clear();
        self.fields.message.clear();
        self.fields.json.clear();
        self.fields.names.clear();
    }
}

impl Fields {
    fn text(&mut self, field: &Field, value: &str) {
        match field.name() {
            field::MESSAGE => value.clone_into(&mut self.message),
            name if is_secret_static(name) => self.put(name, |json| push_quoted(json, REDACTED)),
            name => self.put(name, |json| push_quoted(json, &scrub(value))),
        }
    }

    fn put(&mut self, name: &'static str, write_value: impl FnOnce(&mut String)) {
        self.names.push(name);
        self.json.push(',');
        if RESERVED.contains(&name) {
            push_quoted(&mut self.json, &format!("field_{name}"));
        } else {
            push_quoted(&mut self.json, name);
        }
        self.json.push(':');
        write_value(&mut self.json);
    }

    /// A card number is a number, too.
    fn number(&mut self, field: &Field, is_card: bool, write_value: impl FnOnce(&mut String)) {
        if is_card || is_secret_static(field.name()) {
            self.put(field.name(), |json| push_quoted(json, REDACTED));
        } else {
            self.put(field.name(), write_value);
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, is_card_i64(value), |json| push_whole(json, value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, is_card_u64(value), |json| push_whole(json, value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.number(field, false, |json| json.push_str(if value { "true" } else { "false" }));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.number(field, is_card_f64(value), |json| push_number(json, value));
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
        if field.name() == field::MESSAGE {
            self.message.clear();
            let _ = write!(self.message, "{value:?}");
        } else {
            self.text(field, &format!("{value:?}"));
        }
    }
}

fn push_whole(json: &mut String, number: impl fmt::Display) {
    // Writing to a String does not fail.
    let _ = write!(json, "{number}");
}

/// The words of the list of signals; there is nothing below DEBUG.
fn severity(level: tracing::Level) -> &'static str {
    match level {
        tracing::Level::ERROR => "ERROR",
        tracing::Level::WARN => "WARN",
        tracing::Level::INFO => "INFO",
        _ => "DEBUG",
    }
}

fn string(json: &mut String, name: &'static str, value: &str) {
    member(json, name);
    push_quoted(json, value);
}

fn hex(json: &mut String, name: &'static str, value: &[u8]) {
    member(json, name);
    json.push('"');
    push_hex(json, value);
    json.push('"');
}

/// Begins a member of the list in [`field`], whose names need no escape.
fn member(json: &mut String, name: &'static str) {
    json.push_str(",\"");
    json.push_str(name);
    json.push_str("\":");
}
