//! One span while it lasts: its context always, and what it says of itself when its trace is kept.

use super::{
    proto::{self, Any, Read},
    secrets::clean,
};
use crate::{
    config::Limits,
    log::LogContext,
    names::{
        attribute,
        twins::{self, Twin},
    },
    propagation::{Carried, Ids, RemoteContext},
    redact::{is_secret_static as is_secret, scrub},
};
use opentelemetry::trace::{SpanContext, SpanId, TraceId, TraceState};
use std::{cell::RefCell, time::SystemTime};
use tracing::Metadata;

/// The fields of `opentelemetry.proto.trace.v1.Span` and of the messages in it.
pub(super) mod field {
    pub(crate) const TRACE_ID: u64 = 1;
    pub(crate) const SPAN_ID: u64 = 2;
    pub(crate) const TRACE_STATE: u64 = 3;
    pub(crate) const PARENT_SPAN_ID: u64 = 4;
    pub(crate) const NAME: u64 = 5;
    pub(crate) const KIND: u64 = 6;
    pub(crate) const START: u64 = 7;
    pub(crate) const END: u64 = 8;
    pub(crate) const ATTRIBUTES: u64 = 9;
    pub(crate) const DROPPED_ATTRIBUTES: u64 = 10;
    pub(crate) const EVENTS: u64 = 11;
    pub(crate) const DROPPED_EVENTS: u64 = 12;
    pub(crate) const LINKS: u64 = 13;
    pub(crate) const DROPPED_LINKS: u64 = 14;
    pub(crate) const STATUS: u64 = 15;
    pub(crate) const FLAGS: u64 = 16;
    pub(crate) const EVENT_TIME: u64 = 1;
    pub(crate) const EVENT_NAME: u64 = 2;
    pub(crate) const EVENT_ATTRIBUTES: u64 = 3;
    pub(crate) const LINK_FLAGS: u64 = 6;
    pub(crate) const STATUS_MESSAGE: u64 = 2;
    pub(crate) const STATUS_CODE: u64 = 3;
}

const STATUS_ERROR: u64 = 2;
/// Room for an ordinary span. Kept and used again: a span costs no allocation for its bytes.
const ROOM: usize = 512;
/// What is larger is not kept.
pub(super) const MOST_ROOM: usize = 4096;
const SPARE: usize = 64;

/// What is kept of a span while it is open.
#[derive(Debug)]
pub(crate) struct SpanState {
    pub(crate) ids: Ids,
    pub(super) metadata: &'static Metadata<'static>,
    pub(super) carried: Carried,
    /// What its log lines say.
    pub(super) known: LogContext,
    /// `None` when the trace is not kept, and when the span has ended.
    pub(super) recording: Option<Recording>,
}

impl SpanState {
    /// The context that children elsewhere get.
    pub(crate) fn outward(&self) -> RemoteContext {
        RemoteContext { ids: Some(self.ids), is_remote: false, carried: self.carried.clone() }
    }
}

/// A span's message, as far as it is known.
#[derive(Debug)]
pub(crate) struct Recording {
    /// When it was left last; 0 for never.
    pub(super) left: u64,
    /// All but the end. Of a name or kind that is there twice, the last counts.
    body: Vec<u8>,
    error: Option<Box<str>>,
    /// Of the attributes there are; see [`mark`].
    keys: u128,
    attributes: Counted,
    events: Counted,
    links: Counted,
}

/// How many there may be, are, and were too many.
#[derive(Debug)]
struct Counted {
    limit: u32,
    kept: u32,
    dropped: u32,
}

impl Counted {
    fn new(limit: u32) -> Self {
        Self { limit, kept: 0, dropped: 0 }
    }

    fn one_more(&mut self) -> bool {
        let has_room = self.kept < self.limit;
        *(if has_room { &mut self.kept } else { &mut self.dropped }) += 1;
        has_room
    }
}

/// Attributes and the like that are encoded, but not part of a span yet.
pub(super) struct Addition {
    pub(super) body: Vec<u8>,
    keys: u128,
    attributes: Counted,
}

impl Addition {
    /// With at most `limit` attributes.
    pub(super) fn new(limit: u32) -> Self {
        Self { body: take_buffer(), keys: 0, attributes: Counted::new(limit) }
    }

    /// The beginning of a span that starts now.
    pub(super) fn head(ids: Ids, parent: Option<(Ids, bool)>, state: &TraceState, limit: u32) -> Self {
        let mut head = Self::new(limit);
        let body = &mut head.body;
        write_ids(body, ids.trace_id, ids.span_id);
        write_state(body, state);
        if let Some((parent, _)) = parent {
            proto::bytes(body, field::PARENT_SPAN_ID, &parent.span_id.to_bytes());
        }
        let is_remote = parent.is_some_and(|(_, is_remote)| is_remote);
        proto::fixed32(body, field::FLAGS, flags(u8::from(ids.sampled), is_remote));
        proto::fixed64(body, field::START, now());
        head
    }

