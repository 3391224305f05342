use std::sync::Arc;

use super::*;
use crate::alerts::{Alerts, Clock, Rules};
use crate::queue::Queue;

fn joiner() -> (Joiner, Metrics) {
    let metrics = Metrics::new(Arc::new(Queue::new(1)), 0, &Alerts::new(&Rules::default(), Clock::default()));
    (Joiner::new(metrics.clone()), metrics)
}

fn event(key: &str, session: Option<&str>, user: Option<&str>, terminal: Option<&str>) -> LogRow {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    LogRow {
        timestamp: 0,
        severity: "INFO".into(),
        service: String::new(),
        message: key.to_owned(),
        trace_id: None,
        span_id: None,
        order_id: None,
        session_id: owned(session),
        user_ref: owned(user),
        terminal_id: owned(terminal),
        is_event: true,
        line: "{}".to_owned(),
    }
}

fn batch(rows: Vec<LogRow>) -> Vec<Batch> {
    vec![Batch { input: Input::Tcp, count: rows.len() as u64, content: Content::Lines(rows) }]
}

/// Messages with the sessions they are stored with.
fn stored(batches: Vec<Batch>) -> Vec<(String, Option<String>)> {
    let mut stored = Vec::new();
    for batch in batches {
        let Content::Lines(rows) = batch.content else { continue };
        assert_eq!(batch.count, rows.len() as u64);
        stored.extend(rows.into_iter().map(|row| (row.message, row.session_id)));
    }
    stored
}

fn of(message: &str, session: Option<&str>) -> (String, Option<String>) {
    (message.to_owned(), session.map(str::to_owned))
}

#[test]
fn an_event_goes_to_the_session_seen_last() {
    let (mut joiner, metrics) = joiner();
    let now = Instant::now();
    let rows = vec![
        event("login", Some("s-1"), Some("u"), Some("t")),
        event("by user", None, Some("u"), None),
        event("by terminal", None, None, Some("t")),
        event("login again", Some("s-2"), Some("u"), None),
        event("by user again", None, Some("u"), None),
    ];
    let expected = [
        of("login", Some("s-1")),
        of("by user", Some("s-1")),
        of("by terminal", Some("s-1")),
        of("login again", Some("s-2")),
        of("by user again", Some("s-2")),
    ];
    assert_eq!(stored(joiner.join(batch(rows), now)), expected);
    assert_eq!(metrics.joins(), [3, 0, 0]);
    assert_eq!(joiner.deadline(), None);
}

#[test]
fn a_session_named_a_moment_later_is_found_and_one_named_too_late_is_not() {
    let (mut joiner, metrics) = joiner();
    let now = Instant::now();
    let waiting = vec![event("early", None, Some("u"), None), event("other", None, None, Some("t"))];
    assert_eq!(stored(joiner.join(batch(waiting), now)), []);
    let named = joiner.join(batch(vec![event("login", Some("s-1"), Some("u"), None)]), now + LATE / 2);
    assert_eq!(stored(named), [of("early", Some("s-1")), of("login", Some("s-1"))]);
    assert_eq!(stored(joiner.join(Vec::new(), now + LATE)), [of("other", None)]);
    assert_eq!((metrics.joins(), joiner.waiting_bytes), ([0, 1, 1], 0));
    assert_eq!(joiner.deadline(), None);
}

#[test]
fn silence_ends_a_session_and_events_keep_it_up() {
    let (mut joiner, _) = joiner();
    let now = Instant::now();
    joiner.join(batch(vec![event("login", Some("s-1"), Some("u"), None)]), now);
    let mut at = |minutes: u64| {
        let when = now + Duration::from_secs(minutes * 60);
        stored(joiner.join(batch(vec![event("later", None, Some("u"), None)]), when))
    };
    assert_eq!(at(20), [of("later", Some("s-1"))]);
    assert_eq!(at(49), [of("later", Some("s-1"))]);
    assert_eq!(at(80), []);
}

#[test]
fn made_up_ids_cost_no_memory() {
    let (mut joiner, metrics) = joiner();
    let now = Instant::now();
    for number in 0..200_000 {
        let id = format!("u-{number}");
        let rows = vec![event("", None, Some(&id), None), event("", Some("s"), None, Some(&id))];
        joiner.join(batch(rows), now);
    }
    assert!(joiner.waiting_bytes <= WAITING_BYTES && joiner.deadlines.len() <= WAITING);
    assert!(joiner.sessions.iter().count() <= 2 * KNOWN);
    let waiting = joiner.deadlines.len();
    assert_eq!(stored(joiner.rest()).len(), waiting);
    assert_eq!(metrics.joins(), [0, 0, 200_000]);
    let known = joiner.sessions.iter().count();
    let long = "x".repeat(LONGEST_ID + 1);
    joiner.join(batch(vec![event("long", Some(&long), Some("of a long session"), None)]), now);
    assert_eq!(joiner.sessions.iter().count(), known);
}

#[test]
fn lines_do_not_wait() {
    let (mut joiner, metrics) = joiner();
    let line = LogRow { is_event: false, ..event("line", None, Some("u"), None) };
    assert_eq!(stored(joiner.join(batch(vec![line]), Instant::now())), [of("line", None)]);
    assert_eq!(metrics.joins(), [0, 0, 0]);
}
