//! `GET /api/logs`.

use serde_json::{Value, json};

use crate::support::{Observatory, TRACE};

const SPAN: &str = "00f067aa0ba902b7";

async fn some_lines(observatory: &Observatory) {
    let line = |second: u32, severity: &str, service: &str, message: &str| {
        json!({"timestamp": format!("2026-11-22T10:11:{second:02}.000000Z"), "severity": severity, "service": service,
            "message": message})
    };
    let mut lines = vec![
        line(1, "INFO", "api-gateway", "request taken"),
        line(2, "WARN", "order-service", "inventory is slow, out-of-stock check took long"),
        line(3, "ERROR", "payment-service", "payment declined: \"insufficient\" funds"),
        line(4, "INFO", "order-service", "order declined"),
    ];
    for line in &mut lines[1..] {
        line["order_id"] = "o-1".into();
        line["trace_id"] = TRACE.into();
        line["session_id"] = "s-1".into();
    }
    lines[2]["span_id"] = SPAN.into();
    lines[2]["duration_ms"] = 12.5.into();
    observatory.send_lines(&lines).await;
    observatory.metric_reaches("observatory_stored_total", &[], 4).await;
}

fn seconds(page: &Value) -> Vec<u32> {
    let second = |line: &Value| line["timestamp"].as_str().unwrap()[17..19].parse().unwrap();
    page["logs"].as_array().unwrap().iter().map(second).collect()
}

#[tokio::test]
async fn every_filter_finds_its_lines_in_its_order() {
    let observatory = Observatory::start().await;
    some_lines(&observatory).await;
    let by_trace = format!("trace_id={TRACE}");
    let by_span = format!("span_id={SPAN}");
    for (query, expected) in [
        ("", &[4, 3, 2, 1][..]),
        (by_trace.as_str(), &[2, 3, 4]),
        (by_span.as_str(), &[3]),
        ("order_id=o-1", &[2, 3, 4]),
        ("order_id=o-1&service=order-service", &[2, 4]),
        ("session_id=s-1", &[2, 3, 4]),
        ("service=api-gateway", &[1]),
        ("severity=error", &[3]),
        ("severity=INFO", &[4, 1]),
        ("q=declined", &[4, 3]),
        ("q=DECLINED+order", &[4]),
        ("q=decl", &[4, 3]),
        ("q=out-of-stock", &[2]),
        ("q=%22insufficient%22", &[3]),
        ("q=nothing+OR+declined", &[]),
        ("from=2026-11-22T10:11:02Z&to=2026-11-22T10:11:03Z", &[3, 2]),
        ("from=2026-11-22T11:11:02%2B01:00", &[4, 3, 2]),
        ("order_id=", &[4, 3, 2, 1]),
    ] {
        let page = observatory.json(&format!("/api/logs?{query}")).await;
        assert_eq!(seconds(&page), expected, "{query}");
        assert_eq!(page["next_cursor"], Value::Null);
    }
    let whole = observatory.json(&format!("/api/logs?{by_span}")).await;
    assert_eq!(
        whole["logs"][0],
        json!({"timestamp": "2026-11-22T10:11:03.000000Z", "severity": "ERROR", "service": "payment-service",
            "message": "payment declined: \"insufficient\" funds", "order_id": "o-1", "trace_id": TRACE,
            "session_id": "s-1", "span_id": SPAN, "duration_ms": 12.5})
    );
    observatory.stop().await;
}

#[tokio::test]
async fn pages_go_on_where_the_last_ended_whatever_arrives_meanwhile() {
    let observatory = Observatory::start().await;
    let same_time = |number: u32| json!({"timestamp": "2026-11-22T10:11:12Z", "message": format!("{number}"), "order_id": "o"});
    observatory.send_lines(&(0..10).map(same_time).collect::<Vec<_>>()).await;
    observatory.metric_reaches("observatory_stored_total", &[], 10).await;
    for filter in ["", "&order_id=o"] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = observatory.json(&format!("/api/logs?limit=4{filter}&cursor={cursor}")).await;
            seen.extend(
                page["logs"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|line| line["message"].as_str().unwrap().to_owned()),
            );
            match page["next_cursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
            if filter.is_empty() && seen.len() == 4 {
                observatory
                    .send_lines(&[json!({"timestamp": "2026-11-22T10:11:13Z", "message": "new"})])
                    .await;
                observatory.metric_reaches("observatory_stored_total", &[], 11).await;
            }
        }
        let mut expected: Vec<_> = (0..10).map(|number| number.to_string()).collect();
        if filter.is_empty() {
            expected.reverse();
        }
        assert_eq!(seen, expected);
    }
    observatory.stop().await;
}

#[tokio::test]
async fn bad_parameters_and_addresses_are_problems() {
    let observatory = Observatory::start().await;
    for (path, status, detail) in [
        ("/api/logs?trace_id=7", 400, "trace_id: takes 32 hexadecimal digits"),
        ("/api/logs?span_id=7", 400, "span_id: takes 16 hexadecimal digits"),
        ("/api/logs?limit=0", 400, "limit: takes a number from 1 to 1000"),
        ("/api/logs?limit=1001", 400, "limit: takes a number from 1 to 1000"),
        ("/api/logs?from=yesterday", 400, "from: takes an RFC 3339 time such as 2026-11-22T10:11:12Z"),
        ("/api/logs?cursor=7", 400, "cursor: not one that next_cursor gave"),
        ("/api/logs?q=a&q=b", 400, "q: given more than once"),
        ("/api/logs?trace=1", 400, "trace: no such parameter"),
        ("/api/metrics?x=1", 400, "x: no such parameter"),
        ("/api/nothing", 404, "there is nothing at /api/nothing"),
        ("/api/orders/none", 404, "no telemetry of such an order"),
    ] {
        let answer = observatory.get(path).await;
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!((&problem["status"], &problem["detail"]), (&json!(status), &json!(detail)), "{path}");
        assert_eq!(problem["type"], "about:blank");
    }
    let answer = observatory.post("/api/services", "application/json", "{}").send().await.unwrap();
    assert_eq!(answer.status(), 405);
    assert!(answer.headers()["allow"].to_str().unwrap().contains("GET"));
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    observatory.stop().await;
}
