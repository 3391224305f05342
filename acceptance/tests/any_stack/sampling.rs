//! Tail sampling keeps every error and a share of the rest, each trace whole or not at all.

use acceptance::{
    Answered, Backends, CARD, CONFIRMED_TREE, DECLINED_CARD, DECLINED_TREE, EARL_GREY, Need, SLOW, spans_in,
};
use futures_util::{StreamExt, stream};
use telemetry::testing::{SpanRecord, render};

const ORDERS: usize = 600;
/// Every so many-th order is declined.
const DECLINED: usize = 10;
const AT_ONCE: usize = 8;
/// How many standard deviations the share may be off: once in a hundred thousand runs it is more.
const DEVIATIONS: f64 = 4.5;

#[tokio::test]
async fn every_error_is_kept_and_a_share_of_the_rest() {
    let backends = Backends::at_hand().await;
    if !backends.have(&[Need::Traces, Need::TailSampling]) {
        return;
    }
    let keep: f64 = backends.url("KEEP_PERCENT").parse().expect("a percentage");
    let orders = stream::iter(0..ORDERS).map(|number| place(&backends, number % DECLINED == 0));
    let answers: Vec<Answered> = orders.buffered(AT_ONCE).collect().await;
    let (declined, good): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 402);
    assert_eq!(declined.len(), ORDERS / DECLINED);
    for answer in declined {
        backends.spans(answer.trace_id(), spans_in(DECLINED_TREE)).await;
    }
    // All are decided when the last that is sure to be kept is there.
    let last = backends.place(EARL_GREY, DECLINED_CARD).await;
    backends.spans(last.trace_id(), spans_in(DECLINED_TREE)).await;

    let mut kept = Vec::new();
    for answer in &good {
        assert_eq!(answer.status, 201, "{}", answer.body);
        // Not all spans of a trace arrive at once.
        let whole_or_none = async || {
            let spans = backends.trace(answer.trace_id()).await;
            (spans.is_empty() || spans.len() == spans_in(CONFIRMED_TREE)).then_some(spans)
        };
        kept.push(backends.until(&format!("all or nothing of {}", answer.trace_id()), whole_or_none).await);
    }
    kept.retain(|spans| !spans.is_empty());
    let slow = kept.iter().filter(|spans| is_slow(spans)).count();
    let (tried, kept) = ((good.len() - slow) as f64, (kept.len() - slow) as f64);
    let share = keep / 100.0;
    let tolerance = DEVIATIONS * (tried * share * (1.0 - share)).sqrt();
    assert!(
        (kept - tried * share).abs() <= tolerance,
        "{kept} of {tried} kept, not {keep} % ± {tolerance}; and {slow} slow ones"
    );
}

async fn place(backends: &Backends, declined: bool) -> Answered {
    backends.place(EARL_GREY, if declined { DECLINED_CARD } else { CARD }).await
}

/// A trace that was kept for being slow says nothing of the share.
fn is_slow(spans: &[SpanRecord]) -> bool {
    let start = spans.iter().map(|span| span.start).min().expect("a span");
    let end = spans.iter().map(|span| span.end).max().expect("a span");
    end.duration_since(start).unwrap_or_else(|_| panic!("{}", render(spans))) > SLOW
}
