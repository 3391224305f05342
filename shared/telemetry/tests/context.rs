//! Context in and out, and what spans and lines say.

use crate::app::{Service, get_with, trace_id};
use axum::http::HeaderMap;
use serde_json::json;
use telemetry::{
    Telemetry,
    propagation::{self, StoredContext},
    task,
    testing::{assert_tree, recorder},
};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn one_request_is_one_tree_over_calls_and_messages() {
    let service = Service::start().await;
    let response = reqwest::Client::new().post(service.url("/orders")).send().await.unwrap();
    let spans = recorder().wait_for_spans(&trace_id(&response), 5).await;
    assert_tree(
        &spans,
        "
        tea.order                     SERVER    tea-service
          tea.lookUp                  CLIENT    tea-service
            tea.getOrder              SERVER    tea-service
          order-events publish        PRODUCER  tea-service
            order-events process      CONSUMER  tea-service
        ",
    );
    let call = spans.iter().find(|span| span.kind == "CLIENT").unwrap();
    assert_eq!(call.attributes["http.response.status_code"], json!(200));
    assert!(call.attributes["url.full"].as_str().unwrap().ends_with("/orders/7"), "no query: {call:?}");
}

#[tokio::test]
async fn remote_parents_are_honoured_and_answers_name_their_trace() {
    let service = Service::start().await;
    let parent = PARENT.replace("4bf9", "1111");
    let response = get_with(service.url("/orders/7"), &[("traceparent", &parent)]).await;
    let trace = trace_id(&response);
    assert_eq!(trace, "1111".to_owned() + "2f3577b34da6a3ce929d0e0e4736");
    let spans = recorder().wait_for_spans(&trace, 1).await;
    assert_eq!(spans[0].parent_span_id.as_deref(), Some("00f067aa0ba902b7"));
    let timing = response.headers()["server-timing"].to_str().unwrap();
    assert_eq!(timing, format!("traceparent;desc=\"00-{trace}-{}-01\"", spans[0].span_id));
}

#[tokio::test]
async fn malformed_context_starts_a_new_trace_and_fails_nothing() {
    let service = Service::start().await;
    for header in [
        "",
        "00-xyz",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-0-0-0",
        &"9".repeat(500),
    ] {
        let response =
            get_with(service.url("/orders/7"), &[("traceparent", header), ("baggage", "%%%=;;,=,")]).await;
        assert_eq!(response.status(), 200, "{header}");
        let spans = recorder().wait_for_spans(&trace_id(&response), 1).await;
        assert_eq!(spans[0].parent_span_id, None, "{header}");
    }
}

#[tokio::test]
async fn what_came_along_goes_on_with_calls_and_messages() {
    let service = Service::start().await;
    let asked = reqwest::Client::new()
        .post(service.url("/orders"))
        .header("traceparent", PARENT.replace("4bf9", "3333"))
        .header("baggage", "session_id=s-%C3%A9;private")
        .header("baggage", "customer_tier=gold");
    let response = asked.send().await.unwrap();
    let spans = recorder().wait_for_spans(&trace_id(&response), 5).await;
    // A call's span says nothing of its own: its callee's does.
    let carrying: Vec<_> = spans.iter().filter(|span| span.kind != "CLIENT").collect();
    assert_eq!(carrying.len(), 4);
    for span in carrying {
        assert_eq!(span.attributes["session.id"], "s-\u{e9}", "{span:?}");
        assert_eq!(span.attributes["customer.tier"], "gold", "{span:?}");
    }
}

