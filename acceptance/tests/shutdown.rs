//! A stop under load loses nothing that was answered.

use acceptance::{Answered, CARD, EARL_GREY, SERVICES, Settings, Stack, new_order};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};
use testkit::{LogSink, OtlpSink, eventually};
use tokio::task::JoinSet;

/// Trace ids of the orders that were answered with success.
type Confirmed = Arc<Mutex<Vec<String>>>;

/// Places orders from four clients at once until the gateway is gone.
fn load(stack: &Stack) -> (JoinSet<()>, Confirmed) {
    let confirmed = Confirmed::default();
    let mut clients = JoinSet::new();
    let url = format!("{}/api/orders", stack.url("gateway"));
    for _ in 0..4 {
        let (client, url, confirmed) = (stack.client(), url.clone(), confirmed.clone());
        clients.spawn(async move {
            while let Ok(answer) = client.post(&url).json(&new_order(EARL_GREY, CARD)).send().await {
                if answer.status() == 201 {
                    let trace_id = answer.headers()["x-trace-id"].to_str().unwrap().to_owned();
                    confirmed.lock().unwrap().push(trace_id);
                }
            }
        });
    }
    (clients, confirmed)
}

async fn under_load(stack: &Stack) -> (JoinSet<()>, Confirmed) {
    let (clients, confirmed) = load(stack);
    eventually("forty orders", async || (confirmed.lock().unwrap().len() >= 40).then_some(())).await;
    (clients, confirmed)
}

#[tokio::test]
async fn every_span_and_line_of_every_answered_order_arrives() {
    let (otlp, logs) = (OtlpSink::start(), LogSink::start());
    let settings = Settings { otlp: Some(otlp.grpc()), log_ship: Some(logs.url()), ..Settings::default() };
    let mut stack = Stack::start(settings).await;
    let (clients, confirmed) = under_load(&stack).await;
    // Callers before those they call, so that what is in flight can be finished.
    for (_, command) in SERVICES {
        stack.terminate(command);
        assert_eq!(stack.ended(command).await, [""; 0], "{command} has lost nothing");
    }
    clients.join_all().await;

    let confirmed = confirmed.lock().unwrap().clone();
    for trace_id in &confirmed {
        assert_eq!(otlp.trace(trace_id).len(), 15, "of {trace_id}");
    }
    let spans = otlp.spans();
    let ids: HashSet<_> = spans.iter().map(|span| &span.span_id).collect();
    assert_eq!(ids.len(), spans.len(), "each span arrives once");
    let mut lines = logs.lines();
    // Entries of the audit log come besides.
    lines.retain(|line| line.get("stream").is_none());
    for trace_id in &confirmed {
        let of_trace = lines.iter().filter(|line| line.get("trace_id").is_some_and(|id| id == trace_id));
        assert_eq!(of_trace.count(), 5, "lines of {trace_id}");
    }
}

#[tokio::test]
async fn all_can_be_stopped_at_once() {
    let otlp = OtlpSink::start();
    let logs = LogSink::start();
    let settings = Settings { otlp: Some(otlp.grpc()), log_ship: Some(logs.url()), ..Settings::default() };
    let mut stack = Stack::start(settings).await;
    let (clients, confirmed) = under_load(&stack).await;
    for (_, command) in SERVICES {
        stack.terminate(command);
    }
    for (_, command) in SERVICES {
        assert_eq!(stack.ended(command).await, [""; 0], "{command} has lost nothing");
    }
    clients.join_all().await;
    for trace_id in confirmed.lock().unwrap().iter() {
        let servers = otlp.trace(trace_id).iter().filter(|span| span.kind == "SERVER").count();
        assert_eq!(servers, 4, "of {trace_id}");
    }
}

#[tokio::test]
async fn orders_outlive_their_processes() {
    let stack = Stack::shared().await;
    let placed = stack.place(EARL_GREY, CARD).await;
    let again = stack.get("gateway", placed.header("location")).await;
    assert_eq!((again.status, &again.body), (200, &placed.body));
    let behind =
        Answered::to(stack.client().get(format!("{}/orders/{}", stack.url("order"), placed.order_id())))
            .await;
    assert_eq!(behind.body, placed.body);
}
