//! What a failure looks like: an error on the span, one line, and nothing that should not be seen.

use crate::app::{Service, get_with, trace_id};
use serde_json::json;
use telemetry::testing::recorder;

#[tokio::test]
async fn a_failure_marks_its_span_and_gives_one_error_line() {
    let service = Service::start().await;
    let response = get_with(service.url("/decline"), &[]).await;
    let trace = trace_id(&response);
    let span = recorder().wait_for_spans(&trace, 1).await.remove(0);
    assert_eq!(span.error.as_deref(), Some("the card [redacted] was declined"));
    assert_eq!(span.attributes["error.type"], "card-declined");
    assert_eq!(span.attributes["http.response.status_code"], json!(402));
    let lines = recorder().lines(&trace);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["severity"], "ERROR");
    assert_eq!(lines[0]["message"], "the card [redacted] was declined");
    assert!(lines[0]["duration_ms"].is_number());
}

#[tokio::test]
async fn what_has_no_route_is_named_by_its_method_and_is_no_error() {
    let service = Service::start().await;
    let response = get_with(service.url("/nowhere/4242424242424242"), &[]).await;
    let span = recorder().wait_for_spans(&trace_id(&response), 1).await.remove(0);
    assert_eq!(span.name, "GET");
    assert_eq!(span.error, None);
    assert_eq!(span.attributes["url.path"], "/nowhere/[redacted]");
    assert_eq!(span.attributes.get("http.route"), None);
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_a_span_that_says_so() {
    let service = Service::start().await;
    let parent = "00-3333000077b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let hurried = reqwest::Client::builder().timeout(std::time::Duration::from_millis(50)).build().unwrap();
    hurried.get(service.url("/hang")).header("traceparent", parent).send().await.unwrap_err();
    let spans = recorder().wait_for_spans("3333000077b34da6a3ce929d0e0e4736", 1).await;
    assert_eq!(spans[0].attributes["error.type"], "cancelled");
}
