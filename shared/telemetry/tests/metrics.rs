//! Exemplars lead from a metric to its trace.

use crate::app::{Service, get_with, trace_id};

#[tokio::test]
async fn durations_carry_the_trace_as_exemplar() {
    let service = Service::start().await;
    let response = get_with(service.url("/orders/7"), &[]).await;
    let text = service.telemetry.metrics().encode();
    let labels = r#"http_request_method="GET",http_route="/orders/{id}",http_response_status_code="200""#;
    let bucket = text
        .lines()
        .find(|line| {
            line.starts_with("http_server_request_duration_seconds_bucket{") && line.contains(" # {")
        })
        .unwrap_or_else(|| panic!("no exemplar in\n{text}"));
    assert!(bucket.contains(&format!("# {{trace_id=\"{}\"}} ", trace_id(&response))), "{bucket}");
    assert_eq!(
        bucket.split(" # ").nth(1).unwrap().split_whitespace().count(),
        3,
        "has a timestamp: {bucket}"
    );
    assert!(text.contains(&format!("http_server_request_duration_seconds_count{{{labels}}} 1")), "{text}");
}

#[tokio::test]
async fn unsampled_traces_leave_no_exemplar() {
    let service = Service::start().await;
    let parent = "00-4444000077b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    get_with(service.url("/orders/7"), &[("traceparent", parent)]).await;
    let text = service.telemetry.metrics().encode();
    assert!(text.contains("http_server_request_duration_seconds_count{"), "{text}");
    assert!(!text.contains("4444000077b3"), "{text}");
}
