//! The observatory, fed by the real services: what was emitted can be found, by every way in.

use acceptance::{Answered, CARD, DECLINED_CARD, EARL_GREY, SERVICES, Stack};
use serde_json::Value;
use std::collections::BTreeSet;
use testkit::eventually;

async fn search(stack: &Stack, query: &[(&str, &str)]) -> Vec<String> {
    let request = stack.client().get(format!("{}/api/traces", stack.url("observatory"))).query(query);
    let answer = Answered::to(request).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let traces = answer.body["data"].as_array().unwrap();
    traces.iter().map(|trace| trace["traceID"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_trace_is_found_by_everything_that_is_known_of_it() {
    let stack = Stack::shared().await;
    let (good, bad) = (stack.place(EARL_GREY, CARD).await, stack.place(EARL_GREY, DECLINED_CARD).await);
    for answer in [&good, &bad] {
        stack.spans(answer.trace_id(), 15).await;
    }
    let order = format!("{{\"order.id\":\"{}\"}}", good.order_id());
    let service = ("service", "order-service");
    for query in [
        &[service, ("tags", order.as_str())][..],
        &[("service", "payment-service"), ("tags", &order)],
        &[service, ("operation", "order.create"), ("tags", &order)],
        &[service, ("tags", &order), ("minDuration", "1us"), ("maxDuration", "60s")],
    ] {
        assert_eq!(search(&stack, query).await, [good.trace_id()], "{query:?}");
    }
    for query in [
        &[service, ("tags", order.as_str()), ("maxDuration", "1us")][..],
        &[service, ("tags", &order), ("minDuration", "60s")],
        &[service, ("tags", &order), ("operation", "order.get")],
        &[("service", "nobody"), ("tags", &order)],
    ] {
        assert_eq!(search(&stack, query).await, [""; 0], "{query:?}");
    }
    let failed = search(&stack, &[service, ("tags", "{\"error\":\"true\"}"), ("limit", "1000")]).await;
    assert!(failed.contains(&bad.trace_id().to_owned()) && !failed.contains(&good.trace_id().to_owned()));
}

#[tokio::test]
async fn services_operations_and_dependencies_are_known() {
    let stack = Stack::shared().await;
    let answer = stack.place(EARL_GREY, CARD).await;
    stack.spans(answer.trace_id(), 15).await;
    let services = stack.get("observatory", "/api/services").await.body["data"].clone();
    for (service, _) in SERVICES {
        assert!(services.as_array().unwrap().contains(&service.into()), "{services}");
    }
    let operations = stack.get("observatory", "/api/services/order-service/operations").await;
    for name in ["order.create", "order.save", "order-events publish"] {
        assert!(operations.body["data"].as_array().unwrap().contains(&name.into()), "{}", operations.body);
    }
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() + 1_000;
    let path = format!("/api/dependencies?endTs={now}&lookback=3600000");
    let calls = stack.get("observatory", &path).await.body["data"].clone();
    for (parent, child) in [
        ("api-gateway", "order-service"),
        ("order-service", "inventory-service"),
        ("order-service", "payment-service"),
    ] {
        let is_call = |call: &&Value| call["parent"] == parent && call["child"] == child;
        let call = calls.as_array().unwrap().iter().find(is_call);
        assert!(call.is_some_and(|call| call["callCount"].as_u64() >= Some(1)), "{parent} {child}: {calls}");
    }
}

#[tokio::test]
async fn lines_are_found_by_trace_order_and_severity() {
    let stack = Stack::shared().await;
    let answer = stack.place(EARL_GREY, DECLINED_CARD).await;
    let (trace_id, order_id) = (answer.trace_id(), answer.order_id());
    let of_trace = stack.lines(&format!("trace_id={trace_id}"), 5).await;
    let of_order = stack.lines(&format!("order_id={order_id}"), 5).await;
    assert_eq!(of_trace, of_order, "every line of this trace is of this order");
    let errors = stack.lines(&format!("trace_id={trace_id}&severity=ERROR"), 1).await;
    assert_eq!(errors.len(), 1);
    let span = errors[0]["span_id"].as_str().unwrap();
    assert_eq!(stack.lines(&format!("trace_id={trace_id}&span_id={span}&q=declined"), 1).await, errors);
    let of_service = stack.lines(&format!("order_id={order_id}&service=payment-service"), 1).await;
    assert!(of_service.iter().all(|line| line["service"] == "payment-service"));
    let timestamps: Vec<_> = of_order.iter().map(|line| line["timestamp"].as_str().unwrap()).collect();
    assert!(timestamps.is_sorted(), "{timestamps:?}");
}

#[tokio::test]
async fn an_order_shows_all_its_signals_together() {
    let stack = Stack::shared().await;
    let answer = stack.place(EARL_GREY, CARD).await;
    stack.spans(answer.trace_id(), 15).await;
    let path = format!("/api/orders/{}", answer.order_id());
    // Five lines of the services, and two entries of the audit log, which are delivered a little later.
    let view = eventually("seven lines of the order", async || {
        let view = stack.get("observatory", &path).await;
        (view.body["logs"].as_array()?.len() >= 7).then_some(view)
    })
    .await;
    assert_eq!(view.status, 200, "{}", view.body);
    assert_eq!(view.body["order_id"], answer.order_id());
    assert_eq!(view.body["trace_ids"], serde_json::json!([answer.trace_id()]));
    let lines = view.body["logs"].as_array().unwrap();
    let said = |is_audit: bool| {
        let lines = lines.iter().filter(|line| (line["stream"] == "audit") == is_audit);
        lines.filter_map(|line| line["message"].as_str()).collect::<BTreeSet<_>>()
    };
    let of_services =
        ["order confirmed", "order placed", "payment processed", "stock reserved", "stock sold"];
    assert_eq!(said(false), BTreeSet::from(of_services));
    assert_eq!(said(true), BTreeSet::from(["order created", "order paid"]));
    assert_eq!(lines.len(), 7, "{lines:#?}");
    assert!(view.body["exemplars"].is_array());
    let missing = stack.get("observatory", "/api/orders/0193f5c2-ffff-7000-8000-ffffffffffff").await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn exemplars_lead_from_metrics_to_traces() {
    let stack = Stack::shared().await;
    stack.place(EARL_GREY, CARD).await;
    let path = "/api/metrics?name=order_processing_duration_seconds";
    let trace_id = eventually("an exemplar in the observatory", async || {
        let answer = stack.get("observatory", path).await;
        let series = answer.body["series"].as_array()?;
        let mut buckets = series.iter().filter_map(|series| series["buckets"].as_array()).flatten();
        buckets.find_map(|bucket| bucket["exemplar"]["trace_id"].as_str()).map(str::to_owned)
    })
    .await;
    let spans = stack.spans(&trace_id, 1).await;
    assert!(spans.iter().any(|span| span.name == "order.create"), "{spans:#?}");
    for (command, metric) in [
        ("gateway", "http_server_request_duration_seconds_bucket"),
        ("gateway", "http_client_request_duration_seconds_bucket"),
        ("payment", "payments_total"),
        ("inventory", "db_client_operation_duration_seconds_bucket"),
    ] {
        let exemplars = stack.metrics(command).await.exemplars(metric);
        assert!(!exemplars.is_empty(), "{command} {metric}");
        for trace_id in exemplars {
            stack.spans(&trace_id, 1).await;
        }
    }
}

#[tokio::test]
async fn every_page_answers() {
    let stack = Stack::shared().await;
    let answer = stack.place(EARL_GREY, CARD).await;
    let (trace_id, order_id) = (answer.trace_id(), answer.order_id());
    stack.spans(trace_id, 15).await;
    stack.lines(&format!("trace_id={trace_id}"), 5).await;
    for (path, shows) in [
        ("/".to_owned(), order_id),
        (format!("/trace/{trace_id}"), "payment.charge"),
        (format!("/trace/{trace_id}"), "order confirmed"),
        (format!("/order/{order_id}"), order_id),
        ("/search?service=order-service&operation=order.create".to_owned(), trace_id),
        (format!("/logs?order_id={order_id}"), "stock reserved"),
        ("/metrics-view".to_owned(), "order_processing_duration_seconds"),
    ] {
        let page = eventually(&format!("{shows} on {path}"), async || {
            let page = stack.get("observatory", &path).await;
            assert_eq!(page.status, 200, "{path}");
            page.body.as_str().is_some_and(|text| text.contains(shows)).then_some(page)
        })
        .await;
        assert!(page.header("content-type").starts_with("text/html"), "{path}");
        assert!(page.header("content-security-policy").contains("default-src 'none'"), "{path}");
    }
    assert_eq!(stack.get("observatory", "/nowhere").await.status, 404);
    assert_eq!(stack.get("observatory", "/trace/00000000000000000000000000000001").await.status, 404);
}

#[tokio::test]
async fn it_loses_nothing_it_was_sent() {
    let stack = Stack::shared().await;
    let answer = stack.place(EARL_GREY, CARD).await;
    stack.spans(answer.trace_id(), 15).await;
    for (_, command) in SERVICES {
        let metrics = stack.metrics(command).await;
        for series in [
            "telemetry_spans_total{outcome=\"dropped_queue_full\"}",
            "telemetry_spans_total{outcome=\"failed\"}",
            "telemetry_logs_total{sink=\"tcp\",outcome=\"dropped_queue_full\"}",
            "telemetry_logs_total{sink=\"tcp\",outcome=\"failed\"}",
        ] {
            assert!(metrics.value(series).abs() < f64::EPSILON, "{command} {series}");
        }
    }
}
