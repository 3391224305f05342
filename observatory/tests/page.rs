//! The pages as a browser gets them.

mod fixture;

use std::time::{Duration, Instant};

use reqwest::Response;
use serde_json::{Value, json};

use self::fixture::{Order, Outcome, order, request};
use crate::support::{Observatory, START, config};

/// An observatory that holds the order.
async fn with(order: &Order) -> Observatory {
    let observatory = Observatory::start().await;
    send(&observatory, order).await;
    observatory
}

async fn send(observatory: &Observatory, order: &Order) {
    let lines: Vec<Value> = order.lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    observatory.send_spans(&order.spans).await;
    observatory.send_lines(&lines).await;
    let spans: usize = order.spans["resourceSpans"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["scopeSpans"][0]["spans"].as_array().unwrap().len())
        .sum();
    observatory
        .eventually(&format!("/api/traces/{}", order.trace_id), |answer| {
            answer["data"][0]["spans"].as_array().is_some_and(|stored| stored.len() == spans)
        })
        .await;
    observatory
        .eventually(&format!("/api/logs?trace_id={}", order.trace_id), |answer| {
            answer["logs"].as_array().is_some_and(|stored| stored.len() == lines.len())
        })
        .await;
}

/// A page that is there.
async fn page(observatory: &Observatory, path: &str) -> String {
    let answer = observatory.get(path).await;
    assert_eq!(answer.status(), 200, "{path}");
    assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8", "{path}");
    answer.text().await.unwrap()
}

fn holds(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "`{part}` is not in {page}");
    }
}

fn location(answer: &Response) -> &str {
    assert_eq!(answer.status(), 303);
    answer.headers()["location"].to_str().unwrap()
}

#[tokio::test]
async fn before_the_first_order_the_page_says_how_to_place_one() {
    let observatory = Observatory::start().await;
    holds(
        &page(&observatory, "/").await,
        &["Nothing has arrived yet", "curl", "http://127.0.0.1:8080/api/orders"],
    );
    for path in ["/search", "/logs", "/metrics-view"] {
        page(&observatory, path).await;
    }
    observatory.stop().await;
}

#[tokio::test]
async fn the_overview_leads_to_orders_and_traces() {
    let order = order(1, START, Outcome::Declined);
    let observatory = with(&order).await;
    let (order_link, trace_link) =
        (format!("href=\"/order/{}\"", order.id), format!("href=\"/trace/{}\"", order.trace_id));
    holds(
        &page(&observatory, "/").await,
        &[&order_link, &trace_link, "declined", "25.00 EUR", "5 errors", "payment-service"],
    );
    observatory.stop().await;
}

#[tokio::test]
async fn a_trace_shows_its_spans_and_the_lines_in_place() {
    let order = order(1, START, Outcome::Declined);
    let observatory = with(&order).await;
    let path = format!("/trace/{}", order.trace_id);
    let shown = page(&observatory, &path).await;
    holds(
        &shown,
        &[
            "gateway.createOrder",
            "the card was declined",
            "http.response.status_code",
            "PaymentFailed",
            "sqlite",
        ],
    );
    // The line stands behind its own span and before the next.
    let place = |part: &str| shown.rfind(part).unwrap_or_else(|| panic!("{part}"));
    assert!(place("class=\"name\">payment.charge") < place("class=\"message\">card declined"));
    assert!(place("class=\"message\">stock reserved") < place("class=\"name\">inventory.hold"));
    let hidden = page(&observatory, &format!("{path}?lines=off")).await;
    assert!(!hidden.contains("class=\"message\""));
    // As people paste them.
    page(&observatory, &format!("/trace/{}", order.trace_id.to_uppercase())).await;
    observatory.stop().await;
}

