//! Jaeger's query API.

use serde_json::{Value, json};

use crate::support::{Observatory, START, TRACE, around_start, attributes, export, span};

const ROOT: &str = "00f067aa0ba902b7";
const CHILD: &str = "b7ad6b7169203331";

/// Two services, a failed child with an event and a link.
async fn two_spans(observatory: &Observatory) {
    let mut root = span(ROOT, "", "gateway.createOrder", 2, (0, 5000));
    root["attributes"] = json!([
        {"key": "http.route", "value": {"stringValue": "/api/orders"}},
        {"key": "http.response.status_code", "value": {"intValue": "402"}},
    ]);
    root["traceState"] = "vendor=1".into();
    let mut child = span(CHILD, ROOT, "payment.charge", 2, (1000, 3500));
    child["attributes"] = json!([
        {"key": "order.id", "value": {"stringValue": "o-1"}},
        {"key": "ratio", "value": {"doubleValue": 0.5}},
        {"key": "retried", "value": {"boolValue": false}},
        {"key": "skus", "value": {"arrayValue": {"values": [{"stringValue": "TEA"}, {"intValue": 2}]}}},
        {"key": "raw", "value": {"bytesValue": "AQID"}},
    ]);
    child["events"] = json!([{
        "timeUnixNano": (START + 2_000_000).to_string(),
        "name": "PaymentFailed",
        "attributes": attributes(&[("error", "card_declined")]),
    }]);
    child["links"] = json!([{"traceId": "1af7651916cd43dd8448eb211c80319c", "spanId": "c7ad6b7169203331"}]);
    child["status"] = json!({"code": 2, "message": "the card was declined"});
    observatory.send_spans(&export("api-gateway", &[root])).await;
    let mut payment = export("payment-service", &[child]);
    payment["resourceSpans"][0]["resource"]["attributes"] =
        attributes(&[("service.name", "payment-service"), ("service.version", "0.1.0")]);
    observatory.send_spans(&payment).await;
    let path = format!("/api/traces/{TRACE}");
    observatory
        .eventually(&path, |answer| answer["data"][0]["spans"].as_array().is_some_and(|all| all.len() == 2))
        .await;
}

fn expected_root() -> Value {
    json!({
        "traceID": TRACE, "spanID": ROOT, "operationName": "gateway.createOrder", "references": [],
        "startTime": START / 1000, "duration": 5000,
        "tags": [
            {"key": "otel.scope.name", "type": "string", "value": "test"},
            {"key": "http.route", "type": "string", "value": "/api/orders"},
            {"key": "http.response.status_code", "type": "int64", "value": 402},
            {"key": "span.kind", "type": "string", "value": "server"},
            {"key": "w3c.tracestate", "type": "string", "value": "vendor=1"},
            {"key": "internal.span.format", "type": "string", "value": "otlp"},
        ],
        "logs": [], "processID": "p1", "warnings": null,
    })
}

fn expected_child() -> Value {
    json!({
        "traceID": TRACE, "spanID": CHILD, "operationName": "payment.charge",
        "references": [
            {"refType": "CHILD_OF", "traceID": TRACE, "spanID": ROOT},
            {"refType": "FOLLOWS_FROM", "traceID": "1af7651916cd43dd8448eb211c80319c", "spanID": "c7ad6b7169203331"},
        ],
        "startTime": START / 1000 + 1000, "duration": 2500,
        "tags": [
            {"key": "otel.scope.name", "type": "string", "value": "test"},
            {"key": "order.id", "type": "string", "value": "o-1"},
            {"key": "ratio", "type": "float64", "value": 0.5},
            {"key": "retried", "type": "bool", "value": false},
            {"key": "skus", "type": "string", "value": "[\"TEA\",2]"},
            {"key": "raw", "type": "binary", "value": "AQID"},
            {"key": "span.kind", "type": "string", "value": "server"},
            {"key": "otel.status_code", "type": "string", "value": "ERROR"},
            {"key": "error", "type": "bool", "value": true},
            {"key": "otel.status_description", "type": "string", "value": "the card was declined"},
            {"key": "internal.span.format", "type": "string", "value": "otlp"},
        ],
        "logs": [{"timestamp": START / 1000 + 2000, "fields": [
            {"key": "event", "type": "string", "value": "PaymentFailed"},
            {"key": "error", "type": "string", "value": "card_declined"},
        ]}],
        "processID": "p2", "warnings": null,
    })
}

