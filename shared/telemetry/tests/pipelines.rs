//! The two pipelines say the same.

use crate::emitter::Emitter;
use opentelemetry_proto::tonic::trace::v1::Span;
use std::{collections::HashMap, process::Stdio};
use telemetry::names::SCHEMA_URL;
use testkit::{OtlpSink, built, listed::resource_problems};

/// What a program says on one of them.
async fn everything(pipeline: &str) -> Vec<Span> {
    let sink = OtlpSink::start();
    let mut emitter = Emitter::on(pipeline, 5_000, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &sink.grpc())]);
    emitter.run("everything").await;
    let (report, lines) = emitter.finish().await;
    assert_eq!((report.exported as usize, report.dropped, report.failed), (sink.count(), 0, 0), "{report:?}");
    assert!(lines.iter().filter(|line| line["severity"] == "ERROR").all(|line| line["trace_id"].is_string()));
    comparable(sink.messages())
}

/// Without what differs from run to run: times, and ids that nobody was given. Instead of these, the name of the span
/// that has them.
fn comparable(mut spans: Vec<Span>) -> Vec<Span> {
    let names: HashMap<Vec<u8>, Vec<u8>> =
        spans.iter().map(|span| (span.span_id.clone(), span.name.clone().into_bytes())).collect();
    let by_name = |id: &mut Vec<u8>| {
        if let Some(name) = names.get(id) {
            id.clone_from(name);
        }
    };
    for span in &mut spans {
        assert!(
            span.start_time_unix_nano > 0 && span.start_time_unix_nano <= span.end_time_unix_nano,
            "{span:?}"
        );
        (span.start_time_unix_nano, span.end_time_unix_nano) = (0, 0);
        by_name(&mut span.parent_span_id);
        span.span_id.clear();
        let is_given = span.trace_id.starts_with(&[0xaa, 0xaa]);
        for link in &mut span.links {
            by_name(&mut link.span_id);
            link.trace_id.clear();
        }
        for event in &mut span.events {
            assert!(event.time_unix_nano > 0);
            event.time_unix_nano = 0;
        }
        if !is_given {
            span.trace_id.clear();
        }
    }
    spans.sort_by_key(|span| format!("{span:?}"));
    spans
}

#[tokio::test]
async fn both_send_the_same_span_by_span() {
    let (standard, direct) = (everything("standard").await, everything("direct").await);
    assert!(standard.len() > 45, "{}", standard.len());
    similar_asserts::assert_eq!(standard, direct);
}

#[tokio::test]
async fn both_say_what_their_names_mean() {
    for pipeline in ["standard", "direct"] {
        for protocol in ["grpc", "http/protobuf"] {
            let sink = OtlpSink::start();
            let endpoint = if protocol == "grpc" { sink.grpc() } else { sink.http() };
            let env = [
                ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ];
            let mut emitter = Emitter::on(pipeline, 5_000, &env);
            emitter.run("traces 3").await;
            emitter.finish().await;
            let urls = sink.schema_urls();
            assert!(
                !urls.is_empty() && urls.iter().flatten().all(|url| url == SCHEMA_URL),
                "{pipeline}: {urls:?}"
            );
            let problems: Vec<_> = sink.resources().iter().flat_map(resource_problems).collect();
            assert!(problems.is_empty(), "{pipeline}: {problems:?}");
        }
    }
}

#[tokio::test]
async fn lines_have_the_same_ids_on_both() {
    for pipeline in ["standard", "direct"] {
        let sink = OtlpSink::start();
        let mut emitter = Emitter::on(pipeline, 5_000, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &sink.grpc())]);
        emitter.run("everything").await;
        let (_, lines) = emitter.finish().await;
        let mut found = 0;
        for line in lines.iter().filter(|line| line["trace_flags"] == "01") {
            let spans = sink.trace(line["trace_id"].as_str().unwrap());
            let span = spans.iter().find(|span| line["span_id"] == *span.span_id);
            assert!(span.is_some(), "{pipeline}: {line}");
            found += 1;
        }
        assert_eq!(found, 12, "{pipeline}: {lines:?}");
        assert!(lines.iter().any(|line| line["trace_flags"] == "00" && line["session_id"] == "s-7"));
    }
}

#[test]
fn direct_refuses_what_it_cannot_send() {
    for (variable, held) in [
        ("OTEL_TRACES_EXPORTER", "otlp,zipkin"),
        ("OTEL_TRACES_EXPORTER", "console"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
    ] {
        let ended = std::process::Command::new(built("examples/emit"))
            .envs([("TELEMETRY_PIPELINE", "direct"), (variable, held)])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let told = String::from_utf8(ended.stderr).unwrap();
        assert!(!ended.status.success() && told.contains("TELEMETRY_PIPELINE"), "{held}: {told}");
    }
}
