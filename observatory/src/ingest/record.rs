//! One record from JSON: a log line, or a session event. Which of the two it is, its members say.
//!
//! A line needs to be a JSON object with something in it; what it does not say is left empty, and what it says beyond
//! the known members is kept. An event has a `key` and no `message`: a key and a value of one session.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::LogRow;
use crate::model::Nanos;
use crate::user_key::UserKey;

/// The longest record that is taken, without its line end.
pub(super) const MAX_LINE: usize = 64 * 1024;

/// Text that is borrowed from the record unless it holds escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members that are searched by. Those that a line may use for something else are read only in an event.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    severity: Option<Text<'a>>,
    #[serde(borrow)]
    service: Option<Text<'a>>,
    #[serde(borrow)]
    message: Option<Text<'a>>,
    #[serde(borrow)]
    trace_id: Option<Text<'a>>,
    #[serde(borrow)]
    span_id: Option<Text<'a>>,
    #[serde(borrow)]
    order_id: Option<Text<'a>>,
    #[serde(borrow)]
    session_id: Option<&'a RawValue>,
    #[serde(borrow)]
    user_id: Option<&'a RawValue>,
    #[serde(borrow)]
    terminal_id: Option<&'a RawValue>,
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    component: Option<&'a RawValue>,
}

impl Members<'_> {
    fn is_event(&self) -> bool {
        self.key.is_some() && self.message.is_none()
    }

    fn message(&mut self) -> String {
        if !self.is_event() {
            return self.message.take().map_or_else(String::new, |text| text.0.into_owned());
        }
        let key = self.key.and_then(scalar).unwrap_or_default();
        let value =
            self.value.map_or(Cow::Borrowed(""), |raw| scalar(raw).unwrap_or(Cow::Borrowed(raw.get())));
        [&*key, "=", &*value].concat()
    }
}

/// A record's message: what a line says, and `key=value` of an event. Empty for what is no record.
pub(crate) fn message(record: &str) -> String {
    serde_json::from_str::<Members<'_>>(record)
        .map_or_else(|_| String::new(), |mut members| members.message())
}

/// One record; the error is the reason as the `malformed` counter has it.
pub(super) fn parse(bytes: &[u8], arrived: Nanos, user_key: &UserKey) -> Result<LogRow, &'static str> {
    if bytes.len() > MAX_LINE {
        return Err("too_long");
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "bad_utf8")?.trim();
    let Some(inside) = text.strip_prefix('{') else {
        // serde would read a struct from an array, too.
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        return Err(if is_json { "not_an_object" } else { "not_json" });
    };
    let mut members: Members<'_> = serde_json::from_str(text)
        .map_err(|error| if error.is_data() { "invalid_field" } else { "not_json" })?;
    if inside.trim_start().starts_with('}') {
        return Err("no_content");
    }
    let is_event = members.is_event();
    let timestamp = match members.timestamp.map(|raw| instant(raw.get())) {
        Some(Some(timestamp)) => timestamp,
        // A line with an odd time is still worth reading. An event without its place in the session is not.
        Some(None) if is_event => return Err("bad_timestamp"),
        _ => arrived,
    };
    let session_id = members.session_id.and_then(id);
    let terminal_id = members.terminal_id.and_then(id);
    let user_id = members.user_id.filter(|raw| raw.get() != "null");
    if is_event {
        check_event(&members, session_id.is_some() || terminal_id.is_some() || user_id.is_some())?;
    }
    let user_ref = user_id.map(|raw| user_key.reference(&scalar(raw).unwrap_or(Cow::Borrowed(raw.get()))));
    let line = match (user_id, &user_ref) {
        (Some(raw), Some(reference)) => without_user(text, raw.get(), reference).ok_or("invalid_field")?,
        _ => text.to_owned(),
    };
    let service = match members.component.filter(|_| is_event && members.service.is_none()).and_then(id) {
        Some(component) => component,
        None => members.service.take().map_or_else(String::new, |text| text.0.into_owned()),
    };
    Ok(LogRow {
        timestamp,
        severity: members.severity.take().map_or(Cow::Borrowed("INFO"), |severity| upper(&severity.0)),
        service,
        trace_id: members.trace_id.take().and_then(|id| id.0.parse().ok()),
        span_id: members.span_id.take().and_then(|id| id.0.parse().ok()),
        order_id: members.order_id.take().map(|id| id.0.into_owned()).filter(|id| !id.is_empty()),
        message: members.message(),
        session_id,
        user_ref,
        terminal_id,
        is_event,
        line,
    })
}