    #[inline]
    pub(super) fn attribute(&mut self, key: &str, value: &Any<'_>) {
        if self.attributes.one_more() {
            self.keys |= mark(key.as_bytes());
            proto::key_value(&mut self.body, field::ATTRIBUTES, key, value);
        }
    }
}

impl Recording {
    pub(super) fn start(head: Addition, limits: Limits) -> Self {
        let Addition { body, keys, attributes } = head;
        Self {
            left: 0,
            body,
            error: None,
            keys,
            attributes,
            events: Counted::new(limits.events),
            links: Counted::new(limits.links),
        }
    }

    /// Adds what a `record` says. A field that had a value gets the new one.
    pub(super) fn add(&mut self, addition: Addition) {
        let Addition { body, keys, attributes } = addition;
        if self.keys & keys != 0 {
            for key in attribute_keys(&body) {
                self.remove(key);
            }
        }
        self.keys |= keys;
        self.attributes.dropped += attributes.dropped;
        if attributes.kept <= self.attributes.limit - self.attributes.kept {
            self.attributes.kept += attributes.kept;
            self.body.extend_from_slice(&body);
        } else {
            for found in proto::fields(&body) {
                if found.number != field::ATTRIBUTES || self.attributes.one_more() {
                    self.body.extend_from_slice(body.get(found.range).unwrap_or_default());
                }
            }
        }
        give_buffer(body);
    }

    pub(crate) fn set(&mut self, key: &'static str, value: &Any<'_>) {
        self.remove(key.as_bytes());
        self.keys |= mark(key.as_bytes());
        if self.attributes.one_more() {
            clean(is_secret(key), value, |value| {
                proto::key_value(&mut self.body, field::ATTRIBUTES, key, value);
            });
        }
    }