#[tokio::test]
async fn a_message_is_marked_where_it_is_sent_and_handled() {
    let order = order(2, START, Outcome::Confirmed);
    let observatory = with(&order).await;
    let shown = page(&observatory, &format!("/trace/{}", order.trace_id)).await;
    holds(&shown, &["producer ⇢", "⇢ consumer", "order confirmed"]);
    observatory.stop().await;
}

#[tokio::test]
async fn spans_without_their_parent_are_shown_and_say_so() {
    let observatory = Observatory::start().await;
    let span = json!({
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "00f067aa0ba902b7", "parentSpanId": "1111111111111111",
        "name": "left.alone", "kind": 2, "startTimeUnixNano": START.to_string(), "endTimeUnixNano": (START + 5).to_string(),
    });
    observatory.send_spans(&request(vec![("order-service", vec![span])])).await;
    let path = "/trace/0af7651916cd43dd8448eb211c80319c";
    observatory
        .eventually(&format!("/api{}", path.replace("trace", "traces")), |answer| {
            answer["data"][0].is_object()
        })
        .await;
    holds(&page(&observatory, path).await, &["left.alone", "parent missing", "Its parent has not arrived"]);
    observatory.stop().await;
}

#[tokio::test]
async fn an_order_shows_everything_of_it() {
    let order = order(3, START, Outcome::OutOfStock);
    let observatory = with(&order).await;
    let shown = page(&observatory, &format!("/order/{}", order.id)).await;
    holds(
        &shown,
        &["rejected", "inventory.reserve", "out of stock: TEA-EARL-GREY", "order rejected", &order.trace_id],
    );
    observatory.stop().await;
}

#[tokio::test]
async fn the_search_box_goes_straight_to_orders_and_traces() {
    let order = order(4, START, Outcome::Confirmed);
    let observatory = with(&order).await;
    let found = observatory.get(&format!("/search?q=+{}", order.id)).await;
    assert_eq!(location(&found), format!("/order/{}", order.id));
    let found = observatory.get(&format!("/search?q={}", order.trace_id)).await;
    assert_eq!(location(&found), format!("/trace/{}", order.trace_id));
    let found = observatory.get("/search?q=card%20charged").await;
    assert_eq!(location(&found), "/logs?q=card%20charged");
    holds(&page(&observatory, "/logs?q=card%20charged").await, &["card charged", &order.trace_id]);
    observatory.stop().await;
}

#[tokio::test]
async fn traces_are_found_by_what_the_form_says() {
    let (good, bad) =
        (order(5, START, Outcome::Confirmed), order(6, START + 1_000_000_000, Outcome::Declined));
    let observatory = with(&good).await;
    send(&observatory, &bad).await;
    let finds = async |query: &str| {
        let shown = page(&observatory, &format!("/search?{query}")).await;
        let holds = |order: &Order| shown.contains(&format!("href=\"/trace/{}\"", order.trace_id));
        (holds(&good), holds(&bad))
    };
    assert_eq!(finds("").await, (true, true));
    assert_eq!(
        finds("service=payment-service&operation=payment.charge&min=&max=&tags=&limit=50").await,
        (true, true)
    );
    assert_eq!(finds("errors=1").await, (false, true));
    assert_eq!(finds("tags=error.type%3Dcard_declined").await, (false, true));
    assert_eq!(finds("min=1m").await, (false, false));
    observatory.stop().await;
}

#[tokio::test]
async fn a_form_that_cannot_be_read_says_why() {
    let observatory = Observatory::start().await;
    let answer = observatory.get("/search?min=soon&tags=nonsense").await;
    assert_eq!(answer.status(), 400);
    let shown = answer.text().await.unwrap();
    holds(&shown, &["a number with ms, s or µs", "nonsense is not key=value", "value=\"soon\""]);
    for path in
        ["/trace/xyz", "/logs?trace_id=1", "/logs?cursor=1", "/order/a%20b", "/trace/%ff", "/search?q=1&q=2"]
    {
        let answer = observatory.get(path).await;
        assert_eq!(answer.status(), 400, "{path}");
        holds(&answer.text().await.unwrap(), &["That cannot be shown"]);
    }
    observatory.stop().await;
}

