//! How times, durations, amounts and ids read on the page.

use std::cmp::Ordering;
use std::fmt::Write as _;

use maud::{Markup, html};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use crate::model::Nanos;

const MICRO: u64 = 1_000;
const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Three significant digits and the unit a person would say: `12.3 ms`.
pub(super) fn duration(nanos: Nanos) -> String {
    // The limits stand half a digit under the next unit, so that nothing reads `1000 ms`.
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..999_500 => scaled(nanos, MICRO, "µs"),
        999_500..999_500_000 => scaled(nanos, MILLI, "ms"),
        999_500_000..59_950_000_000 => scaled(nanos, SECOND, "s"),
        _ if nanos < HOUR => format!("{} min {:02} s", nanos / MINUTE, nanos % MINUTE / SECOND),
        _ => format!("{} h {:02} min", nanos / HOUR, nanos % HOUR / MINUTE),
    }
}

fn scaled(nanos: Nanos, unit: u64, name: &str) -> String {
    let value = nanos as f64 / unit as f64;
    let digits = match value {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {name}")
}

/// A duration in seconds, as metrics have it.
pub(super) fn seconds(value: f64) -> String {
    if value.is_finite() && value >= 0.0 {
        duration((value * SECOND as f64).round() as Nanos)
    } else {
        "–".to_owned()
    }
}

/// The bound of a bucket or the label of an axis: `25 ms`, `2.5 ms`.
pub(super) fn bound(value: f64) -> String {
    let text = seconds(value);
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

/// A moment within a trace, counted from its start: `+1.20 ms`.
pub(super) fn offset(start: Nanos, moment: Nanos) -> String {
    match moment.cmp(&start) {
        Ordering::Equal => "+0".to_owned(),
        Ordering::Greater => format!("+{}", duration(moment - start)),
        Ordering::Less => format!("−{}", duration(start - moment)),
    }
}

fn date_time(nanos: Nanos) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(nanos)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// `2026-11-22 10:11:12.131415 UTC`
pub(super) fn exact(nanos: Nanos) -> String {
    let format =
        format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:6] UTC");
    date_time(nanos).format(&format).unwrap_or_default()
}

/// `2026-11-22`
pub(super) fn day(nanos: Nanos) -> String {
    date_time(nanos).date().to_string()
}

/// `10:11:12.131`
pub(super) fn clock(nanos: Nanos) -> String {
    let format = format_description!("[hour]:[minute]:[second].[subsecond digits:3]");
    date_time(nanos).format(&format).unwrap_or_default()
}

/// The label of a time axis whose ticks stand `step` apart.
pub(super) fn tick(nanos: Nanos, step: Nanos) -> String {
    let time = date_time(nanos);
    if step >= DAY {
        time.format(&format_description!("[month]-[day]")).unwrap_or_default()
    } else if step >= MINUTE {
        time.format(&format_description!("[hour]:[minute]")).unwrap_or_default()
    } else {
        time.format(&format_description!("[hour]:[minute]:[second]")).unwrap_or_default()
    }
}

/// How long ago, as an element that also says exactly when.
pub(super) fn ago(now: Nanos, then: Nanos) -> Markup {
    let past = now.saturating_sub(then);
    let text = match past {
        0..SECOND => "just now".to_owned(),
        SECOND..MINUTE => format!("{} s ago", past / SECOND),
        MINUTE..HOUR => format!("{} min ago", past / MINUTE),
        HOUR..DAY => format!("{} h ago", past / HOUR),
        _ => format!("{} d ago", past / DAY),
    };
    html! { time title=(exact(then)) { (text) } }
}

/// `25.00 EUR`: minor units by the digits ISO 4217 gives the currency.
pub(super) fn amount(minor: i64, currency: &str) -> String {
    let digits: u32 = match currency {
        "CLP" | "ISK" | "JPY" | "KRW" | "PYG" | "UGX" | "VND" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    };
    let sign = if minor < 0 { "−" } else { "" };
    let (value, unit) = (minor.unsigned_abs(), 10_u64.pow(digits));
    if digits == 0 {
        return format!("{sign}{value} {currency}");
    }
    let width = digits as usize;
    format!("{sign}{}.{:0width$} {currency}", value / unit, value % unit)
}

/// The first eight and the last six characters: a `UUIDv7` starts with its time and ends in its random part.
pub(super) fn short(id: &str) -> String {
    let count = id.chars().count();
    if count <= 18 {
        return id.to_owned();
    }
    let head: String = id.chars().take(8).collect();
    let tail: String = id.chars().skip(count - 6).collect();
    format!("{head}…{tail}")
}

/// Cuts a text at `limit` characters; the answer says whether it did.
pub(super) fn cut(text: &str, limit: usize) -> (&str, bool) {
    match text.char_indices().nth(limit) {
        Some((end, _)) => (text.get(..end).unwrap_or(text), true),
        None => (text, false),
    }
}

/// A number with its noun: `1 span`, `12 spans`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A place on an axis as a percentage, for SVG attributes.
pub(super) fn percent(part: f64) -> String {
    format!("{:.2}%", (part * 100.0).clamp(0.0, 100.0))
}

/// Percent-encodes a value for one part of a URL (RFC 3986: everything but the unreserved characters).
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Reads `10ms`, `1.5s`, `250us`, `2m`; the unit is required.
pub(super) fn parse_duration(text: &str) -> Option<Nanos> {
    let text = text.trim();
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(unit_at);
    let unit = match unit.trim() {
        "ns" => 1,
        "us" | "µs" | "μs" => MICRO,
        "ms" => MILLI,
        "s" => SECOND,
        "m" | "min" => MINUTE,
        "h" => HOUR,
        _ => return None,
    };
    let nanos = number.parse::<f64>().ok()? * unit as f64;
    (nanos < DAY as f64 * 365.0).then_some(nanos.round() as Nanos)
}

/// Reads `2026-11-22 10:11`, `2026-11-22 10:11:12` (UTC) and RFC 3339.
pub(super) fn parse_moment(text: &str) -> Option<Nanos> {
    let text = text.replace(' ', "T");
    let forms = [format!("{text}Z"), format!("{text}:00Z"), text];
    let moment = forms.iter().find_map(|form| OffsetDateTime::parse(form, &Rfc3339).ok())?;
    Nanos::try_from(moment.unix_timestamp_nanos()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits() {
        let expected = [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_234, "1.23 µs"),
            (999_499, "999 µs"),
            (999_600, "1.00 ms"),
            (12_345_678, "12.3 ms"),
            (999_500_000, "1.00 s"),
            (61 * SECOND, "1 min 01 s"),
            (2 * HOUR + 5 * MINUTE, "2 h 05 min"),
        ];
        for (nanos, text) in expected {
            assert_eq!(duration(nanos), text);
        }
        assert_eq!(seconds(f64::NAN), "–");
        assert_eq!([0.0025, 0.025, 0.1, 90.0].map(bound), ["2.5 ms", "25 ms", "100 ms", "1 min 30 s"]);
    }

    #[test]
    fn durations_are_read_with_their_unit() {
        assert_eq!(parse_duration("10ms"), Some(10_000_000));
        assert_eq!(parse_duration(" 1.5 s "), Some(1_500_000_000));
        assert_eq!(parse_duration("250µs"), Some(250_000));
        for wrong in ["", "10", "ms", "1.2.3s", "-1s", "10 parsecs", "99999999h"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn moments_are_read_as_people_write_them() {
        for text in
            ["2026-11-22 10:11", "2026-11-22T10:11:00", "2026-11-22T10:11:00Z", "2026-11-22T12:11:00+02:00"]
        {
            assert_eq!(parse_moment(text), Some(1_795_342_260_000_000_000), "{text}");
        }
        for wrong in ["", "10:11", "2026-11-22", "yesterday"] {
            assert_eq!(parse_moment(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn amounts_follow_their_currency() {
        assert_eq!(amount(2_505, "EUR"), "25.05 EUR");
        assert_eq!(amount(-7, "USD"), "−0.07 USD");
        assert_eq!(amount(1_200, "JPY"), "1200 JPY");
    }

    #[test]
    fn ids_are_shortened_in_the_middle() {
        assert_eq!(short("0193a4f2-7c31-7d10-8a11-9b1f9c41d2aa"), "0193a4f2…41d2aa");
        assert_eq!(short("o-17"), "o-17");
        assert_eq!(cut("żółw", 2), ("żó", true));
    }

    #[test]
    fn urls_are_encoded() {
        assert_eq!(encode("a b&c=ü"), "a%20b%26c%3D%C3%BC");
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(exact(1_795_342_272_131_415_926), "2026-11-22 10:11:12.131415 UTC");
        assert_eq!(clock(1_795_342_272_131_415_926), "10:11:12.131");
    }
}