#[test]
fn headers_go_out_as_they_came() {
    let _telemetry = Telemetry::for_test("tea-service");
    let came = StoredContext {
        traceparent: PARENT.replace("4bf9", "4444"),
        tracestate: Some("vendor=1,other=2".to_owned()),
        baggage: Some("session_id=s-%C3%A9;private,customer_tier=gold".to_owned()),
    };
    let span = task::continued("tea.goOn", &came);
    let mut headers = HeaderMap::new();
    propagation::inject(&span, &mut headers);
    let parent = propagation::ids_of(&span).unwrap().traceparent();
    assert!(parent.starts_with("00-44442f3577b34da6a3ce929d0e0e4736-") && parent != came.traceparent);
    assert_eq!(headers["traceparent"], parent);
    assert_eq!(headers["tracestate"], "vendor=1,other=2");
    assert_eq!(headers["baggage"], "session_id=s-%C3%A9;private,customer_tier=gold");
    assert_eq!(StoredContext::of(&span), StoredContext { traceparent: parent, ..came.clone() });
    // A root in the same process has the baggage, and nothing of the other trace.
    let root = span.in_scope(|| task::linked_root("tea.begin"));
    let stored = StoredContext::of(&root);
    assert_eq!((stored.tracestate, stored.baggage), (None, came.baggage));
    assert!(!stored.traceparent.contains("4444"));
}

#[tokio::test]
async fn unsampled_parents_are_followed() {
    let service = Service::start().await;
    let parent = PARENT.replace("4bf9", "2222").replace("-01", "-00");
    let response = get_with(service.url("/orders/7"), &[("traceparent", &parent)]).await;
    assert!(response.headers()["server-timing"].to_str().unwrap().ends_with("-00\""));
    assert_eq!(recorder().spans(&trace_id(&response)), []);
    // Its lines are there all the same, and say that there is no trace to look for.
    assert_eq!(recorder().lines(&trace_id(&response))[0]["trace_flags"], "00");
}

#[tokio::test]
async fn baggage_and_business_ids_are_on_spans_and_lines_and_secrets_are_not() {
    let service = Service::start().await;
    let baggage = "session_id=s-77,customer_tier=gold,other=1";
    let response = get_with(service.url("/orders/7"), &[("baggage", baggage)]).await;
    let trace = trace_id(&response);
    let span = recorder().wait_for_spans(&trace, 1).await.remove(0);
    let attribute = |name: &str| span.attributes.get(name).cloned().unwrap_or_default();
    assert_eq!(attribute("session.id"), "s-77");
    assert_eq!(attribute("customer.tier"), "gold");
    assert_eq!(attribute("http.request.method"), "GET");
    assert_eq!(attribute("http.route"), "/orders/{id}");
    assert_eq!(attribute("url.path"), "/orders/7");
    assert_eq!(attribute("server.port"), i64::from(service.address.port()));
    assert_eq!(attribute("log.index"), "logs-waybill.tea-service-default");
    assert_eq!(attribute("note"), "paid again with [redacted]");
    assert_eq!(span.events[0].1["card_number"], "[redacted]");

    let line = recorder().lines(&trace).remove(0);
    assert_eq!(line["severity"], "INFO");
    assert_eq!(line["message"], "looked up [redacted]");
    assert_eq!(line["card"], "[redacted]");
    assert_eq!(line["quantity"], 3);
    assert_eq!(line["service"], "tea-service");
    assert_eq!(line["span_id"], span.span_id);
    assert_eq!(line["trace_flags"], "01");
    assert_eq!(line["order_id"], "0193f5c2-0000-7000-8000-000000000001");
    assert_eq!(line["session_id"], "s-77");
    assert_eq!(line["customer_tier"], "gold");
    assert_eq!(line["customer_ref"], attribute("customer.ref"));
    assert!(!format!("{span:?}{line:?}").contains("c-1042"));
}

#[test]
fn stored_context_survives_a_row() {
    let stored = StoredContext {
        traceparent: PARENT.to_owned(),
        tracestate: Some("vendor=1".to_owned()),
        baggage: Some("session_id=s-1".to_owned()),
    };
    let row = serde_json::to_string(&stored).unwrap();
    let restored: StoredContext = serde_json::from_str(&row).unwrap();
    assert_eq!(restored, stored);
    assert_eq!(restored.trace_id().as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
    assert_eq!(StoredContext::default().trace_id(), None);
}