    pub(crate) fn event(&mut self, name: &str, attributes: &[(&'static str, &str)]) {
        if !self.events.one_more() {
            return;
        }
        let mut event = take_buffer();
        proto::fixed64(&mut event, field::EVENT_TIME, now());
        proto::bytes(&mut event, field::EVENT_NAME, scrub(name).as_bytes());
        for (key, value) in attributes {
            clean(is_secret(key), &Any::Text(value), |value| {
                proto::key_value(&mut event, field::EVENT_ATTRIBUTES, key, value);
            });
        }
        proto::bytes(&mut self.body, field::EVENTS, &event);
        give_buffer(event);
    }

    pub(crate) fn link(&mut self, to: &SpanContext) {
        if !self.links.one_more() {
            return;
        }
        let mut link = take_buffer();
        write_ids(&mut link, to.trace_id(), to.span_id());
        write_state(&mut link, to.trace_state());
        proto::fixed32(&mut link, field::LINK_FLAGS, flags(to.trace_flags().to_u8(), to.is_remote()));
        proto::bytes(&mut self.body, field::LINKS, &link);
        give_buffer(link);
    }

    /// The SDK's order of statuses: of two errors the one whose description sorts last stays.
    pub(crate) fn fail(&mut self, description: &str) {
        if self.error.as_deref() < Some(description) {
            self.error = Some(description.into());
        }
    }

    /// Appends the whole message, with its length, as the field `number`, and ends the recording.
    pub(super) fn finish(self, end: u64, number: u64, out: &mut Vec<u8>) {
        let mut body = self.body;
        if attribute::HAS_TWINS {
            add_old_names(&mut body, &twins::ATTRIBUTES);
        }
        proto::fixed64(&mut body, field::END, end);
        for (number, counted) in [
            (field::DROPPED_ATTRIBUTES, &self.attributes),
            (field::DROPPED_EVENTS, &self.events),
            (field::DROPPED_LINKS, &self.links),
        ] {
            if counted.dropped > 0 {
                proto::uint(&mut body, number, u64::from(counted.dropped));
            }
        }
        status(&mut body, self.error.as_deref());
        proto::bytes(out, number, &body);
        give_buffer(body);
    }

    fn remove(&mut self, key: &[u8]) {
        if self.keys & mark(key) == 0 {
            return;
        }
        let place = proto::fields(&self.body)
            .find(|found| found.number == field::ATTRIBUTES && key_of(&found.value) == Some(key))
            .map(|found| found.range);
        if let Some(place) = place {
            self.body.drain(place);
            self.attributes.kept -= 1;
        }
    }
}

/// The value of an attribute stands behind its key, as it is.
fn add_old_names(body: &mut Vec<u8>, twins: &[Twin]) {
    for (old, new) in twins {
        let of_new = proto::fields(body).find_map(|found| match found.value {
            Read::Bytes(pair)
                if found.number == field::ATTRIBUTES && key_of(&found.value) == Some(new.as_bytes()) =>
            {
                Some(pair.get(proto::bytes_len(new.len())..)?.to_vec())
            }
            _ => None,
        });
        if let Some(value) = of_new {
            proto::length(body, field::ATTRIBUTES, proto::bytes_len(old.len()) + value.len());
            proto::bytes(body, 1, old.as_bytes());
            body.extend_from_slice(&value);
        }
    }
}

fn write_ids(out: &mut Vec<u8>, trace: TraceId, span: SpanId) {
    proto::bytes(out, field::TRACE_ID, &trace.to_bytes());
    proto::bytes(out, field::SPAN_ID, &span.to_bytes());
}

fn write_state(out: &mut Vec<u8>, state: &TraceState) {
    if *state != TraceState::NONE {
        proto::bytes(out, field::TRACE_STATE, state.header().as_bytes());
    }
}

/// The W3C flags, and whether the other span is in another process (`SpanFlags` of OTLP).
fn flags(of_trace: u8, is_remote: bool) -> u32 {
    const HAS_IS_REMOTE: u32 = 0x100;
    const IS_REMOTE: u32 = 0x200;
    let remote = if is_remote { IS_REMOTE } else { 0 };
    u32::from(of_trace) | HAS_IS_REMOTE | remote
}

fn status(out: &mut Vec<u8>, error: Option<&str>) {
    let Some(error) = error else { return proto::length(out, field::STATUS, 0) };
    let error = scrub(error);
    let text = if error.is_empty() { 0 } else { proto::bytes_len(error.len()) };
    proto::length(out, field::STATUS, text + 2);
    if text > 0 {
        proto::bytes(out, field::STATUS_MESSAGE, error.as_bytes());
    }
    proto::uint(out, field::STATUS_CODE, STATUS_ERROR);
}

/// One bit for a key, which few other keys share: where it is not set, the attribute is not there, and nothing has
/// to be looked through (a Bloom filter).
#[inline]
fn mark(key: &[u8]) -> u128 {
    let at = |place: usize| usize::from(key.get(place).copied().unwrap_or_default());
    let length = key.len();
    1 << ((length + 7 * (at(length.saturating_sub(2)) + at(length / 2))) % 128)
}

fn attribute_keys(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let attributes = proto::fields(body).filter(|found| found.number == field::ATTRIBUTES);
    attributes.filter_map(|found| key_of(&found.value))
}

fn key_of<'a>(key_value: &Read<'a>) -> Option<&'a [u8]> {
    let Read::Bytes(key_value) = key_value else { return None };
    match proto::fields(key_value).next()?.value {
        Read::Bytes(key) => Some(key),
        Read::Varint(_) | Read::Fixed => None,
    }
}

/// Nanoseconds since the Unix epoch.
pub(super) fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos() as u64)
}

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

fn take_buffer() -> Vec<u8> {
    let spare = BUFFERS.try_with(|buffers| buffers.borrow_mut().pop()).ok().flatten();
    spare.unwrap_or_else(|| Vec::with_capacity(ROOM))
}

pub(super) fn give_buffer(mut buffer: Vec<u8>) {
    buffer.clear();
    if buffer.capacity() <= MOST_ROOM {
        let _ = BUFFERS.try_with(|buffers| {
            let mut buffers = buffers.borrow_mut();
            if buffers.len() < SPARE {
                buffers.push(buffer);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::{
        common::v1::{
            AnyValue, KeyValue,
            any_value::Value::{IntValue, StringValue},
        },
        trace::v1::Span,
    };
    use prost::Message;

    #[test]
    fn a_renamed_attribute_has_its_old_name_too() {
        let mut body = Vec::new();
        proto::key_value(&mut body, field::ATTRIBUTES, "order.id", &Any::Text("7"));
        proto::key_value(&mut body, field::ATTRIBUTES, "order.item_count", &Any::Int(2));
        let twins =
            [("order.number", "order.id"), ("items", "order.item_count"), ("order.old", "order.missing")];
        add_old_names(&mut body, &twins);
        let pair = |key: &str, value| KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(value) }),
            ..KeyValue::default()
        };
        let (id, count) = (StringValue("7".to_owned()), IntValue(2));
        let expected = [
            pair("order.id", id.clone()),
            pair("order.item_count", count.clone()),
            pair("order.number", id),
            pair("items", count),
        ];
        assert_eq!(Span::decode(&*body).unwrap().attributes, expected);
    }
}
