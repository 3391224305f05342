//! Work apart from its request: in the same trace, or in one of its own with a link.

use crate::app::Service;
use telemetry::{
    Telemetry,
    propagation::{StoredContext, ids_of},
    span, task,
    testing::recorder,
};
use tracing::Instrument;

const BAGGAGE: &str = "session_id=s-9,customer_tier=gold";

/// A trace of its own, so that tests don't see one another's spans.
fn stored(trace_id: &str) -> StoredContext {
    StoredContext {
        traceparent: format!("00-{trace_id}-00f067aa0ba902b7-01"),
        tracestate: None,
        baggage: Some(BAGGAGE.to_owned()),
    }
}

#[tokio::test]
async fn a_worker_continues_a_stored_trace_and_is_linked_to_its_run() {
    let _telemetry = Telemetry::for_test("tea-service");
    let trace = "aaaa000000000000000000000000aa01";
    let run = task::root("tea.resume");
    let run_ids = ids_of(&run).unwrap();
    async {
        let order = task::continued("tea.resumeOrder", &stored(trace));
        async {
            span::order("0193f5c2-0000-7000-8000-000000000002");
            tracing::info!("taken up");
        }
        .instrument(order)
        .await;
    }
    .instrument(run)
    .await;
    let continued = recorder().wait_for_spans(trace, 1).await.remove(0);
    assert_eq!((continued.name.as_str(), continued.kind.as_str()), ("tea.resumeOrder", "INTERNAL"));
    assert_eq!(continued.parent_span_id.as_deref(), Some("00f067aa0ba902b7"));
    assert_eq!(continued.links, [(run_ids.trace_id.to_string(), run_ids.span_id.to_string())]);
    assert_eq!(continued.attributes["session.id"], "s-9");
    let line = recorder().lines(trace).remove(0);
    assert_eq!((&line["customer_tier"], &line["message"]), (&"gold".into(), &"taken up".into()));
    let root = recorder().wait_for_spans(&run_ids.trace_id.to_string(), 1).await.remove(0);
    assert_eq!((root.parent_span_id, root.links), (None, Vec::new()));
}

#[tokio::test]
async fn within_its_own_trace_nothing_is_linked() {
    let _telemetry = Telemetry::for_test("tea-service");
    let trace = "aaaa000000000000000000000000aa02";
    drop(task::continued("tea.process", &stored(trace)).entered());
    assert_eq!(recorder().wait_for_spans(trace, 1).await.remove(0).links, []);
}

#[tokio::test]
async fn each_of_a_batch_has_its_own_trace_and_the_batchs_baggage() {
    let service = Service::start().await;
    let batch = task::continued("tea.batch", &stored("aaaa000000000000000000000000aa03"));
    let batch_ids = ids_of(&batch).unwrap();
    let one = async { task::linked_root("tea.batchOrder") }.instrument(batch).await;
    let ids = ids_of(&one).unwrap();
    drop(one.entered());
    assert_ne!(ids.trace_id, batch_ids.trace_id);
    let root = recorder().wait_for_spans(&ids.trace_id.to_string(), 1).await.remove(0);
    assert_eq!(root.parent_span_id, None);
    assert_eq!(root.links, [(batch_ids.trace_id.to_string(), batch_ids.span_id.to_string())]);
    assert_eq!(root.attributes["session.id"], "s-9");
    drop(service);
}
