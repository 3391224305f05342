//! W3C Baggage (<https://www.w3.org/TR/baggage/>). What came in goes out as it came, so it stays the text of its header:
//! only an entry that somebody asks for is decoded.

use super::clean::{is_clean, may_go_on};
use crate::redact::{REDACTED, is_secret_name, scrub};
use http::HeaderValue;
use std::{borrow::Cow, iter};

/// The limits of the OpenTelemetry SDK, the least that the specification allows.
const MOST_MEMBERS: usize = 64;
const MOST_BYTES: usize = 8192;

/// A well-formed header of `key=value` members without spaces; or none.
#[derive(Clone, Debug)]
pub(super) struct Baggage(Option<HeaderValue>);

impl Baggage {
    pub(super) const NONE: Self = Self(None);

    /// Of all headers with that name. Malformed members are left out; more than 8192 bytes count as none.
    pub(super) fn read<'a>(mut headers: impl Iterator<Item = &'a HeaderValue>) -> Self {
        match (headers.next(), headers.next()) {
            (None, _) => Self::NONE,
            (Some(only), None) if is_well_formed(only.as_bytes()) && may_go_on(only.as_bytes()) => {
                Self(Some(only.clone()))
            }
            (Some(first), second) => {
                let all = iter::once(first).chain(second).chain(headers).map(HeaderValue::as_bytes);
                Self(rewritten(&all.collect::<Vec<_>>().join(&b',')))
            }
        }
    }

    /// The values of `keys`, found in one pass. Of several entries with one key the last counts, as in the
    /// OpenTelemetry SDK.
    pub(super) fn values<const N: usize>(&self, keys: [&str; N]) -> [Option<Cow<'_, str>>; N] {
        let mut values = [None; N];
        let header = self.0.as_ref().map(HeaderValue::as_bytes).unwrap_or_default();
        for (key, value) in members(header) {
            for (wanted, found) in keys.iter().zip(&mut values) {
                if key == wanted.as_bytes() {
                    *found = value;
                }
            }
        }
        values.map(|value| Some(decoded(parted(value?, b';').0)))
    }

    pub(super) fn header(&self) -> Option<&HeaderValue> {
        self.0.as_ref()
    }
}

/// Keys, and values with their properties, of a well-formed header.
pub(super) fn members(header: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    header.split(|byte| *byte == b',').map(|member| parted(member, b'='))
}

/// What nearly every header is: one pass says so.
fn is_well_formed(header: &[u8]) -> bool {
    let (mut members, mut key, mut in_value) = (1, 0, false);
    for byte in header {
        match (in_value, byte) {
            (false, b'=') if key > 0 => in_value = true,
            (false, byte) if is_key_octet(*byte) => key += 1,
            (true, b',') => (members, key, in_value) = (members + 1, 0, false),
            (true, b';') => {}
            (true, byte) if is_octet(*byte) => {}
            _ => return false,
        }
    }
    in_value && members <= MOST_MEMBERS && header.len() <= MOST_BYTES
}

/// As it should be: well-formed members alone, encoded, without spaces, and without card numbers and secrets. A value that is
/// one goes on as `[redacted]`, so that whoever reads it sees that there was something; a key that holds one does not go on.
fn rewritten(header: &[u8]) -> Option<HeaderValue> {
    if header.len() > MOST_BYTES {
        return None;
    }
    let mut text = Vec::new();
    for member in header.split(|byte| *byte == b',').take(MOST_MEMBERS) {
        let (entry, properties) = parted(member, b';');
        let (key, value) = parted(entry, b'=');
        let (key, Some(value)) = (key.trim_ascii(), value) else { continue };
        let name = std::str::from_utf8(key).unwrap_or_default();
        if key.is_empty() || !key.iter().all(|byte| is_key_octet(*byte)) || !is_clean(name) {
            continue;
        }
        if !text.is_empty() {
            text.push(b',');
        }
        text.extend_from_slice(key);
        text.push(b'=');
        let value = shown(name, value.trim_ascii());
        encode(&value, &mut text);
        for property in properties.into_iter().flat_map(|properties| properties.split(|byte| *byte == b';')) {
            text.push(b';');
            let (name, value) = parted(property, b'=');
            encode(&shown("", name.trim_ascii()), &mut text);
            if let Some(value) = value {
                text.push(b'=');
                encode(&shown("", value.trim_ascii()), &mut text);
            }
        }
    }
    let fits = !text.is_empty() && text.len() <= MOST_BYTES;
    fits.then(|| HeaderValue::try_from(text).ok()).flatten()
}

/// What may be shown of a value under that name, which stays as it is encoded where all of it may.
fn shown<'a>(name: &str, value: &'a [u8]) -> Cow<'a, [u8]> {
    if is_secret_name(name) {
        return Cow::Borrowed(REDACTED.as_bytes());
    }
    match scrub(&decoded(value)) {
        Cow::Borrowed(_) => Cow::Borrowed(value),
        Cow::Owned(clean) => Cow::Owned(clean.into_bytes()),
    }
}

/// Before and after the first `separator`.
fn parted(text: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    let mut parts = text.splitn(2, |byte| *byte == separator);
    (parts.next().unwrap_or_default(), parts.next())
}

/// What a token of HTTP is made of (RFC 9110, 5.6.2).
fn is_key_octet(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

/// What may stand in a value as it is.
fn is_octet(byte: u8) -> bool {
    matches!(byte, b'!' | b'#'..=b'+' | b'-'..=b':' | b'<'..=b'[' | b']'..=b'~')
}

fn encode(value: &[u8], text: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied();
    for byte in value {
        if is_octet(*byte) {
            text.push(*byte);
        } else {
            text.extend(iter::once(b'%').chain(digit(byte >> 4)).chain(digit(byte & 0xf)));
        }
    }
}

/// What is no UTF-8 becomes the replacement character, as the specification says.
fn decoded(value: &[u8]) -> Cow<'_, str> {
    if !value.contains(&b'%') {
        return Cow::Borrowed(std::str::from_utf8(value).unwrap_or_default());
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.split_first_chunk().filter(|_| *first == b'%');
        let escaped =
            escaped.and_then(|([high, low], after)| Some((nibble(*high)? << 4 | nibble(*low)?, after)));
        let (byte, after) = escaped.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}
