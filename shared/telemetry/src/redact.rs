//! What must never leave the process: card numbers, secrets, raw customer ids.
//!
//! Redaction happens at the source, in every signal, because nothing downstream can be trusted to do it.

use crate::hex::push_hex;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{borrow::Cow, fmt};

/// What stands in the place of something that was taken out.
pub const REDACTED: &str = "[redacted]";

/// Card numbers have 13 to 19 digits (ISO/IEC 7812).
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// Field names whose values are secrets whatever they hold, in lower case.
const SECRET_WORDS: [&str; 9] =
    ["card_number", "cardnumber", "cvv", "cvc", "authorization", "password", "secret", "token", "cookie"];

/// True for a field whose value must never be shown, such as `authorization` or `payment.card_number`, in upper or
/// lower case.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.as_bytes();
    let begins = |at: usize, word: &str| {
        let there = name.get(at..at + word.len());
        there.is_some_and(|there| there.eq_ignore_ascii_case(word.as_bytes()))
    };
    // Asked for every attribute and field: few places in a name begin as one of the words does.
    name.iter().zip(name.iter().skip(1)).enumerate().any(|(at, (first, second))| {
        let pair = [first | 0x20, second | 0x20];
        matches!(&pair, b"ca" | b"cv" | b"au" | b"pa" | b"se" | b"to" | b"co")
            && SECRET_WORDS.iter().any(|word| begins(at, word))
    })
}

/// Replaces every card number in `text`: 13 to 19 digits that pass the Luhn check (ISO/IEC 7812-1 annex B),
/// single spaces or dashes between them allowed. Borrows when there is nothing to replace.
///
/// The platform's own ids may look like one by chance and stay: UUIDv7, and trace and span ids in hex.
pub fn scrub(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    // Nearly every text has too few digits to hold a card: one fast pass says so.
    if bytes.len() < *CARD_DIGITS.start() || digits(bytes) < *CARD_DIGITS.start() {
        return Cow::Borrowed(text);
    }
    let mut clean = String::new();
    let mut kept = 0;
    let mut at = 0;
    while let Some(start) = next_digit(bytes, at) {
        let run = digit_run(bytes, start);
        at = run.last().map_or(start + 1, |(place, _)| place + 1);
        if run.len() < *CARD_DIGITS.start() {
            continue;
        }
        if let Some(end) = end_of_id(text, start) {
            at = end;
        } else if let Some((from, to)) = card_in(&run) {
            clean.push_str(text.get(kept..from).unwrap_or_default());
            clean.push_str(REDACTED);
            kept = to;
            at = to;
        }
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    clean.push_str(text.get(kept..).unwrap_or_default());
    Cow::Owned(clean)
}

/// How many digits there are. In bytes, which a processor adds up many at a time; no sum of a piece overflows one.
fn digits(text: &[u8]) -> usize {
    let of_piece = |piece: &[u8]| piece.iter().map(|byte| u8::from(byte.is_ascii_digit())).sum::<u8>();
    text.chunks(128).map(|piece| usize::from(of_piece(piece))).sum()
}

/// True when the digits pass the Luhn check (ISO/IEC 7812-1 annex B).
pub fn passes_luhn(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    let sum: u32 = digits
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let weighted = u32::from(digit) * if place % 2 == 1 { 2 } else { 1 };
            if weighted > 9 { weighted - 9 } else { weighted }
        })
        .sum();
    sum.is_multiple_of(10)
}

fn next_digit(bytes: &[u8], from: usize) -> Option<usize> {
    bytes.iter().skip(from).position(u8::is_ascii_digit).map(|offset| from + offset)
}

/// The digits from `start` on, each with its place; single spaces and dashes between digits don't end the run.
fn digit_run(bytes: &[u8], start: usize) -> Vec<(usize, u8)> {
    let mut run = Vec::with_capacity(24);
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        if byte.is_ascii_digit() {
            run.push((at, byte - b'0'));
        } else if !matches!(byte, b' ' | b'-') || !bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
            break;
        }
        at += 1;
    }
    run
}

/// The byte range of the first, longest card number within a run of digits: groups as they were written, so that
/// a card is found before its expiry date, but not by chance in the middle of a long number.
fn card_in(run: &[(usize, u8)]) -> Option<(usize, usize)> {
    let joined = |at: usize| matches!((run.get(at), run.get(at + 1)), (Some(a), Some(b)) if a.0 + 1 == b.0);
    let starts = (0..run.len()).filter(|at| *at == 0 || !joined(at - 1));
    let mut windows = starts.flat_map(|first| CARD_DIGITS.rev().map(move |length| (first, first + length)));
    windows.find_map(|(first, end)| {
        let window = run.get(first..end).filter(|_| !joined(end - 1))?;
        let is_card = passes_luhn(window.iter().map(|(_, digit)| *digit));
        is_card.then_some((window.first()?.0, window.last()?.0 + 1))
    })
}

