//! What OTLP's answers make of a batch, and what the environment says about sending it.

use crate::emitter::Emitter;
use std::time::{Duration, Instant};
use testkit::{Mood, OtlpSink, Verdict};
use tonic::Code;

on_both_pipelines!(
    what_says_later_is_sent_again_after_that_time,
    what_says_no_is_not_sent_again,
    headers_go_with_each_request,
    a_receiver_may_take_as_long_as_it_is_given,
    a_span_has_as_much_as_it_may_have,
);

fn emitter(pipeline: &str, sink: &OtlpSink, protocol: &str, extra: &[(&str, &str)]) -> Emitter {
    let endpoint = if protocol == "grpc" { sink.grpc() } else { sink.http() };
    let mut env =
        vec![("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)];
    env.extend(extra);
    Emitter::on(pipeline, 8_000, &env)
}

async fn what_says_later_is_sent_again_after_that_time(pipeline: &str) {
    let second = Duration::from_secs(1);
    for (protocol, verdict, wait) in [
        ("http/protobuf", Verdict::Status(503, Some(1)), second),
        ("http/protobuf", Verdict::Status(429, Some(1)), second),
        ("http/protobuf", Verdict::Status(502, None), Duration::ZERO),
        ("grpc", Verdict::Code(Code::Unavailable, Some(second)), second),
        ("grpc", Verdict::Code(Code::ResourceExhausted, Some(second)), second),
        ("grpc", Verdict::Code(Code::Unavailable, None), Duration::ZERO),
    ] {
        let sink = OtlpSink::start();
        sink.answer_next([verdict]);
        let mut emitter = emitter(pipeline, &sink, protocol, &[]);
        emitter.run("spans 10").await;
        let (report, _) = emitter.finish().await;
        assert_eq!((report.exported, report.failed, sink.count()), (10, 0, 10), "{verdict:?}: {report:?}");
        let at: Vec<Instant> = sink.attempts().iter().map(|attempt| attempt.at).collect();
        assert_eq!(at.len(), 2, "{verdict:?}");
        assert!(at[1] - at[0] >= wait, "{verdict:?}: {:?}", at[1] - at[0]);
    }
}

async fn what_says_no_is_not_sent_again(pipeline: &str) {
    for (protocol, verdict) in [
        ("http/protobuf", Verdict::Status(400, None)),
        ("http/protobuf", Verdict::Status(500, Some(1))),
        ("grpc", Verdict::Code(Code::InvalidArgument, None)),
        ("grpc", Verdict::Code(Code::ResourceExhausted, None)),
    ] {
        let sink = OtlpSink::start();
        sink.answer_next([verdict]);
        let mut emitter = emitter(pipeline, &sink, protocol, &[]);
        emitter.run("spans 10").await;
        let (report, _) = emitter.finish().await;
        assert_eq!((report.exported, report.failed, sink.count()), (0, 10, 0), "{verdict:?}: {report:?}");
        assert_eq!(sink.attempts().len(), 1, "{verdict:?}");
    }
}

/// The standard exporter keeps the answer to itself: there they count as exported.
#[tokio::test]
async fn what_is_rejected_in_part_counts_as_failed() {
    for (pipeline, failed) in [("direct", 3), ("standard", 0)] {
        for protocol in ["grpc", "http/protobuf"] {
            let sink = OtlpSink::start();
            sink.answer_next([Verdict::Rejects(3)]);
            let mut emitter = emitter(pipeline, &sink, protocol, &[]);
            emitter.run("spans 10").await;
            let (report, _) = emitter.finish().await;
            assert_eq!((report.exported, report.failed), (10 - failed, failed), "{pipeline}, {protocol}");
            assert_eq!(sink.attempts().len(), 1, "{pipeline}, {protocol}");
        }
    }
}

async fn headers_go_with_each_request(pipeline: &str) {
    for protocol in ["grpc", "http/protobuf"] {
        let sink = OtlpSink::start();
        let common = ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=tea,authorization=Bearer%20k3y");
        emit_one(emitter(pipeline, &sink, protocol, &[common])).await;
        let own = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-tenant=coffee");
        emit_one(emitter(pipeline, &sink, protocol, &[common, own])).await;
        let [first, second] = &sink.attempts()[..] else { panic!("{protocol}: {:?}", sink.attempts()) };
        assert_eq!(first.headers["x-tenant"], "tea", "{protocol}");
        assert_eq!(first.headers["authorization"], "Bearer k3y", "{protocol}");
        assert_eq!(second.headers["x-tenant"], "coffee", "{protocol}");
        assert!(!second.headers.contains_key("authorization"), "{protocol}");
    }
}

async fn emit_one(mut emitter: Emitter) {
    emitter.run("spans 1").await;
    let (report, _) = emitter.finish().await;
    assert_eq!((report.exported, report.failed), (1, 0), "{report:?}");
}

async fn a_receiver_may_take_as_long_as_it_is_given(pipeline: &str) {
    for protocol in ["grpc", "http/protobuf"] {
        for variable in ["OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"] {
            let sink = OtlpSink::start();
            sink.set(Mood::Hangs);
            let mut emitter = emitter(pipeline, &sink, protocol, &[(variable, "200")]);
            emitter.run("spans 10").await;
            let report = emitter.flush().await;
            assert_eq!((report.exported, report.failed), (0, 10), "{variable}: {report:?}");
            assert!(report.took < Duration::from_secs(4), "{variable}: {report:?}");
            sink.set(Mood::Takes);
            emitter.run("spans 1").await;
            let (report, _) = emitter.finish().await;
            assert_eq!((report.exported, report.failed), (1, 10), "{variable}: {report:?}");
        }
    }
}

async fn a_span_has_as_much_as_it_may_have(pipeline: &str) {
    let sink = OtlpSink::start();
    let limits = [
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "1"),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "2"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "3"),
    ];
    let mut emitter = emitter(pipeline, &sink, "grpc", &limits);
    emitter.run("everything").await;
    emitter.finish().await;
    let spans = sink.messages();
    let over = spans.iter().find(|span| span.name == "limited").unwrap();
    assert_eq!((over.attributes.len(), over.events.len(), over.links.len()), (1, 2, 3));
    assert!(
        over.dropped_attributes_count > 0 && over.dropped_events_count > 0 && over.dropped_links_count > 0
    );
    assert!(spans.iter().all(|span| span.attributes.len() <= 1 && span.events.len() <= 2), "{spans:?}");
}
