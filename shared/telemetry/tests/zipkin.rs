//! Two destinations at once: each gets everything, and what is wrong with one is nothing to the other.

use crate::emitter::Emitter;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};
use testkit::{Answer, Mood, OtlpSink, Peer, eventually, free_port};

const PATH: &str = "/api/v2/spans";

fn zipkin(script: fn() -> Answer) -> Peer {
    Peer::start(move |_| script())
}

fn taken() -> Answer {
    Answer::Empty(202)
}

/// Spans that a Zipkin server was sent.
fn spans(zipkin: &Peer) -> Vec<Value> {
    let requests = zipkin.received(PATH);
    requests.iter().flat_map(|request| request.body.as_array().expect("a list").clone()).collect()
}

fn both(limit_ms: u64, otlp: &str, zipkin: &str, extra: &[(&str, &str)]) -> Emitter {
    let endpoint = format!("{zipkin}{PATH}");
    let mut env = vec![
        ("OTEL_TRACES_EXPORTER", "otlp,zipkin"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", otlp),
        ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", &endpoint),
    ];
    env.extend(extra);
    Emitter::start(limit_ms, &env)
}

#[tokio::test]
async fn both_get_every_span() {
    let (otlp, zipkin) = (OtlpSink::start(), zipkin(taken));
    let mut emitter = both(5_000, &otlp.grpc(), &zipkin.url(), &[]);
    emitter.run("spans 300").await;
    let (report, _) = emitter.finish().await;
    assert_eq!((report.exported, report.failed, report.dropped), (300, 0, 0), "counted once: {report:?}");
    assert_eq!(otlp.count(), 300);

    let request = &zipkin.received(PATH)[0];
    assert_eq!((request.method.as_str(), request.header("content-type")), ("POST", "application/json"));
    let spans = spans(&zipkin);
    let ids: BTreeSet<_> = spans.iter().map(|span| span["id"].as_str().unwrap().to_owned()).collect();
    let same: BTreeSet<_> = otlp.spans().into_iter().map(|span| span.span_id).collect();
    assert_eq!((spans.len(), ids), (300, same));
    let root = spans.iter().find(|span| span["name"] == "emit.root").unwrap();
    assert!(root.get("parentId").is_none() && root["kind"] == "SERVER", "{root}");
    assert_eq!(root["localEndpoint"]["serviceName"], "emit");
    assert_eq!(root["tags"]["note"], "[redacted]", "secrets reach no destination");
    let child = spans.iter().find(|span| span["name"] == "emit.child").unwrap();
    assert_eq!((&child["parentId"], &child["traceId"]), (&root["id"], &root["traceId"]));
    assert!(child.get("kind").is_none() && child["tags"]["number"].is_string(), "{child}");
}

#[tokio::test]
async fn zipkin_alone() {
    let zipkin = zipkin(taken);
    let endpoint = format!("{}{PATH}", zipkin.url());
    let env = [("OTEL_TRACES_EXPORTER", "zipkin"), ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", endpoint.as_str())];
    let mut emitter = Emitter::start(5_000, &env);
    emitter.run("spans 300").await;
    let (report, _) = emitter.finish().await;
    assert_eq!((report.exported, spans(&zipkin).len()), (300, 300), "{report:?}");
}

#[tokio::test]
async fn one_that_refuses_or_is_away_is_counted_and_named() {
    for is_there in [true, false] {
        let (otlp, zipkin) = (OtlpSink::start(), zipkin(|| Answer::Empty(500)));
        let url =
            if is_there { zipkin.url() } else { format!("http://user:s3cret@127.0.0.1:{}", free_port()) };
        let mut emitter = both(5_000, &otlp.grpc(), &url, &[]);
        emitter.run("spans 300").await;
        let (report, lines) = emitter.finish().await;
        assert_eq!((report.exported, report.failed, otlp.count()), (0, 300, 300), "{report:?}");
        let warnings: Vec<_> = lines.iter().filter(|line| line["severity"] == "WARN").collect();
        assert_eq!(warnings.len(), 1, "{lines:?}");
        assert_eq!(warnings[0]["destination"], "zipkin");
        let why = warnings[0]["error"].as_str().unwrap();
        assert!(why.contains(if is_there { "500" } else { "refused" }) && !why.contains("s3cret"), "{why}");
    }
}

#[tokio::test]
async fn one_that_hangs_delays_and_loses_nothing_of_the_other() {
    let (otlp, zipkin) = (OtlpSink::start(), zipkin(|| Answer::Hang));
    let small = [("OTEL_BSP_MAX_QUEUE_SIZE", "256"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "64")];
    let mut emitter = both(300, &otlp.grpc(), &zipkin.url(), &small);
    // Ten times what may wait for Zipkin, at a pace that OTLP can follow.
    for round in 1..=20 {
        let begun = Instant::now();
        emitter.run("spans 128").await;
        eventually("the spans over OTLP", async || (otlp.count() == round * 128).then_some(())).await;
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
    let ended = emitter.ended;
    let (report, _) = emitter.finish().await;
    report.assert_adds_up(ended);
    assert_eq!((report.exported, otlp.count()), (0, 2_560), "{report:?}");
    assert!(report.dropped > 0 && report.failed > 0, "too many for its queue, and given up: {report:?}");
    assert!(report.took < Duration::from_millis(1_300), "{report:?}");
}

#[tokio::test]
async fn the_first_named_may_be_the_one_that_hangs() {
    let (otlp, zipkin) = (OtlpSink::start(), zipkin(taken));
    otlp.set(Mood::Hangs);
    let timeout = [("OTEL_BSP_EXPORT_TIMEOUT", "200")];
    let mut emitter = both(5_000, &otlp.grpc(), &zipkin.url(), &timeout);
    emitter.run("spans 100").await;
    eventually("the spans in Zipkin", async || (spans(&zipkin).len() == 100).then_some(())).await;
    let report = emitter.flush().await;
    assert_eq!((report.exported, report.failed), (0, 100), "{report:?}");
    otlp.set(Mood::Takes);
    emitter.run("spans 50").await;
    let (report, _) = emitter.finish().await;
    assert_eq!((report.exported, report.failed, report.dropped), (50, 100, 0), "{report:?}");
    assert_eq!((otlp.count(), spans(&zipkin).len()), (50, 150));
}

#[tokio::test]
async fn zipkins_own_timeout_holds() {
    let (otlp, zipkin) = (OtlpSink::start(), zipkin(|| Answer::Hang));
    let mut emitter = both(5_000, &otlp.grpc(), &zipkin.url(), &[("OTEL_EXPORTER_ZIPKIN_TIMEOUT", "100")]);
    emitter.run("spans 10").await;
    let report = emitter.flush().await;
    assert_eq!((report.failed, otlp.count()), (10, 10), "{report:?}");
    assert!(report.took < Duration::from_secs(2), "{report:?}");
    emitter.finish().await;
}
