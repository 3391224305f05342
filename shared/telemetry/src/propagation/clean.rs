//! Card numbers and secrets out of context that comes in, so that none goes on to the next service.

use super::baggage::members;
use crate::redact::{is_secret_name, reads_as_card, scrub};
use opentelemetry::trace::{SpanId, TraceId};
use std::borrow::Cow;

/// Ids that read as a card number count as malformed: such a request starts a new trace.
pub(super) fn are_ids(trace: TraceId, span: SpanId) -> bool {
    let (trace, span) = (u128::from_be_bytes(trace.to_bytes()), u64::from_be_bytes(span.to_bytes()));
    !reads_as_card(trace) && !reads_as_card(span.into())
}

pub(super) fn is_clean(text: &str) -> bool {
    matches!(scrub(text), Cow::Borrowed(_))
}

/// Whether a well-formed header of baggage has nothing to hide, as nearly all have.
pub(super) fn may_go_on(header: &[u8]) -> bool {
    // What is percent-encoded may hide a digit.
    let text = std::str::from_utf8(header).unwrap_or_default();
    is_clean(text)
        && !header.contains(&b'%')
        && members(header).all(|(key, _)| !is_secret_name(std::str::from_utf8(key).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use crate::propagation::StoredContext;

    const CARD: &str = "4242424242424242";
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    /// What goes on to the next service.
    fn passed_on(traceparent: &str, tracestate: &str, baggage: &str) -> StoredContext {
        let stored = StoredContext {
            traceparent: traceparent.to_owned(),
            tracestate: Some(tracestate.to_owned()),
            baggage: Some(baggage.to_owned()),
        };
        StoredContext::from(&stored.restore())
    }

    #[test]
    fn clean_context_goes_on_as_it_came() {
        let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let baggage = "session_id=s-7,note=a%20b%2Cc;kept=yes";
        let out = passed_on(&traceparent, "vendor=1,other=00f067aa0ba902b7", baggage);
        assert_eq!(out.traceparent, traceparent);
        assert_eq!(out.tracestate.as_deref(), Some("vendor=1,other=00f067aa0ba902b7"));
        assert_eq!(out.baggage.as_deref(), Some(baggage));
    }

    #[test]
    fn cards_and_secrets_do_not_go_on() {
        let out = passed_on(
            &format!("00-{TRACE}-00f067aa0ba902b7-01"),
            &format!("vendor={CARD},other=2"),
            &format!("session_id=%34242%204242 4242%204242;of={CARD},{CARD}=1,api_key=k,tier=gold"),
        );
        assert_eq!(out.tracestate.as_deref(), Some("other=2"));
        let baggage = out.baggage.as_deref().unwrap();
        assert!(baggage.split(',').count() == 3 && !baggage.contains("4242"), "{baggage}");
        let context = out.restore();
        let [session, key, tier] = context.baggage(["session_id", "api_key", "tier"]);
        assert_eq!(session.as_deref(), Some("[redacted]"));
        assert_eq!(key.as_deref(), Some("[redacted]"));
        assert_eq!(tier.as_deref(), Some("gold"));
    }

    #[test]
    fn ids_that_read_as_a_card_start_a_new_trace() {
        for traceparent in
            [format!("00-{TRACE}-{CARD}-01"), format!("00-0000000000000000{CARD}-00f067aa0ba902b7-01")]
        {
            assert_eq!(passed_on(&traceparent, "", "").traceparent, "", "{traceparent}");
        }
    }
}
