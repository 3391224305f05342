//! JSON lines: the contract's log lines, read leniently. A line needs to be a JSON object; what it does not
//! say is left empty, and what it says beyond the known fields is kept.

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Batch, Content, Input, Intake, LogRow, Refused, Signal};
use crate::model::Nanos;

/// The longest line that is taken, without its line end.
pub(super) const MAX_LINE: usize = 64 * 1024;

/// The fields that are searched by.
#[derive(Deserialize)]
struct Line {
    timestamp: Option<String>,
    severity: Option<String>,
    service: Option<String>,
    message: Option<String>,
    trace_id: Option<String>,
    span_id: Option<String>,
    order_id: Option<String>,
    session_id: Option<String>,
}

/// One line; the error is the reason as the `malformed` counter has it.
pub(super) fn parse(bytes: &[u8], arrived: Nanos) -> Result<LogRow, &'static str> {
    if bytes.len() > MAX_LINE {
        return Err("too_long");
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "not_utf8")?.trim();
    if !text.starts_with('{') {
        // serde would read a struct from an array, too.
        return Err(if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
            "not_object"
        } else {
            "not_json"
        });
    }
    let line: Line = serde_json::from_str(text)
        .map_err(|error| if error.is_data() { "invalid_field" } else { "not_json" })?;
    Ok(LogRow {
        timestamp: line.timestamp.as_deref().and_then(timestamp).unwrap_or(arrived),
        severity: line.severity.map_or_else(|| "INFO".to_owned(), |severity| severity.to_uppercase()),
        service: line.service.unwrap_or_default(),
        message: line.message.unwrap_or_default(),
        trace_id: line.trace_id.and_then(|id| id.parse().ok()),
        span_id: line.span_id.and_then(|id| id.parse().ok()),
        order_id: line.order_id.filter(|id| !id.is_empty()),
        session_id: line.session_id.filter(|id| !id.is_empty()),
        line: text.to_owned(),
    })
}

fn timestamp(text: &str) -> Option<Nanos> {
    Nanos::try_from(OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos()).ok()
}

/// Lines gathered to be offered together.
#[derive(Debug)]
pub(super) struct Gathered {
    input: Input,
    rows: Vec<LogRow>,
    weight: usize,
}

impl Gathered {
    pub(super) fn new(input: Input) -> Self {
        Self { input, rows: Vec::new(), weight: 0 }
    }

    /// Counts the line, and keeps it unless it is malformed; empty lines are nothing at all.
    pub(super) fn add(&mut self, intake: &Intake, line: &[u8], arrived: Nanos) -> Result<(), &'static str> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        intake.metrics.received(self.input, Signal::Logs, 1);
        match parse(line, arrived) {
            Ok(row) => {
                // In memory: the row, the line, and the fields copied out of it.
                self.weight += size_of::<LogRow>() + 2 * line.len();
                self.rows.push(row);
                Ok(())
            }
            Err(reason) => {
                intake.metrics.malformed(self.input, Signal::Logs, reason, 1);
                Err(reason)
            }
        }
    }

    pub(super) const fn weight(&self) -> usize {
        self.weight
    }

    pub(super) const fn count(&self) -> usize {
        self.rows.len()
    }

    fn take(&mut self) -> (Batch, usize) {
        let rows = std::mem::take(&mut self.rows);
        let batch = Batch { input: self.input, count: rows.len() as u64, content: Content::Lines(rows) };
        (batch, std::mem::take(&mut self.weight))
    }

    /// Offers what was gathered and starts anew.
    pub(super) fn offer(&mut self, intake: &Intake) -> Result<(), Refused> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let (batch, weight) = self.take();
        intake.offer(batch, weight)
    }

    /// As `offer`, waiting for room for a while.
    pub(super) async fn offer_within(
        &mut self,
        intake: &Intake,
        patience: std::time::Duration,
    ) -> Result<(), Refused> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let (batch, weight) = self.take();
        intake.offer_within(batch, weight, patience).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_contracts_line() {
        let text = r#"{"timestamp":"2026-11-22T10:11:12.131415Z","severity":"INFO","message":"order confirmed",
            "service":"order-service","trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"00f067aa0ba902b7",
            "order_id":"o-1","duration_ms":12.3}"#;
        let row = parse(text.as_bytes(), 0).unwrap();
        assert_eq!(row.timestamp, 1_795_342_272_131_415_000);
        assert_eq!((row.severity.as_str(), row.message.as_str()), ("INFO", "order confirmed"));
        assert_eq!(row.trace_id.unwrap().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!((row.order_id.as_deref(), row.session_id), (Some("o-1"), None));
    }

    #[test]
    fn leaves_empty_what_a_line_does_not_say() {
        let row = parse(br#"{"trace_id":"","timestamp":"yesterday"}"#, 7).unwrap();
        assert_eq!((row.timestamp, row.severity.as_str(), row.trace_id), (7, "INFO", None));
    }

    #[test]
    fn names_the_reason() {
        for (line, reason) in [
            (&b"hello"[..], "not_json"),
            (b"{\"message\":", "not_json"),
            (b"[1]", "not_object"),
            (b"7", "not_object"),
            (b"{\"message\":7}", "invalid_field"),
            (b"{\"message\":\"\xff\"}", "not_utf8"),
            (&vec![b' '; MAX_LINE + 1], "too_long"),
        ] {
            assert_eq!(parse(line, 0).unwrap_err(), reason);
        }
    }
}
