//! The fields of a span's macro, written as they are visited: no list of them exists in between.
//!
//! What becomes of a value is what tracing-opentelemetry makes of it, so that both pipelines send the same.

use super::{
    proto::{self, Any},
    recording::{Addition, MOST_ROOM, field},
    secrets::clean,
    site::{Site, Use},
};
use crate::redact::{is_secret_static as is_secret, scrub};
use std::{cell::Cell, error::Error, fmt};
use tracing::field::{Field, Visit};

const INTERNAL: &str = "internal";

pub(super) struct Fields {
    pub(super) addition: Addition,
    site: Site,
    has_name: bool,
    has_kind: bool,
}

impl Fields {
    /// Writes to `addition` what is visited at `site`.
    pub(super) fn new(addition: Addition, site: Site) -> Self {
        Self { addition, site, has_name: false, has_kind: false }
    }

    /// For a new span: it has a name and a kind in any case.
    pub(super) fn named(mut self, name: &str) -> Addition {
        if !self.has_name {
            self.name(name);
        }
        if !self.has_kind {
            self.kind(INTERNAL);
        }
        self.addition
    }

    fn name(&mut self, name: &str) {
        self.has_name = true;
        proto::bytes(&mut self.addition.body, field::NAME, scrub(name).as_bytes());
    }

    fn kind(&mut self, kind: &str) {
        const KINDS: [&str; 5] = [INTERNAL, "server", "client", "producer", "consumer"];
        if let Some(place) = KINDS.iter().position(|known| known.eq_ignore_ascii_case(kind)) {
            self.has_kind = true;
            proto::uint(&mut self.addition.body, field::KIND, place as u64 + 1);
        }
    }

    #[inline]
    fn value(&mut self, of: &Field, value: &Any<'_>) {
        match (self.site.use_of(of.index()), value) {
            (Use::Name, Any::Text(name)) => self.name(name),
            (Use::Kind, Any::Text(kind)) => self.kind(kind),
            (Use::Attribute { is_secret }, value) => {
                clean(is_secret, value, |value| self.addition.attribute(of.name(), value));
            }
            (Use::Name | Use::Kind, value) => self.addition.attribute(of.name(), value),
        }
    }
}

impl Visit for Fields {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.value(field, &Any::Bool(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.value(field, &Any::Int(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.value(field, &Any::Double(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.value(field, &Any::Text(value));
    }

    /// Everything else, unsigned numbers too: as text.
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = TEXT.try_with(Cell::take).unwrap_or_default();
        let _ = fmt::write(&mut text, format_args!("{value:?}"));
        self.record_str(field, &text);
        text.clear();
        if text.capacity() <= MOST_ROOM {
            let _ = TEXT.try_with(|kept| kept.set(text));
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut causes = Vec::new();
        let mut cause = value.source();
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        let causes = Any::Array(causes.iter().map(|cause| Any::Text(cause)).collect());
        let text = value.to_string();
        for (key, value) in [("exception.message", &Any::Text(&text)), ("exception.stacktrace", &causes)] {
            clean(is_secret(key), value, |value| self.addition.attribute(key, value));
        }
        let is_secret = is_secret(field.name());
        clean(is_secret, &Any::Text(&text), |value| self.addition.attribute(field.name(), value));
        let key = format!("{}.chain", field.name());
        clean(is_secret, &causes, |value| self.addition.attribute(&key, value));
    }
}

thread_local! {
    /// Text that was formatted, until it is written.
    static TEXT: Cell<String> = const { Cell::new(String::new()) };
}
