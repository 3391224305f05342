//! One order through four services: span tree, attributes, log lines and metrics of docs/TELEMETRY.md.

use acceptance::{
    Answered, CARD, CONFIRMED_LINES, CONFIRMED_TREE, CUSTOMER, EARL_GREY, Exposition, SERVICES, Settings,
    Stack, spans_in,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use telemetry::testing::{SpanRecord, assert_tree};
use testkit::{Line, LogSink, OtlpSink};

#[tokio::test]
async fn one_order_can_be_followed_through_everything() {
    let (otlp, logs) = (OtlpSink::start(), LogSink::start());
    let settings = Settings { otlp: Some(otlp.grpc()), log_ship: Some(logs.url()), ..Settings::default() };
    let stack = Stack::start(settings).await;
    let baggage = [("baggage", "session_id=s-77,customer_tier=gold")];
    let answer = stack.place_with(EARL_GREY, CARD, &baggage).await;
    assert_answer(&answer);

    let trace_id = answer.trace_id();
    let spans = otlp.wait_for(trace_id, spans_in(CONFIRMED_TREE)).await;
    assert_tree(&spans, CONFIRMED_TREE);
    assert_attributes(&answer, &spans);
    assert_messaging(&spans);
    assert_databases(&spans);
    assert_events(&answer, &spans);

    let of_trace =
        |line: &Line| line.get("trace_id").is_some_and(|id| id == trace_id) && !line.contains_key("stream");
    let lines = logs.wait_for(CONFIRMED_LINES.len(), "of the order's trace", of_trace).await;
    assert_lines(&answer, &lines, &spans);

    assert_metrics(&stack, trace_id).await;
}

fn assert_answer(answer: &Answered) {
    let body = &answer.body;
    assert_eq!(answer.status, 201, "{body}");
    assert_eq!(answer.header("location"), format!("/api/orders/{}", answer.order_id()));
    let timing = answer.header("server-timing");
    assert!(timing.starts_with(&format!("traceparent;desc=\"00-{}-", answer.trace_id())), "{timing}");
    let price = json!({"amount_minor": 1250, "currency": "EUR"});
    assert_eq!(
        *body,
        json!({
            "id": body["id"], "status": "confirmed", "customer_id": CUSTOMER,
            "items": [{"sku": EARL_GREY, "quantity": 2, "unit_price": price}],
            "total": {"amount_minor": 2500, "currency": "EUR"},
            "payment": {"transaction_id": body["payment"]["transaction_id"], "card_last4": "4242"},
            "created_at": body["created_at"],
        })
    );
    assert!(answer.order_id().len() == 36 && &answer.order_id()[14..15] == "7", "a UUIDv7: {body}");
}

fn assert_attributes(answer: &Answered, spans: &[SpanRecord]) {
    let order_id = answer.order_id();
    let reference = &span(spans, "gateway.createOrder").attributes["customer.ref"];
    assert!(reference.as_str().is_some_and(|reference| reference.len() == 32), "{reference}");
    let of_order = json!({
        "order.id": order_id, "order.item_count": 1, "order.total_amount_minor": 2500,
        "order.currency": "EUR", "payment.method": "card", "customer.ref": reference,
    });
    for (name, method, route, expected) in [
        ("gateway.createOrder", "POST", "/api/orders", of_order.clone()),
        ("order.create", "POST", "/orders", of_order),
        ("inventory.reserve", "POST", "/reservations", json!({"order.id": order_id, "order.item_count": 1})),
        ("payment.charge", "POST", "/charges", json!({"order.id": order_id, "payment.method": "card"})),
    ] {
        let span = span(spans, name);
        assert_has(span, expected.as_object().unwrap());
        let http = json!({
            "http.request.method": method, "http.route": route, "http.response.status_code": 201,
            "url.path": route, "url.scheme": "http", "server.address": "127.0.0.1",
            "client.address": "127.0.0.1", "session.id": "s-77", "customer.tier": "gold",
            "log.index": format!("logs-waybill.{}-default", span.service),
        });
        assert_has(span, http.as_object().unwrap());
        assert!(span.attributes["server.port"].is_i64(), "{span:?}");
    }
    for name in ["gateway.forwardOrder", "order.checkInventory", "order.processPayment"] {
        let span = span(spans, name);
        let http = json!({
            "http.request.method": "POST", "http.response.status_code": 201, "server.address": "127.0.0.1",
        });
        assert_has(span, http.as_object().unwrap());
        assert!(span.attributes["server.port"].is_i64(), "{span:?}");
        assert!(span.attributes["url.full"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{span:?}");
    }
    assert!(spans.iter().all(|span| span.error.is_none()), "{spans:#?}");
}

fn assert_messaging(spans: &[SpanRecord]) {
    let (publish, process) = (span(spans, "order-events publish"), span(spans, "order-events process"));
    for (span, operation, kind) in [(publish, "publish", "send"), (process, "process", "process")] {
        let expected = json!({
            "messaging.system": "http", "messaging.destination.name": "order-events",
            "messaging.operation.name": operation, "messaging.operation.type": kind,
            "order.id": publish.attributes["order.id"], "session.id": "s-77", "customer.tier": "gold",
        });
        assert_has(span, expected.as_object().unwrap());
    }
    let message = &publish.attributes["messaging.message.id"];
    assert!(message.is_string());
    assert_eq!(*message, process.attributes["messaging.message.id"]);
}

fn assert_databases(spans: &[SpanRecord]) {
    for (name, operation, collection) in [
        ("order.save", "INSERT", "orders"),
        ("order.confirm", "UPDATE", "orders"),
        ("reservation.save", "INSERT", "reservations"),
        ("reservation.sell", "UPDATE", "reservations"),
        ("charge.open", "INSERT", "charges"),
        ("charge.close", "UPDATE", "charges"),
    ] {
        let expected = json!({
            "db.system.name": "sqlite", "db.operation.name": operation, "db.collection.name": collection,
            "db.query.summary": format!("{operation} {collection}"),
        });
        assert_has(span(spans, name), expected.as_object().unwrap());
    }
}

fn assert_events(answer: &Answered, spans: &[SpanRecord]) {
    let events = |name: &str| span(spans, name).events.clone();
    assert_eq!(events("inventory.reserve"), [("StockReserved".to_owned(), Map::new())]);
    let paid = json!({"transaction_id": answer.body["payment"]["transaction_id"]});
    assert_eq!(
        events("payment.charge"),
        [("PaymentProcessed".to_owned(), paid.as_object().unwrap().clone())]
    );
}

fn assert_lines(answer: &Answered, lines: &[Line], spans: &[SpanRecord]) {
    let mut said: Vec<_> = lines.iter().map(|line| (text(line, "service"), text(line, "message"))).collect();
    said.sort_unstable();
    assert_eq!(said, CONFIRMED_LINES);
    let reference = &span(spans, "gateway.createOrder").attributes["customer.ref"];
    for line in lines {
        let timestamp = text(line, "timestamp");
        assert!(timestamp.len() == 27 && timestamp.ends_with('Z'), "{timestamp}");
        assert_eq!(text(line, "severity"), "INFO");
        assert_eq!(text(line, "trace_flags"), "01");
        assert_eq!(text(line, "order_id"), answer.order_id());
        assert_eq!((text(line, "session_id"), text(line, "customer_tier")), ("s-77", "gold"));
        assert!(text(line, "target").contains("::") && !text(line, "version").is_empty(), "{line:?}");
        let of_line = |span: &&SpanRecord| span.span_id == text(line, "span_id");
        let span = spans.iter().find(of_line).unwrap_or_else(|| panic!("of no span: {line:?}"));
        assert_eq!(span.service, text(line, "service"));
        if matches!(span.service.as_str(), "api-gateway" | "order-service") {
            assert_eq!(line["customer_ref"], *reference);
        }
    }
    let confirmed = lines.iter().find(|line| text(line, "message") == "order confirmed").unwrap();
    assert!(confirmed["duration_ms"].is_number(), "{confirmed:?}");
}

async fn assert_metrics(stack: &Stack, trace_id: &str) {
    let order = stack.metrics("order").await;
    assert!((order.value("orders_total{status=\"confirmed\"}") - 1.0).abs() < f64::EPSILON);
    assert_histogram(&order, "order_processing_duration_seconds", "status=\"confirmed\"", trace_id);
    let payment = stack.metrics("payment").await;
    let paid = payment.samples("payments_total{outcome=\"approved\"}").remove(0);
    assert_eq!(paid.exemplar.as_ref().map(|(trace_id, _)| *trace_id), Some(trace_id), "{paid:?}");
    let inventory = stack.metrics("inventory").await;
    let units = |state: &str| {
        inventory.value(&format!("inventory_stock_units{{sku=\"{EARL_GREY}\",state=\"{state}\"}}"))
    };
    assert_eq!((units("available"), units("reserved")), (999_998.0, 0.0));

    for (command, server, clients, databases) in [
        ("gateway", "/api/orders", &["\"201\""][..], &[][..]),
        ("order", "/orders", &["\"201\""], &[("INSERT", "orders"), ("UPDATE", "orders")]),
        ("payment", "/charges", &[], &[("INSERT", "charges"), ("UPDATE", "charges")]),
        ("inventory", "/reservations", &[], &[("INSERT", "reservations"), ("UPDATE", "reservations")]),
    ] {
        let metrics = stack.metrics(command).await;
        let labels =
            format!("http_request_method=\"POST\",http_route=\"{server}\",http_response_status_code=\"201\"");
        assert_histogram(&metrics, "http_server_request_duration_seconds", &labels, trace_id);
        for status in clients {
            let labels = format!(
                "http_request_method=\"POST\",server_address=\"127.0.0.1\",http_response_status_code={status},error_type=\"\""
            );
            assert_histogram(&metrics, "http_client_request_duration_seconds", &labels, trace_id);
        }
        for (operation, collection) in databases {
            let labels = format!(
                "db_system_name=\"sqlite\",db_operation_name=\"{operation}\",db_collection_name=\"{collection}\""
            );
            assert_histogram(&metrics, "db_client_operation_duration_seconds", &labels, trace_id);
        }
        assert_own_metrics(&metrics, command);
    }
}

/// Panics unless the histogram has this series, and an exemplar of this trace with value and time in it.
fn assert_histogram(metrics: &Exposition, name: &str, labels: &str, trace_id: &str) {
    assert!(metrics.value(&format!("{name}_count{{{labels}}}")) >= 1.0);
    let buckets = metrics.samples(&format!("{name}_bucket{{"));
    let of_series = buckets.iter().filter(|sample| sample.series.contains(labels));
    let exemplars: Vec<_> = of_series.filter_map(|sample| sample.exemplar.as_ref()).collect();
    let own = exemplars.iter().find(|(id, _)| *id == trace_id);
    assert!(own.is_some_and(|(_, numbers)| numbers.len() == 2), "{name}{{{labels}}}: {buckets:#?}");
}

/// What every process tells of itself.
fn assert_own_metrics(metrics: &Exposition, command: &str) {
    for (series, outcomes) in [
        ("telemetry_spans_total{", &["exported", "dropped_queue_full", "failed"][..]),
        ("telemetry_logs_total{sink=\"stdout\",", &["shipped", "dropped_queue_full", "failed"]),
        ("telemetry_logs_total{sink=\"tcp\",", &["shipped", "dropped_queue_full", "failed"]),
    ] {
        for outcome in outcomes {
            metrics.value(&format!("{series}outcome=\"{outcome}\"}}"));
        }
    }
    for signal in ["traces", "logs"] {
        assert!(metrics.value(&format!("telemetry_queue_length{{signal=\"{signal}\"}}")) >= 0.0);
        assert!(metrics.value(&format!("telemetry_queue_capacity{{signal=\"{signal}\"}}")) >= 1.0);
    }
    let service = SERVICES.iter().find(|(_, of_service)| *of_service == command).unwrap().0;
    let target = metrics.samples("target_info{").remove(0);
    assert!(target.series.contains(&format!("service_name=\"{service}\"")), "{target:?}");
    assert!(metrics.value("process_resident_memory_bytes") > 1e6);
    assert!(metrics.value("process_cpu_seconds_total") >= 0.0);
    let families: BTreeSet<_> = metrics.text().lines().filter(|line| line.starts_with("# TYPE ")).collect();
    assert_eq!(families.len(), metrics.text().matches("# TYPE ").count(), "a family is there once");
}

fn span<'a>(spans: &'a [SpanRecord], name: &str) -> &'a SpanRecord {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no span {name}"))
}

/// Panics unless the span has these attributes, with these values in these types.
fn assert_has(span: &SpanRecord, expected: &Map<String, Value>) {
    for (key, value) in expected {
        assert_eq!(span.attributes.get(key), Some(value), "{key} of {}", span.name);
    }
}

fn text<'a>(line: &'a Line, name: &str) -> &'a str {
    line.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("no {name} in {line:?}"))
}
