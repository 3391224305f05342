//! What arrives at a backend, what is lost, and that the two add up: with a backend that is well, refuses, hangs
//! or is not there.

use crate::emitter::Emitter;
use serde_json::json;
use std::time::Duration;
use testkit::{Mood, OtlpSink, free_port};

on_both_pipelines!(
    every_protocol_delivers_everything,
    nothing_secret_arrives,
    the_resource_says_who_it_is,
    a_backend_that_refuses_is_counted_and_taken_back,
    a_backend_that_is_not_there_costs_spans_and_nothing_else,
    a_backend_that_hangs_holds_up_no_shutdown,
    a_backend_that_hangs_and_recovers_loses_what_timed_out_only,
    a_full_queue_drops_and_counts,
    a_backend_that_restarts_gets_the_rest,
    samplers_decide_what_is_kept,
    it_can_be_switched_off,
    the_counts_are_metrics,
);

async fn every_protocol_delivers_everything(pipeline: &str) {
    for protocol in ["grpc", "http/protobuf", "http/json"] {
        if (pipeline, protocol) == ("direct", "http/json") {
            continue;
        }
        let sink = OtlpSink::start();
        let endpoint = if protocol == "grpc" { sink.grpc() } else { sink.http() };
        let mut emitter = Emitter::on(
            pipeline,
            5_000,
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint), ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)],
        );
        emitter.run("spans 300").await;
        emitter.run("traces 100").await;
        let ended = emitter.ended;
        let (report, _) = emitter.finish().await;
        assert_eq!((report.exported, ended), (400, 400), "{protocol}: {report:?}");
        assert_eq!(sink.count(), 400, "{protocol}");
        let spans = sink.spans();
        let root = spans.iter().find(|span| span.name == "emit.root").unwrap();
        let family = sink.trace(&root.trace_id);
        assert_eq!(family.len(), 300, "{protocol}");
        assert_eq!((root.kind.as_str(), root.service.as_str()), ("SERVER", "emit"), "{protocol}");
        let child = family.iter().find(|span| span.name == "emit.child").unwrap();
        assert_eq!(child.parent_span_id.as_deref(), Some(&*root.span_id), "{protocol}");
        assert!(child.attributes["number"].is_i64(), "{protocol}: numbers arrive as numbers");
    }
}

async fn nothing_secret_arrives(pipeline: &str) {
    let sink = OtlpSink::start();
    let mut emitter = Emitter::on(pipeline, 5_000, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &sink.grpc())]);
    emitter.run("spans 10").await;
    emitter.finish().await;
    let everything = sink.everything();
    assert!(everything.contains("[redacted]"));
    for secret in ["4242 4242", "s3cret"] {
        assert!(!everything.contains(secret), "{secret} in {everything}");
    }
}

async fn the_resource_says_who_it_is(pipeline: &str) {
    let sink = OtlpSink::start();
    let emitter = |extra: &[(&str, &str)]| {
        let endpoint = sink.grpc();
        let mut env = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
        env.extend(extra);
        Emitter::on(pipeline, 5_000, &env)
    };
    let mut plain = emitter(&[]);
    plain.run("spans 1").await;
    plain.finish().await;
    let attributes = "deployment.environment.name=test,team=tea%20room,service.version=9.9";
    let mut told = emitter(&[("OTEL_SERVICE_NAME", "tea"), ("OTEL_RESOURCE_ATTRIBUTES", attributes)]);
    told.run("spans 1").await;
    told.run("lines 1").await;
    let (_, lines) = told.finish().await;

    let resources = sink.resources();
    let (plain, told) = (&resources[0], &resources[1]);
    assert_eq!(plain["service.name"], "emit");
    assert_eq!(plain["service.namespace"], "waybill");
    assert!(plain["service.instance.id"].as_str().is_some_and(|id| id.len() == 36));
    assert_ne!(plain["service.instance.id"], told["service.instance.id"]);
    assert_eq!(told["service.name"], "tea");
    assert_eq!(told["service.version"], "9.9");
    assert_eq!(told["deployment.environment.name"], "test");
    assert_eq!(told["team"], "tea room", "values are percent-encoded (OpenTelemetry resource specification)");
    assert_eq!((&lines[0]["service"], &lines[0]["version"]), (&json!("tea"), &json!("9.9")));
}