#[tokio::test]
async fn a_session_is_shown_in_order_over_its_services() {
    let observatory = Observatory::start().await;
    let event = |key: &str, component: &str, second: u32| {
        json!({"session_id": "s-1", "user_id": "c-1042", "key": key, "value": "yes", "component": component,
            "timestamp": format!("2026-11-22T10:11:{second:02}Z")})
    };
    observatory.send_lines(&[event("checkout", "web", 30), event("login", "app", 10)]).await;
    observatory.metric_reaches("observatory_stored_total", &[], 2).await;
    let shown = page(&observatory, "/logs?session_id=s-1").await;
    holds(&shown, &["2 lines of 2 services over 20.0 s", "option value=\"web\"", "user_ref"]);
    assert!(shown.find("login=yes").unwrap() < shown.find("checkout=yes").unwrap());
    assert!(!shown.contains("c-1042"));
    let has_login =
        async |query: &str| page(&observatory, &format!("/logs?{query}")).await.contains("login=yes");
    assert!(has_login("user_id=c-1042&to=2026-11-22+10:11:20").await);
    assert!(!has_login("user_id=c-1042&from=2026-11-22+10:11:20").await);
    assert!(!has_login("user_id=c-1043").await);
    assert_eq!(observatory.get("/logs?from=noon").await.status(), 400);
    observatory.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_a_friendly_404() {
    let observatory = Observatory::start().await;
    for path in
        ["/nowhere", "/order/0193a4f2-7c31-7d10-8a11-9b1f9c41d2aa", "/trace/0af7651916cd43dd8448eb211c80319c"]
    {
        let answer = observatory.get(path).await;
        assert_eq!(answer.status(), 404, "{path}");
        holds(&answer.text().await.unwrap(), &["<h1>", "Find a trace"]);
    }
    observatory.stop().await;
}

#[tokio::test]
async fn telemetry_cannot_put_markup_on_a_page() {
    const EVIL: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let observatory = Observatory::start().await;
    let text = json!({"key": EVIL, "value": {"stringValue": EVIL}});
    let span = json!({
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "00f067aa0ba902b7", "name": EVIL, "kind": 2, "traceState": EVIL,
        "startTimeUnixNano": START.to_string(), "endTimeUnixNano": (START + 5).to_string(),
        "attributes": [text, {"key": "order.id", "value": {"stringValue": EVIL}}, {"key": "session.id", "value": {"stringValue": EVIL}}],
        "events": [{"name": EVIL, "timeUnixNano": START.to_string(), "attributes": [text]}],
        "status": {"code": 2, "message": EVIL},
    });
    let line = json!({
        "timestamp": "2026-11-22T10:11:12Z", "severity": EVIL, "message": EVIL, "service": EVIL, "order_id": EVIL, EVIL: EVIL,
        "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "00f067aa0ba902b7",
    });
    observatory.send_spans(&request(vec![(EVIL, vec![span])])).await;
    observatory.send_lines(&[line]).await;
    observatory.eventually("/api/logs", |answer| answer["logs"][0].is_object()).await;
    observatory
        .eventually("/api/traces/0af7651916cd43dd8448eb211c80319c", |answer| answer["data"][0].is_object())
        .await;
    let query = format!("/search?tags={EVIL}&service={EVIL}&operation={EVIL}");
    for path in ["/", "/trace/0af7651916cd43dd8448eb211c80319c", "/logs", "/search", "/metrics-view", &query]
    {
        let answer = observatory.get(path).await;
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self';"), "{policy}");
        assert_eq!(answer.headers()["cross-origin-resource-policy"], "same-origin");
        let shown = answer.text().await.unwrap();
        assert!(
            !shown.contains("<script>") && !shown.contains("<img") && !shown.contains(" style="),
            "{path}: {shown}"
        );
    }
    for path in ["/api/services", "/api/logs", "/api/nowhere"] {
        let answer = observatory.get(path).await;
        for (name, value) in [
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.headers()[name], value, "{path}: {name}");
        }
    }
    observatory.stop().await;
}

