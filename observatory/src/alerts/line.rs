//! What the rules look at in a line.

use std::borrow::Cow;

use serde::Deserialize;

use crate::ingest::LogRow;

/// The target of the line with which the order service says how an order ended, and how long it took.
const ORDER_END: &str = "order::place";
/// How its message begins. Only such lines are read for their target.
const ORDER: &str = "order ";

/// A line as the rules see it.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) service: &'a str,
    pub(super) severity: &'a str,
    pub(super) message: &'a str,
    pub(super) is_error: bool,
    /// Of the line that ends an order: milliseconds from its beginning.
    pub(super) order_ms: Option<f64>,
}

#[derive(Deserialize)]
struct OrderEnd<'a> {
    #[serde(borrow)]
    target: Cow<'a, str>,
    duration_ms: f64,
}

impl<'a> Line<'a> {
    pub(super) fn of(row: &'a LogRow) -> Self {
        Self {
            service: &row.service,
            severity: &row.severity,
            message: &row.message,
            is_error: matches!(&*row.severity, "ERROR" | "FATAL" | "CRITICAL"),
            order_ms: if row.message.starts_with(ORDER) { order_ms(&row.line) } else { None },
        }
    }
}

fn order_ms(line: &str) -> Option<f64> {
    let end: OrderEnd<'_> = serde_json::from_str(line).ok()?;
    (end.target == ORDER_END).then_some(end.duration_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_ends_an_order_says_how_long_it_took() {
        let took = |line: &str| order_ms(line);
        assert_eq!(
            took(r#"{"message":"order confirmed","target":"order::place","duration_ms":12.5}"#),
            Some(12.5)
        );
        assert_eq!(took(r#"{"message":"order cancelled","target":"order::place"}"#), None);
        assert_eq!(took(r#"{"message":"order confirmed","target":"http","duration_ms":12.5}"#), None);
        assert_eq!(took(r#"{"target":7,"duration_ms":"long"}"#), None);
    }
}