async fn a_backend_that_refuses_is_counted_and_taken_back(pipeline: &str) {
    let sink = OtlpSink::start();
    sink.set(Mood::Refuses);
    let endpoint = sink.grpc();
    let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_BSP_EXPORT_TIMEOUT", "300")];
    let mut emitter = Emitter::on(pipeline, 5_000, &env);
    emitter.run("spans 100").await;
    let report = emitter.flush().await;
    assert_eq!((report.exported, report.failed, sink.count()), (0, 100, 0), "{report:?}");

    sink.set(Mood::Takes);
    emitter.run("spans 50").await;
    let (report, lines) = emitter.finish().await;
    assert_eq!((report.exported, report.failed, sink.count()), (50, 100, 50), "{report:?}");
    let told =
        |word: &str| lines.iter().filter(|line| line["message"].as_str().unwrap().starts_with(word)).count();
    assert_eq!((told("spans can't be exported"), told("spans are exported again")), (1, 1), "{lines:?}");
}

async fn a_backend_that_is_not_there_costs_spans_and_nothing_else(pipeline: &str) {
    let endpoint = format!("http://127.0.0.1:{}", free_port());
    let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_BSP_EXPORT_TIMEOUT", "500")];
    let mut emitter = Emitter::on(pipeline, 5_000, &env);
    emitter.run("spans 200").await;
    emitter.run("lines 10").await;
    let ended = emitter.ended;
    let (report, lines) = emitter.finish().await;
    report.assert_adds_up(ended);
    assert_eq!((report.exported, report.lines_lost), (0, 0), "{report:?}");
    assert!(lines.len() >= 10);
}

async fn a_backend_that_hangs_holds_up_no_shutdown(pipeline: &str) {
    let sink = OtlpSink::start();
    sink.set(Mood::Hangs);
    let mut emitter = Emitter::on(pipeline, 400, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &sink.grpc())]);
    emitter.run("spans 1000").await;
    emitter.run("lines 10").await;
    let ended = emitter.ended;
    let (report, lines) = emitter.finish().await;
    assert!(report.took < Duration::from_millis(1_400), "{report:?}");
    report.assert_adds_up(ended);
    assert_eq!((report.exported, sink.count()), (0, 0));
    assert_eq!((lines.len(), report.lines_lost), (10, 0), "log lines have nothing to do with it");
}

async fn a_backend_that_hangs_and_recovers_loses_what_timed_out_only(pipeline: &str) {
    let sink = OtlpSink::start();
    sink.set(Mood::Hangs);
    let endpoint = sink.grpc();
    let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_BSP_EXPORT_TIMEOUT", "200")];
    let mut emitter = Emitter::on(pipeline, 5_000, &env);
    emitter.run("spans 20").await;
    let report = emitter.flush().await;
    assert_eq!(report.failed, 20, "{report:?}");
    sink.set(Mood::Takes);
    emitter.run("spans 30").await;
    let (report, _) = emitter.finish().await;
    assert_eq!((report.exported, report.failed, sink.count()), (30, 20, 30), "{report:?}");
}

async fn a_full_queue_drops_and_counts(pipeline: &str) {
    let sink = OtlpSink::start();
    let endpoint = sink.grpc();
    let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_BSP_MAX_QUEUE_SIZE", "10")];
    let mut emitter = Emitter::on(pipeline, 5_000, &env);
    emitter.run("spans 1000").await;
    let ended = emitter.ended;
    let (report, _) = emitter.finish().await;
    report.assert_adds_up(ended);
    assert!(report.dropped > 0, "{report:?}");
    assert_eq!(report.exported, sink.count() as u64, "{report:?}");
}

