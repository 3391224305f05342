//! Trace context and baggage from outside.

use acceptance::{CARD, EARL_GREY, SERVICES, Stack};
use std::collections::BTreeSet;

#[tokio::test]
async fn baggage_is_on_spans_and_lines_of_every_service() {
    let stack = Stack::shared().await;
    let baggage = [("baggage", "session_id=s%2042,customer_tier=silver;ttl=1,other=x")];
    let answer = stack.place_with(EARL_GREY, CARD, &baggage).await;
    let spans = stack.spans(answer.trace_id(), 15).await;
    let mut services = BTreeSet::new();
    for span in spans.iter().filter(|span| span.kind != "CLIENT") {
        assert_eq!(span.attributes["session.id"], "s 42", "{}", span.name);
        assert_eq!(span.attributes["customer.tier"], "silver", "{}", span.name);
        services.insert(span.service.as_str());
    }
    assert_eq!(services, SERVICES.map(|(service, _)| service).into());

    let lines = stack.lines(&format!("trace_id={}", answer.trace_id()), 5).await;
    for line in &lines {
        assert_eq!((&line["session_id"], &line["customer_tier"]), (&"s 42".into(), &"silver".into()));
    }
    let by_session = stack.lines("session_id=s%2042", 5).await;
    assert_eq!(by_session.len(), lines.len());
}

#[tokio::test]
async fn a_remote_parent_is_honoured() {
    let stack = Stack::shared().await;
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let traceparent = format!("00-{trace_id}-00f067aa0ba902b7-01");
    let answer = stack.place_with(EARL_GREY, CARD, &[("traceparent", &traceparent)]).await;
    assert_eq!((answer.status, answer.trace_id()), (201, trace_id));
    let spans = stack.spans(trace_id, 15).await;
    let root = spans.iter().find(|span| span.name == "gateway.createOrder").unwrap();
    assert_eq!(root.parent_span_id.as_deref(), Some("00f067aa0ba902b7"));
}

#[tokio::test]
async fn malformed_context_starts_a_new_trace_and_fails_nothing() {
    let stack = Stack::shared().await;
    for traceparent in [
        "",
        "nonsense",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01",
    ] {
        let headers = [("traceparent", traceparent), ("tracestate", "=,=;"), ("baggage", "=;=,%zz,,")];
        let answer = stack.place_with(EARL_GREY, CARD, &headers).await;
        assert_eq!(answer.status, 201, "{traceparent}: {}", answer.body);
        assert_ne!(answer.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736", "{traceparent}");
        let spans = stack.spans(answer.trace_id(), 15).await;
        assert_eq!(spans.iter().filter(|span| span.parent_span_id.is_none()).count(), 1, "{traceparent}");
    }
}

#[tokio::test]
async fn an_unsampled_parent_leaves_lines_and_no_spans() {
    let stack = Stack::shared().await;
    let trace_id = "5cf92f3577b34da6a3ce929d0e0e4736";
    let traceparent = format!("00-{trace_id}-00f067aa0ba902b7-00");
    let answer = stack.place_with(EARL_GREY, CARD, &[("traceparent", &traceparent)]).await;
    assert_eq!((answer.status, answer.trace_id()), (201, trace_id));
    let lines = stack.lines(&format!("trace_id={trace_id}"), 5).await;
    assert!(lines.iter().all(|line| line["trace_flags"] == "00"), "{lines:#?}");
    // A later order has arrived: so would this one's spans have.
    let later = stack.place(EARL_GREY, CARD).await;
    stack.spans(later.trace_id(), 15).await;
    assert_eq!(stack.get("observatory", &format!("/api/traces/{trace_id}")).await.status, 404);
}
