//! Which order, whose, from which session: on every line inside the span that knows, wherever that line is written.

use std::{collections::HashSet, time::Duration};
use telemetry::{
    Telemetry,
    propagation::{StoredContext, ids_of},
    span, task,
    testing::recorder,
};
use tokio::task::JoinSet;
use tracing::{Instrument, Span};

const ORDER: &str = "0193f5c2-0000-7000-8000-000000000009";

/// A span that knows everything, as that of a request does after its first lines of code.
fn knowing(telemetry: &Telemetry) -> (Span, String) {
    let context = StoredContext {
        baggage: Some("session_id=s-42,customer_tier=gold".to_owned()),
        ..StoredContext::default()
    };
    let span = task::continued("tea.order", &context);
    span.in_scope(|| {
        span::order(ORDER);
        span::customer(&telemetry.customer_ref("c-1042"));
    });
    let trace = ids_of(&span).unwrap().trace_id.to_string();
    (span, trace)
}

/// Each of these messages has a line in the trace, and all lines of the trace have all that is known.
fn assert_all_know(telemetry: &Telemetry, trace: &str, messages: &[&str]) {
    let lines = recorder().lines(trace);
    let found: HashSet<_> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert_eq!(found, messages.iter().copied().collect());
    for line in &lines {
        assert_eq!(line["order_id"], ORDER, "{line:?}");
        assert_eq!(line["session_id"], "s-42", "{line:?}");
        assert_eq!(line["customer_tier"], "gold", "{line:?}");
        assert_eq!(line["customer_ref"], telemetry.customer_ref("c-1042").as_str(), "{line:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn across_awaits_children_and_tasks() {
    let telemetry = Telemetry::for_test("tea-service");
    let (order, trace) = knowing(&telemetry);
    async {
        tracing::info!("before");
        // Long enough for another thread to go on with it.
        tokio::time::sleep(Duration::from_millis(2)).await;
        tracing::info!("after");
        let spawned = task::spawn(async {
            tokio::task::yield_now().await;
            tracing::info!("spawned");
            task::spawn(async { tracing::warn!("spawned by what was spawned") }).await.unwrap();
        });
        async { tracing::info!("child") }.instrument(tracing::info_span!("child")).await;
        spawned.await.unwrap();
    }
    .instrument(order)
    .await;
    let messages = ["before", "after", "spawned", "spawned by what was spawned", "child"];
    assert_all_know(&telemetry, &trace, &messages);
}

#[tokio::test]
async fn on_threads_for_blocking_work_and_in_task_sets() {
    let telemetry = Telemetry::for_test("tea-service");
    let (order, trace) = knowing(&telemetry);
    async {
        let here = Span::current();
        tokio::task::spawn_blocking(move || here.in_scope(|| tracing::info!("blocking"))).await.unwrap();
        let mut set = JoinSet::new();
        set.spawn(async { tracing::info!("of a set") }.in_current_span());
        set.join_next().await.unwrap().unwrap();
    }
    .instrument(order)
    .await;
    assert_all_know(&telemetry, &trace, &["blocking", "of a set"]);
}

/// One line says another order, and none after it does.
#[tokio::test]
async fn a_line_may_say_otherwise_for_itself_alone() {
    let telemetry = Telemetry::for_test("tea-service");
    let (order, trace) = knowing(&telemetry);
    order.in_scope(|| {
        tracing::info!(order_id = "another", "of another");
        tracing::info!("of this");
    });
    let lines = recorder().lines(&trace);
    assert_eq!((&lines[0]["order_id"], &lines[1]["order_id"]), (&"another".into(), &ORDER.into()));
}

#[tokio::test]
async fn a_line_with_a_parent_of_its_own_is_of_that_parents_trace() {
    let telemetry = Telemetry::for_test("tea-service");
    let (order, trace) = knowing(&telemetry);
    let other = task::root("tea.other");
    let of_other = other.in_scope(|| {
        tracing::info!(parent: &order, "of the order");
        tracing::info!(parent: None, "of nobody");
        ids_of(&other).unwrap().trace_id.to_string()
    });
    assert_all_know(&telemetry, &trace, &["of the order"]);
    let order_span = ids_of(&order).unwrap().span_id.to_string();
    assert_eq!(recorder().lines(&trace)[0]["span_id"], order_span);
    assert!(recorder().lines(&of_other).is_empty());
}

/// What a worker or a batch does for one order is not said of the next.
#[tokio::test]
async fn orders_do_not_learn_from_one_another() {
    let telemetry = Telemetry::for_test("tea-service");
    let run = task::root("tea.run");
    let ids: Vec<_> = run.in_scope(|| {
        let orders = ["one", "two"].map(|id| {
            let order = task::linked_root("tea.batchOrder");
            order.in_scope(|| {
                span::order(id);
                tracing::info!("taken up");
            });
            ids_of(&order).unwrap().trace_id.to_string()
        });
        tracing::info!("done");
        orders.to_vec()
    });
    assert_eq!(recorder().lines(&ids[0])[0]["order_id"], "one");
    assert_eq!(recorder().lines(&ids[1])[0]["order_id"], "two");
    let of_run = recorder().lines(&ids_of(&run).unwrap().trace_id.to_string());
    assert_eq!((of_run[0]["message"].as_str(), of_run[0].get("order_id")), (Some("done"), None));
    drop(telemetry);
}