#[tokio::test]
async fn a_trace_has_jaegers_form() {
    let observatory = Observatory::start().await;
    two_spans(&observatory).await;
    let expected = json!({
        "data": [{
            "traceID": TRACE,
            "spans": [expected_root(), expected_child()],
            "processes": {
                "p1": {"serviceName": "api-gateway", "tags": []},
                "p2": {"serviceName": "payment-service", "tags": [
                    {"key": "service.version", "type": "string", "value": "0.1.0"},
                ]},
            },
            "warnings": null,
        }],
        "total": 0, "limit": 0, "offset": 0, "errors": null,
    });
    assert_eq!(observatory.json(&format!("/api/traces/{TRACE}")).await, expected);
    let found = observatory.json(&format!("/api/traces?service=api-gateway&{}", around_start())).await;
    assert_eq!(found, expected);
    let by_id = observatory.json(&format!("/api/traces?traceID={TRACE}&traceID=1")).await;
    assert_eq!(by_id["data"], expected["data"]);
    assert_eq!(
        by_id["errors"],
        json!([{"msg": "trace not found", "traceID": "00000000000000000000000000000001"}])
    );
    observatory.stop().await;
}

#[tokio::test]
async fn names_and_dependencies_have_jaegers_form() {
    let observatory = Observatory::start().await;
    two_spans(&observatory).await;
    let envelope = |data: Value, total: u32| json!({"data": data, "total": total, "limit": 0, "offset": 0, "errors": null});
    assert_eq!(
        observatory.json("/api/services").await,
        envelope(json!(["api-gateway", "payment-service"]), 2)
    );
    assert_eq!(
        observatory.json("/api/services/payment-service/operations").await,
        envelope(json!(["payment.charge"]), 1)
    );
    assert_eq!(
        observatory.json("/api/operations?service=payment-service").await,
        envelope(json!([{"name": "payment.charge", "spanKind": "server"}]), 1)
    );
    assert_eq!(
        observatory.json("/api/operations?service=payment-service&spanKind=client").await,
        envelope(json!([]), 0)
    );
    let (end, day) = (START / 1_000_000 + 1000, 86_400_000);
    assert_eq!(
        observatory.json(&format!("/api/dependencies?endTs={end}&lookback={day}")).await,
        envelope(json!([{"parent": "api-gateway", "child": "payment-service", "callCount": 1}]), 0)
    );
    let before = START / 1_000_000 - 1;
    assert_eq!(
        observatory.json(&format!("/api/dependencies?endTs={before}&lookback=1000")).await,
        envelope(json!([]), 0)
    );
    observatory.stop().await;
}

#[tokio::test]
async fn a_search_looks_at_everything_it_is_asked_for() {
    let observatory = Observatory::start().await;
    two_spans(&observatory).await;
    for (query, found) in [
        ("service=payment-service", true),
        ("service=inventory-service", false),
        ("service=payment-service&operation=payment.charge", true),
        // The operation is another service's.
        ("service=payment-service&operation=gateway.createOrder", false),
        ("minDuration=4ms&maxDuration=6ms", true),
        ("service=payment-service&minDuration=2.5ms", true),
        ("service=payment-service&minDuration=2.6ms", false),
        ("service=payment-service&maxDuration=2.4ms", false),
        ("tags=%7B%22error%22%3A%22true%22%7D", true),
        ("service=api-gateway&tags=%7B%22error%22%3A%22true%22%7D", false),
        ("tag=order.id:o-1&tag=span.kind:server", true),
        ("tag=order.id:o-2", false),
        ("tag=service.version:0.1.0", true),
        ("tag=http.response.status_code:402", true),
        ("tag=error:card_declined", true),
    ] {
        let answer = observatory.json(&format!("/api/traces?{query}&{}", around_start())).await;
        assert_eq!(answer["data"].as_array().unwrap().len(), usize::from(found), "{query}");
    }
    for time in [
        format!("end={}", START / 1000 - 1),
        format!("start={}&end={}", START / 1000 + 1001, START / 1000 + 2000),
    ] {
        let answer = observatory.json(&format!("/api/traces?{time}")).await;
        assert_eq!(answer["data"], json!([]), "{time}");
    }
    observatory.stop().await;
}

