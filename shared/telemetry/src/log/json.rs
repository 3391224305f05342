//! JSON values, written by hand: they are most of a line, and `fmt` costs several times as much.

use std::fmt::Write;
use time::OffsetDateTime;

/// A string (RFC 8259): quotes, backslashes and control characters escaped.
pub(super) fn push_quoted(json: &mut String, text: &str) {
    json.push('"');
    if text.bytes().all(is_plain) {
        json.push_str(text);
    } else {
        push_escaped(json, text);
    }
    json.push('"');
}

fn is_plain(byte: u8) -> bool {
    byte >= b' ' && byte != b'"' && byte != b'\\'
}

fn push_escaped(json: &mut String, text: &str) {
    let mut kept = 0;
    for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| !is_plain(*byte)) {
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
}

/// A number, rounded to three decimals: enough for anything that is logged. JSON has no NaN and no infinity.
pub(super) fn push_number(json: &mut String, value: f64) {
    let thousandths = (value * 1e3).round();
    if !thousandths.is_finite() {
        json.push_str("null");
    } else if thousandths.abs() < 1e15 {
        push_thousandths(json, thousandths as i64);
    } else {
        let _ = write!(json, "{}", thousandths / 1e3);
    }
}

fn push_thousandths(json: &mut String, value: i64) {
    if value < 0 {
        json.push('-');
    }
    let (whole, rest) = (value.unsigned_abs() / 1_000, (value.unsigned_abs() % 1_000) as u32);
    let _ = write!(json, "{whole}");
    if rest > 0 {
        let mut decimals = *b".000";
        write_digits(decimals.get_mut(1..).unwrap_or_default(), rest);
        json.push_str(std::str::from_utf8(&decimals).unwrap_or_default().trim_end_matches('0'));
    }
}

/// RFC 3339 in UTC with six decimals, without quotes.
pub(super) fn push_time(json: &mut String, at: OffsetDateTime) {
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second, micros) = at.to_hms_micro();
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    for (digits, value) in [
        (0..4, year.unsigned_abs()),
        (5..7, u32::from(u8::from(month))),
        (8..10, day.into()),
        (11..13, hour.into()),
        (14..16, minute.into()),
        (17..19, second.into()),
        (20..26, micros),
    ] {
        write_digits(text.get_mut(digits).unwrap_or_default(), value);
    }
    json.push_str(std::str::from_utf8(&text).unwrap_or_default());
}

/// The last decimal digits, over zeros.
fn write_digits(digits: &mut [u8], mut value: u32) {
    for digit in digits.iter_mut().rev() {
        *digit += (value % 10) as u8;
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_have_six_decimals() {
        let mut text = String::new();
        push_time(&mut text, OffsetDateTime::from_unix_timestamp_nanos(1_763_806_272_031_415_926).unwrap());
        assert_eq!(text, "2025-11-22T10:11:12.031415Z");
    }

    #[test]
    fn numbers_have_at_most_three_decimals() {
        for (value, text) in [
            (12.3456, "12.346"),
            (12.3, "12.3"),
            (-0.05, "-0.05"),
            (-7.0, "-7"),
            (0.0, "0"),
            (100.0, "100"),
            (1e18, "1000000000000000000"),
            (f64::NAN, "null"),
            (f64::NEG_INFINITY, "null"),
        ] {
            let mut json = String::new();
            push_number(&mut json, value);
            assert_eq!(json, text);
        }
    }

    proptest! {
        #[test]
        fn any_text_survives_quoting(text in "\\PC*|[\\x00-\\x7f]*") {
            let mut json = String::new();
            push_quoted(&mut json, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn any_number_is_itself(thousandths in -1_000_000_000_000_000_i64..1_000_000_000_000_000) {
            let value = thousandths as f64 / 1e3;
            let mut json = String::new();
            push_number(&mut json, value);
            prop_assert_eq!(serde_json::from_str::<f64>(&json).unwrap().to_bits(), value.to_bits(), "{}", json);
        }
    }
}
