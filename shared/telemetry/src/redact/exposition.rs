//! Label values in an OpenMetrics text, after all labels have been written: whoever makes an instrument chooses its
//! labels, so this is the one place that sees them all.

use super::{REDACTED, is_secret_name, scrub};
use std::borrow::Cow;

/// Takes card numbers and secrets out of label values, exemplars' too. Values of samples and times stay as they are.
pub(crate) fn scrub_labels(text: &str) -> Cow<'_, str> {
    let mut clean = String::new();
    let (mut kept, mut at) = (0, 0);
    while let Some((start, end)) = next_value(text, at) {
        at = end + 1;
        let value = text.get(start..end).unwrap_or_default();
        let name =
            text.get(..start - 2).and_then(|before| before.rsplit(['{', ',']).next()).unwrap_or_default();
        let shown = if is_secret_name(name) { Cow::Borrowed(REDACTED) } else { scrub(value) };
        if shown != value {
            clean.push_str(text.get(kept..start).unwrap_or_default());
            clean.push_str(&shown);
            kept = end;
        }
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    clean.push_str(text.get(kept..).unwrap_or_default());
    Cow::Owned(clean)
}

/// The byte range of the next value, without its quotes. Within it, as within help texts, a backslash stands before each
/// quote.
fn next_value(text: &str, from: usize) -> Option<(usize, usize)> {
    let start = from + text.get(from..)?.find("=\"")? + 2;
    let mut is_escaped = false;
    let end = text.get(start..)?.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })?;
    Some((start, start + end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_scrubbed_and_nothing_else() {
        let text = "# HELP calls says \\\"how many\\\"\n\
            calls_total{host=\"4242424242424242\",path=\"a\\\"4242 4242 4242 4242\\\\\",api_key=\"k\"} 4242424242424242 # \
            {trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"} 1 1763806272.031\n# EOF\n";
        let clean = scrub_labels(text);
        let expected = text
            .replace("\"4242424242424242\"", "\"[redacted]\"")
            .replace("4242 4242 4242 4242", REDACTED)
            .replace("\"k\"", "\"[redacted]\"");
        assert_eq!(clean, expected);
        assert!(clean.contains("} 4242424242424242 # {trace_id=\"4bf9"));
        let plain = "a{b=\"c\"} 1\n# EOF\n";
        assert!(matches!(scrub_labels(plain), Cow::Borrowed(_)));
    }
}
