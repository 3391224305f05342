//! Card numbers in text and in numbers.

use super::REDACTED;
use std::{borrow::Cow, ops::Range};

/// Card numbers have 13 to 19 digits (ISO/IEC 7812).
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;
/// As many separators may stand between two digits: ` - ` is what people type.
const MOST_SEPARATORS: usize = 3;
/// Bytes of the longest id that is known as one.
const LONGEST_ID: usize = 64;

/// Replaces every card number in `text`: 13 to 19 digits that pass the Luhn check (ISO/IEC 7812-1 annex B), together or
/// in groups. Borrows when there is nothing to replace.
///
/// Between the groups there may be up to three of: space, tab, dash (also the typographic ones), and in URLs `+`, `%20`
/// and `%2D`. Dots and underscores count between groups of four, and of 4, 6 and 5 or 4 digits: elsewhere they stand in
/// fractions, addresses and versions. Digits are those of ASCII, which is what PCI DSS scanners look for.
///
/// Ids may look like a card number by chance and stay: UUIDs, and 16, 32, 40 or 64 hex digits, at least one of them a
/// letter.
pub fn scrub(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    // Nearly every text has too few digits to hold a card: one fast pass says so. Of the others most are one id.
    if bytes.len() < *CARD_DIGITS.start() || digits(bytes) < *CARD_DIGITS.start() || is_id(text) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::new();
    let (mut kept, mut at) = (0, 0);
    while let Some(start) = next_digit(bytes, at) {
        match look_at(text, start) {
            Look::Card { end } => {
                clean.push_str(text.get(kept..start).unwrap_or_default());
                clean.push_str(REDACTED);
                (kept, at) = (end, end);
            }
            Look::GoOn { from } => at = from,
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
    luhn(digits.rev()).is_multiple_of(10)
}

/// The sum of the check, from the last digit to the first.
fn luhn(backwards: impl Iterator<Item = u8>) -> u32 {
    let weigh = |(place, digit): (usize, u8)| {
        let weighted = u32::from(digit) * if place % 2 == 1 { 2 } else { 1 };
        if weighted > 9 { weighted - 9 } else { weighted }
    };
    backwards.enumerate().map(weigh).sum()
}

/// True when the number is a card's.
pub(crate) fn is_card_u64(number: u64) -> bool {
    const LEAST: u64 = 10_u64.pow(12);
    const MOST: u64 = 10_u64.pow(19) - 1;
    (LEAST..=MOST).contains(&number) && {
        let mut rest = number;
        luhn(std::iter::from_fn(|| {
            let digit = (rest % 10) as u8;
            (rest > 0).then(|| {
                rest /= 10;
                digit
            })
        }))
        .is_multiple_of(10)
    }
}

/// True when the number, without its sign, is a card's.
pub(crate) fn is_card_i64(number: i64) -> bool {
    is_card_u64(number.unsigned_abs())
}

/// True when what stands before the decimal point, without its sign, is a card's number.
pub(crate) fn is_card_f64(number: f64) -> bool {
    is_card_u64(number.abs() as u64)
}

/// True when an id, in hex digits and without its leading zeros, reads as a card number.
#[inline]
pub(crate) fn reads_as_card(id: u128) -> bool {
    // Asked for every span: nearly every id has a letter, which has its highest bit and one of the next two set.
    const HIGHEST: u128 = 0x8888_8888_8888_8888_8888_8888_8888_8888;
    if id & (id << 1 | id << 2) & HIGHEST != 0 {
        return false;
    }
    let length = 32 - id.leading_zeros() as usize / 4;
    CARD_DIGITS.contains(&length)
        && luhn((0..length).map(|place| (id >> (4 * place)) as u8 & 0xf)).is_multiple_of(10)
}

fn next_digit(bytes: &[u8], from: usize) -> Option<usize> {
    bytes.iter().skip(from).position(u8::is_ascii_digit).map(|offset| from + offset)
}

/// A digit of a run.
struct Digit {
    at: usize,
    value: u8,
    /// What stands between it and the one before.
    gap: Gap,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    None,
    Plain,
    /// Counts only where the groups are those of a card.
    Weak,
}

/// What there is at the first digit of a group.
enum Look {
    /// A card number, which ends here.
    Card {
        end: usize,
    },
    GoOn {
        from: usize,
    },
}

/// Looks for a card number that begins at `start`. However long the text is, it reads only as far as one may reach, or
/// an id beside it: the time for all groups must not grow with the square of a text that somebody else has written.
fn look_at(text: &str, start: usize) -> Look {
    let bytes = text.as_bytes();
    let run = digit_run(bytes, start);
    if run.len() < *CARD_DIGITS.start() {
        // All there are up to the end of the groups: too few for a card at any of them.
        return Look::GoOn { from: run.last().map_or(start, |last| last.at) + 1 };
    }
    let id = first_id(text, &run);
    if let Some((0, end)) = id {
        return Look::GoOn { from: end };
    }
    let before_id = id.map_or(run.len(), |(place, _)| place);
    if let Some(end) = run.get(..before_id).and_then(card_in) {
        return Look::Card { end };
    }
    let next = run.iter().skip(1).find(|digit| digit.gap != Gap::None);
    Look::GoOn { from: next.map_or_else(|| next_group(bytes, start), |next| next.at) }
}

/// Where the next group begins after that of `start`; where that one ends if it is the last.
fn next_group(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let gap = rest.get(length..).and_then(separators);
    start + length + gap.map_or(0, |(length, _)| length)
}

/// The digits from `start` on, up to what is neither a digit nor a separator between two of them; at most those of the
/// longest card and the next, which says whether the last group ends there.
fn digit_run(bytes: &[u8], start: usize) -> Vec<Digit> {
    const MOST: usize = *CARD_DIGITS.end() + 1;
    let mut run: Vec<Digit> = Vec::with_capacity(MOST);
    // The digits of `%20` are a character of their own, or the percent sign is: a card may begin at both.
    let is_escape = start > 0 && bytes.get(start - 1) == Some(&b'%');
    let (mut at, mut gap) = (start, Gap::None);
    while let Some(byte) = bytes.get(at).filter(|_| run.len() < MOST) {
        if byte.is_ascii_digit() {
            if is_escape && at == start + 2 {
                gap = Gap::Plain;
            }
            run.push(Digit { at, value: byte - b'0', gap });
            (at, gap) = (at + 1, Gap::None);
        } else if let Some((length, found)) = separators(bytes.get(at..).unwrap_or_default()) {
            (at, gap) = (at + length, found);
        } else {
            break;
        }
    }
    run
}

/// The first group of a run that is part of an id, and where in the text that id ends. In a longer name, such as
/// a `traceparent`, each part between dashes may be an id.
fn first_id(text: &str, run: &[Digit]) -> Option<(usize, usize)> {
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    // Several groups may be of one name: it is looked at once.
    let (mut name_end, mut part_end) = (0, 0);
    for (place, digit) in run.iter().enumerate() {
        if place > 0 && digit.gap == Gap::None {
            continue;
        }
        if digit.at >= name_end {
            let name = around(text, digit.at, in_name);
            if text.get(name.clone()).is_some_and(is_id) {
                return Some((place, name.end));
            }
            name_end = name.end;
        }
        if digit.at >= part_end {
            let part = around(text, digit.at, u8::is_ascii_alphanumeric);
            if text.get(part.clone()).is_some_and(is_id) {
                return Some((place, part.end));
            }
            part_end = part.end;
        }
    }
    None
}

/// The bytes around `place` that belong together; of more than an id may have, some that are too many for one.
fn around(text: &str, place: usize, belongs: impl Fn(&u8) -> bool) -> Range<usize> {
    let (before, after) = text.as_bytes().split_at_checked(place).unwrap_or_default();
    let before = before.iter().rev().take(LONGEST_ID + 1).take_while(|byte| belongs(byte)).count();
    let after = after.iter().take(LONGEST_ID + 1).take_while(|byte| belongs(byte)).count();
    place - before..place + after
}

/// How long the separators are that `rest` begins with, if a digit follows them.
fn separators(rest: &[u8]) -> Option<(usize, Gap)> {
    let (mut at, mut gap) = (0, Gap::Plain);
    for _ in 0..MOST_SEPARATORS {
        at += match rest.get(at..)? {
            [b' ' | b'\t' | b'-' | b'+', ..] => 1,
            [b'.' | b'_', ..] => {
                gap = Gap::Weak;
                1
            }
            // In UTF-8 the no-break space; the narrow spaces, hyphens and dashes from U+2007 to U+2015; and U+202F.
            [0xc2, 0xa0, ..] => 2,
            [0xe2, 0x80, 0x87..=0x95 | 0xaf, ..] | [b'%', b'2', b'0' | b'd' | b'D', ..] => 3,
            _ => return None,
        };
        if rest.get(at)?.is_ascii_digit() {
            return Some((at, gap));
        }
    }
    None
}

/// Where the longest card number ends that a run of digits begins with. Groups count as they were written, so that
/// a card is found before its expiry date, but not by chance in the middle of a long number.
fn card_in(run: &[Digit]) -> Option<usize> {
    let ends_group = |end: usize| run.get(end).is_none_or(|digit| digit.gap != Gap::None);
    CARD_DIGITS.rev().filter(|length| ends_group(*length)).find_map(|length| {
        let card = run.get(..length).filter(|card| is_card(card))?;
        Some(card.last()?.at + 1)
    })
}

fn is_card(window: &[Digit]) -> bool {
    let sum = luhn(window.iter().rev().map(|digit| digit.value));
    // Zeros alone are nobody's number.
    sum > 0 && sum.is_multiple_of(10) && (is_plain(window) || is_grouped_as_a_card(window))
}

fn is_plain(window: &[Digit]) -> bool {
    window.iter().skip(1).all(|digit| digit.gap != Gap::Weak)
}

fn is_grouped_as_a_card(window: &[Digit]) -> bool {
    let mut groups = [0; 5];
    let mut at = 0;
    for (place, digit) in window.iter().enumerate() {
        at += usize::from(place > 0 && digit.gap != Gap::None);
        let Some(group) = groups.get_mut(at) else { return false };
        *group += 1;
    }
    matches!(groups, [4, 4, 4, 4, 0..=3] | [4, 6, 4..=5, 0, 0])
}

fn is_id(token: &str) -> bool {
    match token.len() {
        36 => uuid::Uuid::try_parse(token).is_ok_and(|id| (1..=8).contains(&id.get_version_num())),
        16 | 32 | 40 | 64 => {
            let mut has_letter = false;
            token.bytes().all(|byte| {
                has_letter |= byte.is_ascii_alphabetic();
                byte.is_ascii_hexdigit()
            }) && has_letter
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