fn check_event(members: &Members<'_>, belongs: bool) -> Result<(), &'static str> {
    if members.key.and_then(id).is_none() {
        return Err("no_content");
    }
    // Nothing would ever find it.
    if belongs { Ok(()) } else { Err("no_session") }
}

/// The four that nearly every record has cost no memory of their own.
fn upper(severity: &str) -> Cow<'static, str> {
    const KNOWN: [&str; 4] = ["INFO", "WARN", "ERROR", "DEBUG"];
    let known = KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(severity));
    known.map_or_else(|| Cow::Owned(severity.to_uppercase()), Cow::Borrowed)
}

/// Text, a number or a truth value as text.
fn scalar(raw: &RawValue) -> Option<Cow<'_, str>> {
    match raw.get().as_bytes().first()? {
        b'"' => serde_json::from_str::<Text<'_>>(raw.get()).ok().map(|text| text.0),
        b'{' | b'[' | b'n' => None,
        _ => Some(Cow::Borrowed(raw.get())),
    }
}

/// An id: text or a number, and not empty.
fn id(raw: &RawValue) -> Option<String> {
    scalar(raw).filter(|id| !id.is_empty()).map(Cow::into_owned)
}

/// RFC 3339, or seconds or milliseconds since the Unix epoch.
fn instant(raw: &str) -> Option<Nanos> {
    /// As seconds the year 5138, as milliseconds the year 1973: nobody means either.
    const MILLIS_FROM: f64 = 1e11;
    if let Some(text) = raw.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        let nanos = OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos();
        return Nanos::try_from(nanos).ok();
    }
    if let Ok(whole) = raw.parse::<u64>() {
        let unit = if (whole as f64) < MILLIS_FROM { 1_000_000_000 } else { 1_000_000 };
        return whole.checked_mul(unit);
    }
    let number: f64 = raw.parse().ok().filter(|number: &f64| *number >= 0.0)?;
    let nanos = number * if number < MILLIS_FROM { 1e9 } else { 1e6 };
    (nanos < u64::MAX as f64).then_some(nanos as Nanos)
}

