//! Telemetry is never in the way: with its backend dead or stuck, orders go as ever, and what is lost is counted.

use acceptance::{CARD, DECLINED_CARD, EARL_GREY, NOT_IN_STOCK, SERVICES, Settings, Stack};
use std::time::{Duration, Instant};
use testkit::{LogSink, Mood, OtlpSink, eventually};

/// How many [`assert_orders_go_as_ever`] places.
const ORDERS: usize = 30;

/// Every kind of order, as if nothing were the matter.
async fn assert_orders_go_as_ever(stack: &Stack) {
    let mut fastest = Duration::MAX;
    for _ in 0..ORDERS / 3 {
        let begun = Instant::now();
        assert_eq!(stack.place(EARL_GREY, CARD).await.status, 201);
        stack.place(EARL_GREY, DECLINED_CARD).await.assert_problem(402, "card-declined");
        stack.place(NOT_IN_STOCK, CARD).await.assert_problem(409, "out-of-stock");
        fastest = fastest.min(begun.elapsed());
    }
    // Of ten rounds, because a busy machine makes any one slow; telemetry in the way would make all of them.
    assert!(fastest < Duration::from_secs(1), "{fastest:?}");
}

/// Waits until each service has counted spans as lost.
async fn assert_losses_are_counted(stack: &Stack) {
    for (service, command) in SERVICES {
        eventually(&format!("lost spans of {service}"), async || {
            let metrics = stack.metrics(command).await;
            let spans =
                |outcome: &str| metrics.value(&format!("telemetry_spans_total{{outcome=\"{outcome}\"}}"));
            (spans("failed") + spans("dropped_queue_full") > 0.0).then_some(())
        })
        .await;
    }
}

fn impatient() -> Vec<(&'static str, String)> {
    vec![("OTEL_BSP_EXPORT_TIMEOUT", "500".to_owned())]
}

#[tokio::test]
async fn a_dead_observatory_changes_no_order() {
    let mut stack = Stack::start(Settings { env: impatient(), ..Settings::default() }).await;
    let before = stack.place(EARL_GREY, CARD).await;
    stack.spans(before.trace_id(), 15).await;
    stack.kill("observatory");
    assert_orders_go_as_ever(&stack).await;
    assert_losses_are_counted(&stack).await;
    for (_, command) in SERVICES {
        stack.terminate(command);
    }
    for (service, command) in SERVICES {
        let errors = stack.ended(command).await;
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].starts_with(&format!("{service}: telemetry was lost: spans: ")), "{errors:?}");
        if command == "gateway" {
            assert_eq!(spans_told(&errors[0]), 2 * (1 + ORDERS), "to the last one: {errors:?}");
        }
    }
}

/// The sum of the fates in a line such as `…: spans: 2 exported, 0 dropped, 60 failed; log lines: …`.
fn spans_told(line: &str) -> usize {
    let (_, fates) = line.split_once("spans: ").unwrap();
    let (fates, _) = fates.split_once("; ").unwrap();
    let count = |fate: &str| fate.split(' ').next().unwrap().parse::<usize>().unwrap();
    fates.split(", ").map(count).sum()
}

#[tokio::test]
async fn a_stuck_backend_changes_no_order() {
    let (otlp, logs) = (OtlpSink::strict(), LogSink::strict());
    otlp.set(Mood::Hangs);
    logs.set(Mood::Hangs);
    let settings = Settings {
        otlp: Some(otlp.grpc()),
        log_ship: Some(logs.url()),
        env: impatient(),
        ..Settings::default()
    };
    let stack = Stack::start(settings).await;
    assert_orders_go_as_ever(&stack).await;
    assert_losses_are_counted(&stack).await;

    otlp.set(Mood::Takes);
    eventually("spans of an order placed after the backend has come to", async || {
        let answer = stack.place(EARL_GREY, CARD).await;
        let spans = eventually_spans(&otlp, answer.trace_id()).await;
        (spans == 15).then_some(())
    })
    .await;
}

/// How many spans of a trace have arrived after a second, at most.
async fn eventually_spans(otlp: &OtlpSink, trace_id: &str) -> usize {
    let begun = Instant::now();
    eventually("a second", async || {
        let count = otlp.trace(trace_id).len();
        (count == 15 || begun.elapsed() > Duration::from_secs(1)).then_some(count)
    })
    .await
}
