//! Every signal of an order leads to the next.

use acceptance::{
    Answered, Backends, CARD, CONFIRMED_LINES, CONFIRMED_TREE, DECLINED_CARD, DECLINED_LINES, DECLINED_TREE,
    EARL_GREY, Need, SLOW, spans_in,
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use telemetry::testing::{SpanRecord, assert_tree};
use testkit::Line;

#[tokio::test]
async fn a_slow_order_is_kept_whole() {
    let backends = Backends::at_hand().await;
    if !backends.have(&[Need::Traces, Need::Lines]) {
        return;
    }
    let answer = backends.place_slowly(EARL_GREY, CARD).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let spans = backends.spans(answer.trace_id(), spans_in(CONFIRMED_TREE)).await;
    assert_tree(&spans, CONFIRMED_TREE);
    let root = spans.iter().find(|span| span.parent_span_id.is_none()).unwrap();
    assert!(root.end.duration_since(root.start).unwrap() > SLOW, "{root:?}");
    assert!(spans.iter().all(|span| span.error.is_none()), "{spans:#?}");
    assert_systems(&spans);
    assert_lines(&backends, &answer, &spans, &CONFIRMED_LINES).await;
}

#[tokio::test]
async fn a_declined_order_is_kept_whole() {
    let backends = Backends::at_hand().await;
    if !backends.have(&[Need::Traces, Need::Lines]) {
        return;
    }
    let answer = backends.place(EARL_GREY, DECLINED_CARD).await;
    answer.assert_problem(402, "card-declined");
    let spans = backends.spans(answer.trace_id(), spans_in(DECLINED_TREE)).await;
    assert_tree(&spans, DECLINED_TREE);
    let charge = spans.iter().find(|span| span.name == "payment.charge").unwrap();
    assert_eq!(charge.error.as_deref(), Some("the card was declined"));
    assert_eq!(charge.attributes["error.type"], "card_declined");
    assert_eq!(charge.events[0].0, "PaymentFailed");
    assert_systems(&spans);
    assert_lines(&backends, &answer, &spans, &DECLINED_LINES).await;
}

/// From a metric to an order: the way that a person takes who looks for what went wrong.
#[tokio::test]
async fn an_exemplar_leads_to_its_trace_its_lines_and_its_order() {
    let backends = Backends::at_hand().await;
    if !backends.have(&[Need::Exemplars, Need::Traces, Need::Lines]) {
        return;
    }
    // A bucket has one exemplar: another test's order may take its place before anybody has read it.
    let mut placed = BTreeSet::new();
    let trace_id = backends
        .until("an exemplar of an order placed here", async || {
            let answer = backends.place(EARL_GREY, DECLINED_CARD).await;
            placed.insert(answer.trace_id().to_owned());
            let exemplars = backends.exemplars("order_processing_duration_seconds", "declined").await;
            exemplars.into_iter().find(|trace_id| placed.contains(trace_id))
        })
        .await;
    let spans = backends.spans(&trace_id, spans_in(DECLINED_TREE)).await;
    let created = spans.iter().find(|span| span.name == "order.create").unwrap();
    let lines = backends.lines(&trace_id, DECLINED_LINES.len()).await;
    assert!(lines.iter().all(|line| line["order_id"] == created.attributes["order.id"]), "{lines:#?}");
    let order = backends.order(created.attributes["order.id"].as_str().unwrap()).await;
    assert_eq!((order.status, &order.body["status"]), (200, &json!("declined")), "{}", order.body);
}

/// A trace may be dropped for being like all others; its log lines are not.
#[tokio::test]
async fn lines_of_every_order_are_documents() {
    let backends = Backends::at_hand().await;
    if !backends.have(&[Need::Elasticsearch]) {
        return;
    }
    let placed = join_all((0..20).map(|_| backends.place(EARL_GREY, CARD))).await;
    for answer in placed {
        let lines = backends.lines(answer.trace_id(), CONFIRMED_LINES.len()).await;
        assert_eq!(lines.len(), CONFIRMED_LINES.len(), "{lines:#?}");
        let by_trace = messages(&backends, &format!("trace.id:{}", answer.trace_id())).await;
        let order = format!("order.id:\"{}\" AND log.level:INFO", answer.order_id());
        assert_eq!(by_trace.len(), CONFIRMED_LINES.len());
        assert_eq!(messages(&backends, &format!("trace_id:{}", answer.trace_id())).await, by_trace);
        assert_eq!(messages(&backends, &order).await, by_trace);
        let timed = format!("{order} AND service.name:order-service AND event.duration:>10000");
        assert_eq!(messages(&backends, &timed).await, BTreeSet::from(["order confirmed".to_owned()]));
    }
}

/// What the documents say that a query finds, those of the audit log left out.
async fn messages(backends: &Backends, query: &str) -> BTreeSet<String> {
    let documents = backends.documents(&format!("({query}) AND NOT waybill.stream:audit")).await;
    documents.iter().map(|document| document["message"].as_str().unwrap().to_owned()).collect()
}

/// What differs from stack to stack is the same within one.
fn assert_systems(spans: &[SpanRecord]) {
    for (attribute, known) in
        [("db.system.name", ["sqlite", "postgresql"]), ("messaging.system", ["http", "nats"])]
    {
        let values: BTreeSet<_> =
            spans.iter().filter_map(|span| span.attributes.get(attribute)?.as_str()).collect();
        assert!(values.len() <= 1, "{attribute}: {values:?}");
        assert!(values.iter().all(|value| known.contains(value)), "{attribute}: {values:?}");
    }
    for span in spans.iter().filter(|span| span.kind == "SERVER") {
        let stream = format!("logs-waybill.{}-default", span.service);
        assert_eq!(span.attributes["log.index"], stream, "where its lines are to be found");
    }
}

/// Panics unless there are exactly these lines of the order's trace, and each is whole and of one of its spans.
async fn assert_lines(
    backends: &Backends,
    answer: &Answered,
    spans: &[SpanRecord],
    expected: &[(&str, &str)],
) {
    let lines = backends.lines(answer.trace_id(), expected.len()).await;
    let mut said: Vec<_> = lines.iter().map(|line| (text(line, "service"), text(line, "message"))).collect();
    said.sort_unstable();
    assert_eq!(said, expected);
    for line in &lines {
        let failed = text(line, "message") == "the card was declined";
        assert_eq!(text(line, "severity"), if failed { "ERROR" } else { "INFO" });
        assert_eq!(text(line, "order_id"), answer.order_id());
        assert!(text(line, "target").contains("::"), "{line:?}");
        assert!(text(line, "timestamp").ends_with('Z') && !text(line, "version").is_empty(), "{line:?}");
        let span = spans.iter().find(|span| span.span_id == text(line, "span_id"));
        assert_eq!(span.map(|span| span.service.as_str()), Some(text(line, "service")), "{line:?}");
    }
    let of_order = lines.iter().find(|line| line["service"] == "order-service").unwrap();
    assert!(of_order["duration_ms"].is_number() && of_order["customer_ref"].is_string(), "{of_order:?}");
}

fn text<'a>(line: &'a Line, name: &str) -> &'a str {
    line.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("no {name} in {line:?}"))
}