/// The record with `"user_ref"` in place of `"user_id"`, everything else as it was sent. `raw` is the part of `text`
/// that holds the id.
fn without_user(text: &str, raw: &str, reference: &str) -> Option<String> {
    const NAME: &str = "\"user_id\"";
    let value = (raw.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let before = text.get(..value)?.trim_end().strip_suffix(':')?.trim_end();
    // A name that is written with escapes is not worth an effort.
    let before = before.strip_suffix(NAME)?;
    let after = text.get(value + raw.len()..)?;
    let mut line = String::with_capacity(text.len() + reference.len() + 4);
    let _ = write!(line, "{before}\"user_ref\":\"{reference}\"{after}");
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<LogRow, &'static str> {
        let directory = tempfile::tempdir().unwrap();
        parse(text.as_bytes(), 7, &UserKey::of(directory.path()).unwrap())
    }

    #[test]
    fn reads_the_platforms_line() {
        let text = r#"{"timestamp":"2026-11-22T10:11:12.131415Z","severity":"INFO","message":"order confirmed",
            "service":"order-service","trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"00f067aa0ba902b7",
            "order_id":"o-1","duration_ms":12.3,"value":7,"component":[1]}"#;
        let row = read(text).unwrap();
        assert_eq!(row.timestamp, 1_795_342_272_131_415_000);
        assert_eq!((&*row.severity, row.message.as_str()), ("INFO", "order confirmed"));
        assert_eq!(row.trace_id.unwrap().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!((row.order_id.as_deref(), row.session_id, row.is_event), (Some("o-1"), None, false));
        assert_eq!((row.service.as_str(), row.line.as_str()), ("order-service", text));
    }

    #[test]
    fn leaves_empty_what_a_line_does_not_say() {
        let row = read(r#"{"trace_id":"","timestamp":"yesterday","severity":"Notice"}"#).unwrap();
        assert_eq!((row.timestamp, &*row.severity, row.trace_id), (7, "NOTICE", None));
    }

    #[test]
    fn reads_a_session_event() {
        let row = read(
            r#"{"session_id":"s-1","key":"cart\u002eadd","value":"TEA","timestamp":1795342272,"component":"web"}"#,
        )
        .unwrap();
        assert_eq!((row.session_id.as_deref(), row.service.as_str()), (Some("s-1"), "web"));
        assert_eq!((row.message.as_str(), row.timestamp), ("cart.add=TEA", 1_795_342_272_000_000_000));
        assert_eq!(message(&row.line), row.message);
        let value = |value: &str| {
            read(&format!("{{\"key\":\"k\",\"session_id\":4,\"value\":{value}}}")).unwrap().message
        };
        let shown = ["7.50", "true", "null", "\"\"", "[1, 2]", "{\"a\":1}"].map(value);
        assert_eq!(shown, ["k=7.50", "k=true", "k=", "k=", "k=[1, 2]", "k={\"a\":1}"]);
    }

    #[test]
    fn reads_the_three_forms_of_time() {
        let time = |text: &str| {
            read(&format!("{{\"session_id\":\"s\",\"key\":\"k\",\"timestamp\":{text}}}"))
                .map(|row| row.timestamp)
        };
        for text in
            ["\"2026-11-22T10:11:12Z\"", "\"2026-11-22T11:11:12+01:00\"", "1795342272", "1795342272000"]
        {
            assert_eq!(time(text), Ok(1_795_342_272_000_000_000), "{text}");
        }
        assert_eq!(time("1795342272.5"), Ok(1_795_342_272_500_000_000));
        for text in ["\"soon\"", "-1", "1e30", "99999999999999999999", "[]", "true"] {
            assert_eq!(time(text), Err("bad_timestamp"), "{text}");
        }
    }

    #[test]
    fn no_users_id_stays_in_a_record() {
        for (text, rest) in [
            (r#"{"user_id":"c-1042","key":"k"}"#, r#","key":"k"}"#),
            (r#"{"user_id" : "c-1042" ,"message":"m","order_id":"o"}"#, r#" ,"message":"m","order_id":"o"}"#),
        ] {
            let row = read(text).unwrap();
            let reference = row.user_ref.unwrap();
            assert_eq!(row.line, format!("{{\"user_ref\":\"{reference}\"{rest}"));
        }
        assert!(!read(r#"{"user_id":1042,"key":"k"}"#).unwrap().line.contains("1042"));
        assert!(!read(r#"{"user_id":{"id":"c-1042"},"message":"m"}"#).unwrap().line.contains("c-1042"));
        // The name in escapes: refused rather than stored with the id in it.
        assert_eq!(read(r#"{"user\u005fid":"c-1042","key":"k"}"#).unwrap_err(), "invalid_field");
    }

    #[test]
    fn names_the_reason() {
        let directory = tempfile::tempdir().unwrap();
        let key = UserKey::of(directory.path()).unwrap();
        for (line, reason) in [
            (&b"hello"[..], "not_json"),
            (b"{\"message\":", "not_json"),
            (b"[1]", "not_an_object"),
            (b"7", "not_an_object"),
            (b"{ }", "no_content"),
            (b"{\"key\":\"\",\"session_id\":\"s\"}", "no_content"),
            (b"{\"key\":\"k\",\"value\":1}", "no_session"),
            (b"{\"message\":7}", "invalid_field"),
            (b"{\"message\":\"\xff\"}", "bad_utf8"),
            (&vec![b' '; MAX_LINE + 1], "too_long"),
        ] {
            assert_eq!(parse(line, 0, &key).unwrap_err(), reason);
        }
    }
}