async fn a_backend_that_restarts_gets_the_rest(pipeline: &str) {
    let mut sink = OtlpSink::start();
    let endpoint = sink.grpc();
    let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_BSP_EXPORT_TIMEOUT", "500")];
    let mut emitter = Emitter::on(pipeline, 5_000, &env);
    emitter.run("spans 10").await;
    assert_eq!(emitter.flush().await.exported, 10);
    sink.stop();
    emitter.run("spans 10").await;
    assert_eq!(emitter.flush().await.failed, 10);
    sink.restart();
    emitter.run("spans 10").await;
    let (report, _) = emitter.finish().await;
    assert_eq!((report.exported, report.failed, sink.count()), (20, 10, 20), "{report:?}");
}

async fn samplers_decide_what_is_kept(pipeline: &str) {
    for (sampler, argument, least, most) in [
        ("always_on", "", 2_000, 2_000),
        ("parentbased_always_on", "", 2_000, 2_000),
        ("always_off", "", 0, 0),
        ("parentbased_always_off", "", 0, 0),
        // Ten standard deviations from a quarter: never wrong by chance.
        ("parentbased_traceidratio", "0.25", 306, 694),
        ("traceidratio", "0", 0, 0),
    ] {
        let sink = OtlpSink::start();
        let endpoint = sink.grpc();
        let env = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_TRACES_SAMPLER", sampler),
            ("OTEL_TRACES_SAMPLER_ARG", argument),
        ];
        let mut emitter = Emitter::on(pipeline, 5_000, &env);
        emitter.run("traces 2000").await;
        let ended = emitter.ended;
        let (report, _) = emitter.finish().await;
        assert_eq!((report.exported, sink.count() as u64), (ended, ended), "{sampler}: {report:?}");
        assert!((least..=most).contains(&ended), "{sampler} keeps {ended} of 2000");
    }
}

async fn it_can_be_switched_off(pipeline: &str) {
    let off = ("OTEL_SDK_DISABLED", "true");
    for (variable, level, printed) in
        [(off, "info", 3), (("OTEL_TRACES_EXPORTER", "none"), "info", 3), (off, "off", 0)]
    {
        let sink = OtlpSink::start();
        let endpoint = sink.grpc();
        let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("LOG_LEVEL", level), variable];
        let mut emitter = Emitter::on(pipeline, 5_000, &env);
        emitter.run("spans 10").await;
        emitter.run("lines 3").await;
        let (_, lines) = emitter.finish().await;
        assert_eq!(sink.count(), 0, "{variable:?}");
        assert_eq!(lines.len(), printed, "{variable:?}, level {level}: lines are another matter");
    }
}

async fn the_counts_are_metrics(pipeline: &str) {
    let sink = OtlpSink::start();
    let endpoint = sink.grpc();
    let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_BSP_MAX_QUEUE_SIZE", "77")];
    let mut emitter = Emitter::on(pipeline, 5_000, &env);
    emitter.run("spans 5").await;
    emitter.flush().await;
    let metrics = emitter.run("metrics").await;
    let text = metrics["metrics"].as_str().unwrap();
    for sample in [
        "telemetry_spans_total{outcome=\"exported\"} 5",
        "telemetry_spans_total{outcome=\"dropped_queue_full\"} 0",
        "telemetry_spans_total{outcome=\"failed\"} 0",
        "telemetry_logs_total{sink=\"stdout\",outcome=\"shipped\"} 0",
        "telemetry_queue_length{signal=\"traces\"} 0",
        "telemetry_queue_capacity{signal=\"traces\"} 77",
    ] {
        assert!(text.lines().any(|line| line == sample), "{sample}\n{text}");
    }
    emitter.finish().await;
}
