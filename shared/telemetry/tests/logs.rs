//! Log lines as they are written and shipped.

use crate::emitter::Emitter;
use std::time::Duration;
use testkit::{Line, LogSink, Mood, eventually};

on_both_pipelines!(
    lines_have_the_contracts_form_on_every_copy,
    thousands_of_lines_all_arrive_in_order,
    a_receiver_that_never_reads_blocks_nothing_and_its_losses_are_counted,
    a_receiver_that_comes_late_gets_what_waited,
    a_receiver_that_restarts_misses_nothing,
    a_receiver_that_is_away_at_the_end_is_given_up_in_time,
    levels_are_kept_apart,
    a_receiver_that_hangs_up_on_everybody_is_not_said_to_have_taken_anything,
);

fn is_numbered(line: &Line) -> bool {
    line.contains_key("number")
}

async fn lines_have_the_contracts_form_on_every_copy(pipeline: &str) {
    let sink = LogSink::start();
    let mut emitter =
        Emitter::on(pipeline, 5_000, &[("LOG_SHIP", &sink.url()), ("OTEL_TRACES_EXPORTER", "none")]);
    emitter.run("lines 3").await;
    let (report, printed) = emitter.finish().await;
    assert_eq!((report.lines_shipped, report.lines_lost), (6, 0));
    let shipped = sink.wait_for(3, "the shipped copy", is_numbered).await;
    assert_eq!(printed, shipped.iter().cloned().map(serde_json::Value::Object).collect::<Vec<_>>());

    let line = &shipped[1];
    let text = |name: &str| line[name].as_str().unwrap_or_else(|| panic!("{name}: {line:?}"));
    assert_eq!(text("severity"), "INFO");
    assert_eq!(text("message"), "line 1 of [redacted]");
    assert_eq!(text("service"), "emit");
    assert_eq!(text("target"), "emit");
    assert_eq!(text("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(text("session_id"), "s-1");
    assert_eq!(text("trace_flags"), "01");
    assert_eq!(line["number"], 1);
    assert_eq!(line["took_ms"], 1.25);
    assert_eq!((text("card"), text("password")), ("[redacted]", "[redacted]"));
    assert!(is_hex(text("trace_id"), 32) && is_hex(text("span_id"), 16), "{line:?}");
    let timestamp = text("timestamp");
    assert_eq!(timestamp.len(), "2026-11-22T10:11:12.131415Z".len());
    assert!(timestamp.ends_with('Z') && timestamp.as_bytes()[19] == b'.', "{timestamp}");
    assert!(!sink.everything().contains("4242 4242") && !sink.everything().contains("hunter2"));
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

async fn thousands_of_lines_all_arrive_in_order(pipeline: &str) {
    let sink = LogSink::start();
    let mut emitter =
        Emitter::on(pipeline, 5_000, &[("LOG_SHIP", &sink.url()), ("OTEL_TRACES_EXPORTER", "none")]);
    emitter.run("lines 5000").await;
    let (report, printed) = emitter.finish().await;
    assert_eq!((report.lines_lost, printed.len()), (0, 5_000), "{report:?}");
    let shipped = sink.wait_for(5_000, "all of them", is_numbered).await;
    let numbers: Vec<_> = shipped.iter().map(|line| line["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..5_000).collect::<Vec<_>>());
}

async fn a_receiver_that_never_reads_blocks_nothing_and_its_losses_are_counted(pipeline: &str) {
    let sink = LogSink::start();
    sink.set(Mood::Hangs);
    let mut emitter =
        Emitter::on(pipeline, 500, &[("LOG_SHIP", &sink.url()), ("OTEL_TRACES_EXPORTER", "none")]);
    let told = emitter.run("lines 60000").await;
    assert!(told["took_ms"].as_u64().unwrap() < 5_000, "{told}");
    let (report, _) = emitter.finish().await;
    assert!(report.took < Duration::from_millis(1_500), "{report:?}");
    assert!(report.lines_lost > 0, "{report:?}");
    // Two sinks, and nothing else is written but what the receiver's absence is worth.
    let fates = report.lines_shipped + report.lines_lost;
    assert!((120_000..120_004).contains(&fates), "{report:?}");
}

async fn a_receiver_that_comes_late_gets_what_waited(pipeline: &str) {
    let mut sink = LogSink::start();
    sink.stop();
    let mut emitter =
        Emitter::on(pipeline, 9_000, &[("LOG_SHIP", &sink.url()), ("OTEL_TRACES_EXPORTER", "none")]);
    emitter.run("lines 100").await;
    eventually("lines on standard output", async || (emitter.printed() >= 100).then_some(())).await;
    assert_eq!(sink.lines().len(), 0);
    sink.restart();
    sink.wait_for(100, "what waited", is_numbered).await;
    let (report, _) = emitter.finish().await;
    assert_eq!(report.lines_lost, 0, "{report:?}");
}

async fn a_receiver_that_restarts_misses_nothing(pipeline: &str) {
    let mut sink = LogSink::start();
    let mut emitter =
        Emitter::on(pipeline, 9_000, &[("LOG_SHIP", &sink.url()), ("OTEL_TRACES_EXPORTER", "none")]);
    emitter.run("lines 50").await;
    sink.wait_for(50, "before", is_numbered).await;
    sink.stop();
    emitter.run("lines 50").await;
    sink.restart();
    emitter.run("lines 50").await;
    let (report, _) = emitter.finish().await;
    assert_eq!(report.lines_lost, 0, "{report:?}");
    // A batch whose connection breaks half-way is sent again, so some may be there twice.
    let lines = sink.wait_for(150, "all", is_numbered).await;
    let traces = |number: u64| {
        let of_number = lines.iter().filter(|line| line["number"] == number);
        of_number.map(|line| line["trace_id"].to_string()).collect::<std::collections::HashSet<_>>().len()
    };
    assert!((0..50).all(|number| traces(number) == 3));
}

async fn a_receiver_that_is_away_at_the_end_is_given_up_in_time(pipeline: &str) {
    let mut sink = LogSink::start();
    sink.stop();
    let mut emitter =
        Emitter::on(pipeline, 300, &[("LOG_SHIP", &sink.url()), ("OTEL_TRACES_EXPORTER", "none")]);
    emitter.run("lines 100").await;
    let (report, printed) = emitter.finish().await;
    assert!(report.took < Duration::from_millis(1_300), "{report:?}");
    let numbered = printed.iter().filter(|line| line.get("number").is_some()).count();
    assert_eq!(numbered, 100, "standard output has nothing to do with it");
    assert_eq!(report.lines_shipped + report.lines_lost, 2 * printed.len() as u64, "{report:?}");
    assert!(report.lines_lost >= 100, "{report:?}");
}

async fn levels_are_kept_apart(pipeline: &str) {
    for (level, expected) in [("info", 2), ("warn", 0), ("error", 0), ("DEBUG", 2)] {
        let mut emitter =
            Emitter::on(pipeline, 5_000, &[("LOG_LEVEL", level), ("OTEL_TRACES_EXPORTER", "none")]);
        emitter.run("lines 2").await;
        let (report, printed) = emitter.finish().await;
        assert_eq!((printed.len(), report.lines_lost), (expected, 0), "{level}");
    }
}

/// As a proxy does that has no receiver behind it.
async fn a_receiver_that_hangs_up_on_everybody_is_not_said_to_have_taken_anything(pipeline: &str) {
    let sink = LogSink::start();
    sink.set(Mood::Refuses);
    let mut emitter =
        Emitter::on(pipeline, 500, &[("LOG_SHIP", &sink.url()), ("OTEL_TRACES_EXPORTER", "none")]);
    for _ in 0..20 {
        emitter.run("lines 10").await;
        emitter.run("flush 20").await;
    }
    let (report, printed) = emitter.finish().await;
    assert_eq!(report.lines_shipped, printed.len() as u64, "standard output alone: {report:?}");
    assert_eq!(report.lines_lost, printed.len() as u64, "{report:?}");
}
