//! A line made shorter that is still a line: its longest texts are cut, and it says so.

use crate::names::field;
use std::{borrow::Cow, ops::Range};

/// Without these a line is nobody's.
const WHOLE: [&str; 8] = [
    field::TIMESTAMP,
    field::SEVERITY,
    field::SERVICE,
    field::TRACE_ID,
    field::SPAN_ID,
    field::TRACE_FLAGS,
    field::ORDER_ID,
    field::CUSTOMER_REF,
];

/// `line`, if it is no longer than `most`, or what fits of it; `None` when even that is too long.
pub(in crate::log) fn cut(line: &[u8], most: usize) -> Option<Cow<'_, [u8]>> {
    if line.len() <= most {
        return Some(Cow::Borrowed(line));
    }
    let mark = format!(",\"{}\":true", field::TRUNCATED);
    let mut line = std::str::from_utf8(line).ok()?.to_owned();
    while let Some(excess @ 1..) = (line.len() + mark.len()).checked_sub(most) {
        let mut texts = texts(&line);
        texts.sort_by_key(Range::len);
        let longest = texts.pop()?;
        let next = texts.last().map_or(0, Range::len);
        // Down to the next longest, which may be cut in its turn; and enough of it for this to come to an end.
        let least = (longest.len() - next).max(longest.len() / 2).max(1);
        let length = longest.len().checked_sub(excess.min(least))?;
        let keep = whole_characters(line.get(longest.clone())?, length);
        line.replace_range(longest.start + keep..longest.end, "");
    }
    let end = line.rfind('}')?;
    line.insert_str(end, &mark);
    Some(Cow::Owned(line.into_bytes()))
}

/// Where in the line the texts stand that may be cut: the writer puts no space after a colon.
fn texts(line: &str) -> Vec<Range<usize>> {
    let (mut texts, mut name, mut from) = (Vec::new(), "", 0);
    while let Some(start) = line.get(from..).and_then(|rest| rest.find('"')).map(|at| from + at + 1) {
        let text = line.get(start..).unwrap_or_default();
        let end = start + units(text).take_while(|unit| *unit != "\"").map(str::len).sum::<usize>();
        if line.get(..start - 1).is_some_and(|before| before.ends_with(':')) {
            if !WHOLE.contains(&name) {
                texts.push(start..end);
            }
        } else {
            name = line.get(start..end).unwrap_or_default();
        }
        from = end + 1;
    }
    texts
}

/// How many of the first bytes, at most `length`, end neither inside a character nor inside an escape.
fn whole_characters(text: &str, length: usize) -> usize {
    let mut end = 0;
    for unit in units(text) {
        if end + unit.len() > length {
            break;
        }
        end += unit.len();
    }
    end
}

/// Characters and escapes (RFC 8259).
fn units(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let length = match rest.as_bytes() {
            [] => return None,
            [b'\\', b'u', ..] => 6,
            [b'\\', ..] => 2,
            _ => rest.chars().next()?.len_utf8(),
        };
        let (unit, others) = rest.split_at_checked(length).unwrap_or((rest, ""));
        rest = others;
        Some(unit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn line(message: &str, error: &str) -> Vec<u8> {
        let quoted = |text: &str| serde_json::to_string(text).unwrap();
        let (message, error) = (quoted(message), quoted(error));
        format!("{{\"message\":{message},\"trace_id\":\"{TRACE}\",\"count\":3,\"error\":{error}}}\n")
            .into_bytes()
    }

    #[test]
    fn a_short_line_stays_as_it_is() {
        let line = line("short", "");
        assert!(matches!(cut(&line, line.len()), Some(Cow::Borrowed(same)) if same == line));
    }

    #[test]
    fn two_long_texts_are_both_cut() {
        let (line, most) = (line(&"m".repeat(5_000), &"e".repeat(4_000)), 1_232);
        let cut: Value = serde_json::from_slice(&cut(&line, most).unwrap()).unwrap();
        let length = |name: &str| cut[name].as_str().unwrap().len();
        assert!(length("message") > 300 && length("error") > 300, "{cut}");
    }

    #[test]
    fn a_line_without_anything_to_cut_is_given_up() {
        assert_eq!(cut(&line("", ""), 50), None);
    }

    proptest! {
        #[test]
        fn what_is_left_is_a_line_with_its_ids(
            message in "(\\PC|[\\x00-\\x1f\"\\\\]){0,300}", error in "(\\PC|[\\x00-\\x1f\"\\\\]){0,300}", most in 130_usize..900,
        ) {
            let whole = line(&message, &error);
            let cut = cut(&whole, most).unwrap();
            prop_assert!(cut.len() <= most);
            prop_assert_eq!(cut.last(), Some(&b'\n'));
            let read: Value = serde_json::from_slice(&cut).unwrap();
            prop_assert_eq!(&read["trace_id"], TRACE);
            prop_assert_eq!(&read["count"], 3);
            prop_assert!(message.starts_with(read["message"].as_str().unwrap()));
            prop_assert!(error.starts_with(read["error"].as_str().unwrap()));
            prop_assert_eq!(read.get("truncated"), (whole.len() > most).then_some(&json!(true)));
        }
    }
}