#[tokio::test]
async fn points_of_the_histogram_lead_to_their_traces() {
    let orders: Vec<Order> = (0..6)
        .map(|n| {
            order(n, START + n * 1_000_000_000, if n == 2 { Outcome::Declined } else { Outcome::Confirmed })
        })
        .collect();
    let text = fixture::metrics(&orders);
    let metrics = async move || {
        let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        ([("content-type", content_type)], text.clone())
    };
    let metrics = axum::Router::new().route("/metrics", axum::routing::get(metrics));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async { axum::serve(listener, metrics).await });
    let directory = tempfile::tempdir().unwrap();
    let config = observatory::Config { scrape_targets: vec![target], ..config(directory.path()) };
    let observatory = Observatory::start_with(config).await;
    observatory
        .eventually("/api/metrics", |answer| answer.to_string().contains("order_processing_duration_seconds"))
        .await;
    let declined = order(2, START + 2_000_000_000, Outcome::Declined);
    for path in ["/", "/metrics-view"] {
        holds(
            &page(&observatory, path).await,
            &["Order latency", "p95", &format!("href=\"/trace/{}\"", declined.trace_id), " · declined · "],
        );
    }
    holds(
        &page(&observatory, "/metrics-view").await,
        &["Requests answered", "POST /orders", "Newest exemplars"],
    );
    observatory.stop().await;
    serving.abort();
}

#[tokio::test]
async fn a_trace_of_two_thousand_spans_stays_readable() {
    let observatory = Observatory::start().await;
    let trace_id = "0af7651916cd43dd8448eb211c80319c";
    let id = |n: u64| format!("{:016x}", n + 1);
    let span = |n: u64| {
        json!({
            "traceId": trace_id, "spanId": id(n), "parentSpanId": if n == 0 { String::new() } else { id(n / 3) }, "name": format!("step {n}"), "kind": 1,
            "startTimeUnixNano": (START + n * 1_000).to_string(), "endTimeUnixNano": (START + n * 1_000 + 900_000).to_string(),
            "attributes": (0..10).map(|key| json!({"key": format!("key.{key}"), "value": {"stringValue": "x".repeat(40)}})).collect::<Vec<_>>(),
        })
    };
    observatory.send_spans(&request(vec![("batch", (0..2_000).map(span).collect())])).await;
    observatory
        .eventually(&format!("/api/traces/{trace_id}"), |answer| {
            answer["data"][0]["spans"].as_array().is_some_and(|spans| spans.len() == 2_000)
        })
        .await;
    let begin = Instant::now();
    let first = page(&observatory, &format!("/trace/{trace_id}")).await;
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert!(first.len() < 1_500_000, "{} bytes", first.len());
    assert_eq!(first.matches("id=\"s-").count(), 1_000);
    assert!(!first.contains("key.0"), "the details of a large trace open one at a time");
    // A link to a span finds its page, and opens the span there.
    let last = page(&observatory, &format!("/trace/{trace_id}?span={}", id(1_999))).await;
    holds(&last, &["step 1999", "key.0"]);
    assert_eq!(last.matches("key.0").count(), 1);
    observatory.stop().await;
}

#[tokio::test]
async fn the_style_sheet_is_kept_until_it_changes() {
    let observatory = Observatory::start().await;
    let shown = page(&observatory, "/").await;
    let start = shown.find("/assets/page.css").unwrap();
    let url = shown[start..].split('"').next().unwrap();
    let answer = observatory.get(url).await;
    assert_eq!(answer.headers()["content-type"], "text/css; charset=utf-8");
    assert!(answer.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    observatory.stop().await;
}