/// Where the id ends that `text` has around `place`, if it has one: a UUIDv7, or the 16 or 32 hex digits, not all
/// decimal, of a span or trace id.
fn end_of_id(text: &str, place: usize) -> Option<usize> {
    let is_id = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    let bytes = text.as_bytes();
    let start = bytes.get(..place)?.iter().rposition(|byte| !is_id(byte)).map_or(0, |before| before + 1);
    let end =
        bytes.iter().skip(place).position(|byte| !is_id(byte)).map_or(bytes.len(), |length| place + length);
    let token = text.get(start..end)?;
    let is_hex = |token: &str| token.bytes().all(|byte| byte.is_ascii_hexdigit());
    let has_letter = token.bytes().any(|byte| byte.is_ascii_alphabetic());
    let is_id = match token.len() {
        36 => uuid::Uuid::try_parse(token).is_ok_and(|id| id.get_version_num() == 7),
        16 | 32 => has_letter && is_hex(token),
        _ => false,
    };
    is_id.then_some(end)
}

/// The key of the customer references: whoever has it can link references to customers.
#[derive(Clone)]
pub struct RefKey(Hmac<Sha256>);

impl RefKey {
    /// The shortest key that is taken, in bytes.
    pub const MIN_BYTES: usize = 16;

    /// `None` when the key is too short to be one.
    pub fn new(key: &[u8]) -> Option<Self> {
        if key.len() < Self::MIN_BYTES { None } else { Hmac::new_from_slice(key).ok().map(Self) }
    }

    /// A key nobody else has: references made with it can't be compared with another process's.
    pub fn random() -> Self {
        Self(Hmac::new(&rand::random::<[u8; 64]>().into()))
    }
}

impl fmt::Debug for RefKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefKey([redacted])")
    }
}

/// A customer in telemetry: the first 128 bits of HMAC-SHA256 (RFC 2104) of the customer's id, as 32 hex digits.
/// The same customer has the same reference in every service that holds the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerRef(String);

impl CustomerRef {
    /// The reference of `customer_id` under `key`.
    pub fn of(key: &RefKey, customer_id: &str) -> Self {
        // The key has been hashed already, once for all.
        let mut mac = key.0.clone();
        mac.update(customer_id.as_bytes());
        let hash = mac.finalize().into_bytes();
        let mut hex = String::with_capacity(32);
        push_hex(&mut hex, hash.get(..16).unwrap_or_default());
        Self(hex)
    }

    /// The 32 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn test_cards_are_taken_out_however_they_are_written() {
        for card in ["4242424242424242", "4242 4242 4242 4242", "4000-0000-0000-9995", "378282246310005"] {
            let text = format!("paid with {card}, thanks");
            assert_eq!(scrub(&text), "paid with [redacted], thanks");
        }
        assert_eq!(scrub("4242424242424242 12/29 123"), "[redacted] 12/29 123");
        assert_eq!(scrub("4242 4242 4242 4242 123"), "[redacted] 123");
    }

    #[test]
    fn other_numbers_stay() {
        for text in [
            "2026-11-22T10:11:12.131415Z",
            "0193f5c2-7b1c",
            "order 12 of 4242424242424241",
            "0193f5c2-0000-7242-8000-000000000007",
            "order 0193f5c2-0000-7242-8242-424242424242.",
            "in 4242424242424242aaaaaaaaaaaaaaaa",
        ] {
            assert!(matches!(scrub(text), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn secret_names_are_known_with_prefix_and_in_any_case() {
        for word in SECRET_WORDS {
            assert!(
                is_secret_name(word) && is_secret_name(&format!("the_{}s", word.to_ascii_uppercase())),
                "{word}"
            );
        }
        assert!(is_secret_name("payment.card_number"));
        assert!(is_secret_name("Authorization"));
        assert!(is_secret_name("x-api-Token") && is_secret_name("setcookie"));
        assert!(!is_secret_name("order.id") && !is_secret_name("toke") && !is_secret_name(""));
    }

    #[test]
    fn references_are_stable_keyed_and_do_not_show_the_id() {
        let key = RefKey::new(b"a key of sixteen bytes or more").unwrap();
        let reference = CustomerRef::of(&key, "c-1042");
        assert_eq!(reference, CustomerRef::of(&key, "c-1042"));
        assert_ne!(reference, CustomerRef::of(&RefKey::random(), "c-1042"));
        // By OpenSSL: printf c-1042 | openssl dgst -sha256 -hmac 'a key of sixteen bytes or more'
        assert_eq!(reference.as_str(), "f862831a6306b72c675e5975504e6e22");
        assert!(RefKey::new(b"short").is_none());
    }

    fn card() -> impl Strategy<Value = String> {
        proptest::collection::vec(0..10u8, 12..=18).prop_map(|mut digits| {
            let check =
                (0..10u8).find(|last| passes_luhn(digits.iter().copied().chain([*last]))).unwrap_or_default();
            digits.push(check);
            digits.iter().map(|digit| char::from(b'0' + digit)).collect::<String>()
        })
    }

    proptest! {
        // No hex digit beside it: 15 digits and an `a` are a span id.
        #[test]
        fn no_card_survives_in_any_text(
            before in "(\\PC{0,20}[^0-9a-fA-F -])?", card in card(), after in "([^0-9a-fA-F -]\\PC{0,20})?",
        ) {
            let clean = scrub(&format!("{before}{card}{after}")).into_owned();
            prop_assert!(!clean.contains(&card));
        }
    }
}
