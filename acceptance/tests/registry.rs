//! The list of signals is true, on both pipelines: what running services emit is on it, with the types, labels and values
//! it has, and what is on it is emitted. A name that is deprecated is on it as long as it is emitted beside the new one.
//!
//! What takes rare conditions is shown by another test, which [`ELSEWHERE`] names.

mod exposition;
mod scenarios;
mod seen;

use acceptance::{SERVICES, Settings, Stack};
use exposition::Metrics;
use seen::Seen;
use std::{collections::BTreeSet, fs, path::Path};
use telemetry::names::{metric, observatory};
use testkit::{LogSink, OtlpSink, listed};

/// What is not shown here, the file of the test that shows it, and the test.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    (
        "exemplar of access_denied_total",
        "shared/service-kit/tests/access/users.rs",
        "who_asks_is_known_or_does_not_come_in",
    ),
    (
        "field address",
        "shared/telemetry/tests/log_shipping.rs",
        "a_receiver_that_hangs_up_again_and_again_gets_lines_less_and_less_often",
    ),
    (
        "field destination",
        "shared/telemetry/tests/zipkin.rs",
        "one_that_refuses_or_is_away_is_counted_and_named",
    ),
    ("field drain_timeout_ms", "shared/service-kit/tests/server.rs", "a_drain_has_its_end"),
    (
        "field file",
        "shared/telemetry/tests/log_files.rs",
        "a_full_disk_costs_its_own_lines_only_and_is_said_once",
    ),
    ("field location", "shared/telemetry/tests/redaction.rs", "a_panic_is_a_line_within_its_trace"),
    (
        "field subject",
        "services/order/tests/nats.rs",
        "a_server_that_goes_away_and_comes_back_costs_no_event",
    ),
    ("field thread", "shared/telemetry/tests/redaction.rs", "a_panic_is_a_line_within_its_trace"),
    ("field truncated", "shared/telemetry/tests/log_shipping.rs", "a_line_is_never_longer_than_32_kib"),
    (
        "metric observatory_failed_total",
        "observatory/tests/overload.rs",
        "what_the_store_cannot_write_is_counted_as_failed",
    ),
    (
        "metric observatory_malformed_total",
        "observatory/tests/lines.rs",
        "tcp_counts_malformed_lines_and_goes_on",
    ),
    (
        "metric observatory_paused_total",
        "observatory/tests/intake.rs",
        "tcp_above_the_limit_is_slowed_down_and_loses_nothing",
    ),
    (
        "metric observatory_refused_total",
        "observatory/tests/overload.rs",
        "lines_over_tcp_wait_a_moment_and_are_then_dropped_and_counted",
    ),
];

#[tokio::test]
async fn on_the_direct_pipeline() {
    holds("direct").await;
}

#[tokio::test]
async fn on_the_standard_pipeline() {
    holds("standard").await;
}

async fn holds(pipeline: &str) {
    let (otlp, logs) = (OtlpSink::start(), LogSink::start());
    let settings = Settings {
        otlp: Some(otlp.grpc()),
        log_ship: Some(logs.url()),
        env: scenarios::environment(pipeline),
        ..Settings::default()
    };
    let mut stack = Stack::start(settings).await;
    scenarios::run(&mut stack, &otlp).await;

    let mut metrics = Metrics::of(metric::ALL);
    for (_, part) in SERVICES {
        metrics.look(part, &stack.metrics(part).await);
    }
    // Whatever still waits is sent at the end.
    for (_, part) in SERVICES {
        stack.terminate(part);
        assert!(stack.ended(part).await.is_empty(), "{part} has lost telemetry");
    }
    let seen = Seen::of(&otlp.spans(), &logs.lines());
    let missing: Vec<String> = seen.missing().chain(metrics.missing()).filter(is_due_here).collect();
    let of_spans = otlp.spans().iter().flat_map(listed::span_problems).collect::<BTreeSet<_>>();
    let of_resources = otlp.resources().iter().flat_map(listed::resource_problems).collect::<BTreeSet<_>>();
    let of_lines = logs.lines().iter().flat_map(listed::line_problems).collect::<BTreeSet<_>>();
    let problems: Vec<_> =
        of_spans.into_iter().chain(of_resources).chain(of_lines).chain(metrics.problems).collect();
    assert!(
        problems.is_empty() && missing.is_empty(),
        "emitted, and not as it is listed: {problems:#?}\nlisted, and not emitted: {missing:#?}"
    );
}

#[tokio::test]
async fn of_the_observatory() {
    let stack = Stack::shared().await;
    stack.place(acceptance::EARL_GREY, acceptance::CARD).await;
    let mut metrics = Metrics::of(observatory::ALL);
    let answer = stack.metrics("observatory").await;
    metrics.look("observatory", &answer);
    // Those of the process have the names that all have.
    let problems: Vec<_> =
        metrics.problems.iter().filter(|problem| !problem.contains(": process_")).collect();
    assert!(problems.is_empty(), "{problems:#?}");
    let missing: Vec<_> = metrics.missing().filter(is_due_here).collect();
    assert!(missing.is_empty(), "{missing:?} in\n{}", answer.text());
}

fn is_due_here(what: &String) -> bool {
    ELSEWHERE.iter().all(|(elsewhere, _, _)| elsewhere != what)
}

#[test]
fn what_is_shown_elsewhere_is_shown() {
    for (what, file, test) in ELSEWHERE {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{what}: {file}: {error}"));
        assert!(text.contains(&format!("fn {test}(")), "{what}: {file} has no test {test}");
    }
}
