//! `tracestate` of W3C Trace Context, level 1 (<https://www.w3.org/TR/trace-context/#tracestate-header>): what other
//! tracing systems pass on with a trace. It goes on as it came.

use super::clean;
use opentelemetry::trace::TraceState;

const MOST_MEMBERS: usize = 32;
const MOST_BYTES_OF_KEY: usize = 256;
const MOST_BYTES_OF_VALUE: usize = 256;
/// Of the two parts of `tenant@system`.
const MOST_BYTES_OF_TENANT: usize = 241;
const MOST_BYTES_OF_SYSTEM: usize = 14;

/// Of all headers with that name, in their order, without members that hold a card number, which may be left out. One malformed member makes all of them count as none.
pub(super) fn read<'a>(headers: impl Iterator<Item = &'a [u8]>) -> TraceState {
    let mut members = Vec::new();
    for member in headers.flat_map(|header| header.split(|byte| *byte == b',')) {
        let member = member.trim_ascii();
        if member.is_empty() {
            continue;
        }
        match key_and_value(member) {
            Some((key, value)) if !(clean::is_clean(key) && clean::is_clean(value)) => {}
            Some((key, value)) if members.len() < MOST_MEMBERS && members.iter().all(|(k, _)| *k != key) => {
                members.push((key, value));
            }
            _ => return TraceState::NONE,
        }
    }
    TraceState::from_key_value(members).unwrap_or_default()
}

fn key_and_value(member: &[u8]) -> Option<(&str, &str)> {
    let (key, value) = std::str::from_utf8(member).ok()?.split_once('=')?;
    (is_key(key) && is_value(value.as_bytes())).then_some((key, value))
}

fn is_key(key: &str) -> bool {
    let is_part = |part: &str, most: usize| {
        let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/');
        part.len() <= most && part.bytes().all(allowed)
    };
    let begins = |part: &str, digit: bool| {
        part.bytes().next().is_some_and(|first| first.is_ascii_lowercase() || digit && first.is_ascii_digit())
    };
    match key.split_once('@') {
        None => begins(key, false) && is_part(key, MOST_BYTES_OF_KEY),
        Some((tenant, system)) => {
            begins(tenant, true)
                && is_part(tenant, MOST_BYTES_OF_TENANT)
                && begins(system, false)
                && is_part(system, MOST_BYTES_OF_SYSTEM)
        }
    }
}

fn is_value(value: &[u8]) -> bool {
    !value.is_empty()
        && value.len() <= MOST_BYTES_OF_VALUE
        && value.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b',' | b'='))
}
