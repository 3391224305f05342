//! Tables of names and values, as telemetry sent them.

use maud::{Markup, html};
use serde_json::Value as Json;

use super::format::{cut, encode};
use super::layout::{order_url, trace_url};
use super::params::is_order_id;
use crate::model::{TraceId, Value};

/// Longer values open on demand.
const FOLD_AT: usize = 240;
/// Nothing longer is worth sending to a browser; the JSON API has it whole.
const CUT_AT: usize = 16_384;

/// Attributes of a span, an event, a link or a resource.
pub(super) fn attributes(pairs: &[(String, Value)]) -> Markup {
    table(pairs.iter().map(|(key, value)| (key.as_str(), value.to_string())))
}

/// The fields of a log line.
pub(super) fn json<'a>(fields: impl Iterator<Item = (&'a String, &'a Json)>) -> Markup {
    table(fields.map(|(key, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (key.as_str(), text)
    }))
}

/// Attributes on one line, for events.
pub(super) fn inline(pairs: &[(String, Value)]) -> Markup {
    html! {
        @for (key, value) in pairs {
            @let text = value.to_string();
            @let (shown, more) = cut(&text, FOLD_AT);
            span.pair { span.key { (key) } "=" (shown) @if more { "…" } }
        }
    }
}

fn table<'a>(pairs: impl Iterator<Item = (&'a str, String)>) -> Markup {
    html! {
        table.fields {
            tbody {
                @for (key, text) in pairs {
                    tr { th scope="row" { (key) } td { (value(key, &text)) } }
                }
            }
        }
    }
}

fn value(key: &str, text: &str) -> Markup {
    if let Some(url) = page_of(key, text) {
        return html! { a href=(url) { (text) } };
    }
    let (head, folded) = cut(text, FOLD_AT);
    let (whole, shortened) = cut(text, CUT_AT);
    html! {
        @if folded {
            details.long {
                summary { (head) "…" }
                pre { (whole) @if shortened { "…" } }
            }
        } @else {
            (text)
        }
    }
}

/// The page of what a field names, if it names something with a page.
fn page_of(key: &str, text: &str) -> Option<String> {
    match key {
        "order.id" | "order_id" => is_order_id(text).then(|| order_url(text)),
        "trace_id" | "trace.id" => text.parse::<TraceId>().ok().map(trace_url),
        "session.id" | "session_id" => Some(format!("/logs?session_id={}", encode(text))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_folded_and_linked() {
        let long = "x".repeat(20_000);
        let pairs = [
            ("plain".to_owned(), Value::Str("<b>".to_owned())),
            ("long".to_owned(), Value::Str(long)),
            ("order.id".to_owned(), Value::Str("o-1".to_owned())),
            ("order_id".to_owned(), Value::Str("\"><script>".to_owned())),
        ];
        let html = attributes(&pairs).into_string();
        assert!(html.contains("&lt;b&gt;") && !html.contains("<script>"), "{html}");
        assert!(html.contains("<details class=\"long\">") && html.len() < 20_000, "{}", html.len());
        assert!(html.contains("href=\"/order/o-1\""), "{html}");
    }
}
