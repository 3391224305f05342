//! Two exporters at once: a trace is in both of its destinations.

use acceptance::{Backends, DECLINED_CARD, DECLINED_TREE, EARL_GREY, Need, Settings, Stack, spans_in};
use std::collections::BTreeMap;

#[tokio::test]
async fn a_trace_is_the_same_in_both_destinations() {
    let backends = Backends::at_hand().await;
    if !backends.have(&[Need::Inputs, Need::Traces, Need::Zipkin]) {
        return;
    }
    let endpoint = format!("{}/api/v2/spans", backends.url("ZIPKIN_URL"));
    let env =
        [("OTEL_TRACES_EXPORTER", "otlp,zipkin".to_owned()), ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", endpoint)];
    let settings = Settings {
        otlp: Some(backends.url("OTLP_URL").to_owned()),
        log_ship: backends.get("LOG_URL").map(str::to_owned),
        env: env.to_vec(),
        ..Settings::default()
    };
    let stack = Stack::start(settings).await;
    let answer = stack.place(EARL_GREY, DECLINED_CARD).await;
    let count = spans_in(DECLINED_TREE);
    let spans = backends.spans(answer.trace_id(), count).await;
    let in_zipkin = backends
        .until("the trace in Zipkin", async || {
            Some(backends.in_zipkin(answer.trace_id()).await).filter(|spans| spans.len() >= count)
        })
        .await;
    let here: BTreeMap<_, _> = spans
        .iter()
        .map(|span| (span.span_id.as_str(), (span.parent_span_id.as_deref(), span.service.to_lowercase())))
        .collect();
    let there: BTreeMap<_, _> = in_zipkin
        .iter()
        .map(|span| {
            let service = span["localEndpoint"]["serviceName"].as_str().unwrap().to_owned();
            (span["id"].as_str().unwrap(), (span["parentId"].as_str(), service))
        })
        .collect();
    assert_eq!(here, there);
}
