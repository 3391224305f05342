//! Lines that are left out: of traces by a ratio, of places in the code by a limit.

use crate::emitter::{Emitter, Report};
use serde_json::Value;
use std::collections::BTreeSet;

on_both_pipelines!(
    a_traces_lines_are_all_there_or_all_gone_in_every_service,
    a_place_that_writes_too_many_lines_is_held_back_and_others_are_not,
    without_a_limit_nothing_is_left_out,
);

const TRACES: u64 = 300;

/// The traces with lines below WARN, and what became of all lines.
async fn told(pipeline: &str, service: &str, ratio: &str) -> (BTreeSet<String>, Report) {
    let env = [("LOG_SAMPLE_RATIO", ratio), ("OTEL_TRACES_EXPORTER", "none"), ("OTEL_SERVICE_NAME", service)];
    let mut emitter = Emitter::on(pipeline, 5_000, &env);
    emitter.run(&format!("told {TRACES}")).await;
    let (report, printed) = emitter.finish().await;
    let of = |severity: &'static str| printed.iter().filter(move |line| line["severity"] == severity);
    assert_eq!(of("WARN").count() as u64, TRACES, "a warning always passes");
    assert!(printed.iter().any(|line| line["message"] == "told in no trace"));
    let lines = of("INFO").filter(|line| line["message"] == "told");
    let traces: BTreeSet<_> = lines.map(|line| line["trace_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(report.lines_left_out, TRACES - traces.len() as u64);
    let said = format!("left out {} lines by ratio", report.lines_left_out);
    let is_said = printed.iter().any(|line| line["message"] == said.as_str());
    assert_eq!(is_said, report.lines_left_out > 0, "{printed:?}");
    (traces, report)
}

async fn a_traces_lines_are_all_there_or_all_gone_in_every_service(pipeline: &str) {
    let (tenth, _) = told(pipeline, "order-service", "0.1").await;
    let (same, _) = told(pipeline, "payment-service", "0.1").await;
    let (half, _) = told(pipeline, "order-service", "0.5").await;
    let (all, report) = told(pipeline, "order-service", "1").await;
    assert_eq!(tenth, same);
    assert!(tenth.is_subset(&half) && half.is_subset(&all));
    assert!(
        (15..50).contains(&tenth.len()) && (120..180).contains(&half.len()),
        "{} {}",
        tenth.len(),
        half.len()
    );
    assert_eq!((all.len() as u64, report.lines_lost), (TRACES, 0));
    assert!(told(pipeline, "order-service", "0").await.0.is_empty());
}

async fn a_place_that_writes_too_many_lines_is_held_back_and_others_are_not(pipeline: &str) {
    let mut emitter =
        Emitter::on(pipeline, 5_000, &[("LOG_CALLSITE_LIMIT", "10"), ("OTEL_TRACES_EXPORTER", "none")]);
    emitter.run("lines 1000").await;
    emitter.run("told 5").await;
    let limited = emitter.metric("telemetry_logs_total{sink=\"all\",outcome=\"limited\"}").await;
    assert_eq!(emitter.metric("telemetry_logs_total{sink=\"all\",outcome=\"sampled_out\"}").await, 0);
    let (report, printed) = emitter.finish().await;
    let count = |is: fn(&Value) -> bool| printed.iter().filter(|line| is(line)).count() as u64;
    let written = count(|line| line.get("card").is_some());
    assert!((10..900).contains(&written), "{written}");
    assert_eq!(count(|line| line["message"] == "told"), 10);
    assert_eq!((written + limited, report.lines_left_out), (1_000, limited));
    assert_eq!(report.lines_shipped, printed.len() as u64, "{report:?}");
    let said = printed.iter().find(|line| line["message"].as_str().unwrap().starts_with("left out")).unwrap();
    assert_eq!(said["severity"], "WARN");
    let text = said["message"].as_str().unwrap();
    let line = text
        .strip_prefix(&format!("left out {limited} by limit at emit:"))
        .unwrap_or_else(|| panic!("{text}"));
    assert!(line.parse::<u32>().is_ok(), "{text}");
}

async fn without_a_limit_nothing_is_left_out(pipeline: &str) {
    let mut emitter =
        Emitter::on(pipeline, 5_000, &[("LOG_CALLSITE_LIMIT", "0"), ("OTEL_TRACES_EXPORTER", "none")]);
    emitter.run("lines 5000").await;
    let (report, printed) = emitter.finish().await;
    assert_eq!((printed.len(), report.lines_left_out), (5_000, 0));
}
