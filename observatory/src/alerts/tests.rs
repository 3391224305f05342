//! Rules at work: from lines to states, and what they cost.

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::ingest::{Input, LogRow};
use crate::model::TraceId;

const SECOND: Nanos = 1_000_000_000;
const START: Nanos = 1_795_342_272 * SECOND;

fn row(time: Nanos, service: &str, severity: &'static str, message: &str) -> LogRow {
    LogRow {
        timestamp: time,
        severity: Cow::Borrowed(severity),
        service: service.to_owned(),
        message: message.to_owned(),
        trace_id: Some(TraceId([7; 16])),
        span_id: None,
        order_id: None,
        session_id: None,
        user_ref: None,
        terminal_id: None,
        is_event: false,
        line: r#"{"target":"order::place","duration_ms":1500}"#.to_owned(),
    }
}

fn batch(rows: Vec<LogRow>) -> [Batch; 1] {
    [Batch { input: Input::Tcp, count: rows.len() as u64, content: Content::Lines(rows) }]
}

fn built_in() -> (Alerts, Clock) {
    let clock = Clock::at(START);
    (Alerts::new(&Rules::default(), clock.clone()), clock)
}

/// Rules and services with an alert, and its state.
fn states(alerts: &Alerts) -> Vec<(String, Option<String>, State)> {
    alerts.evaluate();
    let alerts = alerts.report().rules.into_iter().flat_map(|rule| rule.alerts);
    alerts.map(|alert| (alert.rule, alert.service, alert.state)).collect()
}

#[test]
fn a_service_with_errors_is_an_alert_after_a_minute_and_the_others_are_not() {
    let (alerts, clock) = built_in();
    let one = |state| vec![("ErrorShareHigh".to_owned(), Some("payment".to_owned()), state)];
    for second in 0..=60 {
        let time = START + second * SECOND;
        clock.set(time);
        let severity = if second % 5 == 0 { "ERROR" } else { "INFO" };
        alerts.observe(&batch(vec![row(time, "payment", severity, "m"), row(time, "order", "INFO", "m")]));
        let states = states(&alerts);
        match second {
            ..20 => assert_eq!(states, []),
            _ => assert_eq!(states, one(State::Pending), "{second}"),
        }
    }
    clock.set(START + 80 * SECOND);
    assert_eq!(states(&alerts), one(State::Firing));
    clock.set(START + 140 * SECOND);
    assert_eq!(states(&alerts), one(State::Resolved));
    clock.set(START + 2_000 * SECOND);
    assert_eq!(states(&alerts), []);
}

#[test]
fn slow_orders_and_a_panic_are_alerts_at_once() {
    let (alerts, clock) = built_in();
    let mut rows = vec![row(START, "order-service", "INFO", "order confirmed"); 4];
    alerts.observe(&batch(rows.clone()));
    assert_eq!(states(&alerts), []);
    rows.truncate(1);
    rows.push(row(START, "gateway", "ERROR", "panicked: index out of bounds"));
    alerts.observe(&batch(rows));
    let firing =
        |rule: &str, service: Option<&str>| (rule.to_owned(), service.map(str::to_owned), State::Firing);
    assert_eq!(states(&alerts), [firing("Panicked", Some("gateway")), firing("OrdersSlow", None)]);
    let report = alerts.report();
    let alert = report.rules.iter().flat_map(|rule| &rule.alerts).next().unwrap();
    assert_eq!(alert.examples[0].trace_id, Some(TraceId([7; 16])));
    let logs = "/logs?q=panicked&severity=ERROR&service=gateway&from=2026-11-22T10%3A06%3A12.000000Z";
    assert_eq!(alert.logs, logs);
    clock.set(START + 301 * SECOND);
    assert!(states(&alerts).iter().all(|(.., state)| *state == State::Resolved));
}

#[test]
fn what_tells_of_the_past_is_not_counted() {
    let (alerts, _) = built_in();
    let old = START - PAST - 1;
    alerts.observe(&batch(vec![row(old, "gateway", "ERROR", "panicked: long ago")]));
    assert_eq!(states(&alerts), []);
}

#[test]
fn a_restart_forgets_nothing_but_what_is_defined_anew() {
    let directory = tempfile::tempdir().unwrap();
    let (alerts, clock) = built_in();
    alerts.observe(&batch(vec![row(START, "gateway", "ERROR", "panicked: once")]));
    let before = states(&alerts);
    let path = saved::path(directory.path());
    std::fs::write(&path, saved::text(&alerts.lock()).unwrap()).unwrap();

    let again = Alerts::new(&Rules::default(), clock.clone());
    again.resume(directory.path());
    assert_eq!(states(&again), before);
    let other =
        r#"{"rules": [{"name": "Panicked", "kind": "message", "contains": "panicked", "window": "1h"}]}"#;
    let other = Alerts::new(&Rules::read(other).unwrap(), clock);
    other.resume(directory.path());
    assert_eq!(states(&other), []);
    // A file that is no such file costs no more than what it held.
    std::fs::write(&path, "{}").unwrap();
    other.resume(directory.path());
    assert_eq!(states(&other), []);
}

#[test]
fn a_receiver_that_is_away_costs_no_memory() {
    let (mut alerts, clock) = built_in();
    let waiting = alerts.tell("http://127.0.0.1:1/".to_owned(), String::new());
    for round in 0..100 {
        clock.set(START + round * 1_000 * SECOND);
        alerts.evaluate();
        alerts.observe(&batch(vec![row(clock.now(), "gateway", "ERROR", "panicked: again")]));
        alerts.evaluate();
    }
    let sent = alerts.report().webhook.unwrap();
    assert_eq!(sent.waiting, webhook::WAITING);
    assert!(sent.dropped > 0, "{sent:?}");
    drop(waiting);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn memory_is_bounded_whatever_senders_do(
        names in prop::collection::vec(".{0,80}", 1..40),
        numbers in prop::collection::vec((0_u64..5_000, 0..1_000_usize, any::<bool>()), 1..400),
    ) {
        let (alerts, clock) = built_in();
        let mut time = START;
        for (pause, number, is_error) in numbers {
            time += pause * SECOND / 10;
            clock.set(time);
            let name = format!("{}{number}", names[number % names.len()]);
            let severity = if is_error { "ERROR" } else { "INFO" };
            let rows = (0..3).map(|copy| row(time, &format!("{name}{copy}"), severity, &"panicked ".repeat(50)));
            alerts.observe(&batch(rows.collect()));
            alerts.evaluate();
        }
        for watch in alerts.lock().iter() {
            prop_assert!(watch.groups.len() <= watch::MOST_SERVICES + 1);
        }
        // As text, every number and every example: 5 examples and 60 steps a group.
        let bytes = saved::text(&alerts.lock()).unwrap().len();
        prop_assert!(bytes <= 2 * (watch::MOST_SERVICES + 1) * 8_000 + 60_000, "{bytes}");
    }
}