#[tokio::test]
async fn a_search_gives_the_newest_first_and_no_more_than_asked() {
    let observatory = Observatory::start().await;
    let spans: Vec<_> = (1..=5_u64)
        .map(|number| {
            let mut span = span(ROOT, "", "op", 2, (number * 1000, number * 1000 + 10));
            span["traceId"] = format!("{number:032x}").into();
            span
        })
        .collect();
    observatory.send_spans(&export("svc", &spans)).await;
    let all = format!("/api/traces?service=svc&{}", around_start());
    observatory
        .eventually(&all, |answer| answer["data"].as_array().is_some_and(|traces| traces.len() == 5))
        .await;
    let two = observatory.json(&format!("{all}&limit=2")).await;
    let ids: Vec<_> = two["data"].as_array().unwrap().iter().map(|trace| trace["traceID"].clone()).collect();
    assert_eq!(ids, [format!("{:032x}", 5), format!("{:032x}", 4)]);
    observatory.stop().await;
}

#[tokio::test]
async fn spans_that_are_sent_twice_are_shown_once() {
    let observatory = Observatory::start().await;
    two_spans(&observatory).await;
    two_spans(&observatory).await;
    observatory.metric_reaches("observatory_stored_total", &[("signal", "traces")], 4).await;
    let found = observatory.json(&format!("/api/traces?{}", around_start())).await;
    assert_eq!(found["data"].as_array().unwrap().len(), 1);
    assert_eq!(found["data"][0]["spans"].as_array().unwrap().len(), 2);
    let end = START / 1_000_000 + 1000;
    let calls = observatory.json(&format!("/api/dependencies?endTs={end}&lookback=60000")).await;
    assert_eq!(calls["data"][0]["callCount"], 1);
    observatory.stop().await;
}

#[tokio::test]
async fn errors_have_jaegers_form() {
    let observatory = Observatory::start().await;
    for (path, status, message) in [
        (format!("/api/traces/{TRACE}"), 404, "trace not found"),
        ("/api/traces/xyz".to_owned(), 400, "'xyz' is not a trace id"),
        ("/api/operations".to_owned(), 400, "parameter 'service' is required"),
        ("/api/traces?minDuration=5".to_owned(), 400, "unable to parse param 'minDuration': 5"),
        (
            "/api/traces?minDuration=2s&maxDuration=1s".to_owned(),
            400,
            "'maxDuration' should be greater than 'minDuration'",
        ),
        ("/api/traces?start=now".to_owned(), 400, "unable to parse param 'start': now"),
        (
            "/api/traces?limit=0".to_owned(),
            400,
            "unable to parse param 'limit': 0 is not a number from 1 to 1500",
        ),
        ("/api/traces?tag=x".to_owned(), 400, "malformed 'tag' parameter, expecting key:value, received: x"),
        ("/api/traces?traceID=g".to_owned(), 400, "cannot parse traceID param: g"),
        ("/api/dependencies?endTs=x".to_owned(), 400, "unable to parse param 'endTs': x"),
    ] {
        let answer = observatory.get(&path).await;
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(
            answer.json::<Value>().await.unwrap(),
            json!({"data": null, "total": 0, "limit": 0, "offset": 0, "errors": [{"code": status, "msg": message}]}),
            "{path}"
        );
    }
    observatory.stop().await;
}
