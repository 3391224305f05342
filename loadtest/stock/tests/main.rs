//! That the ways of telemetry differ in nothing but their cost: the same answer, the same spans, the same lines, the
//! same things measured.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, missing_docs)]

use serde_json::Value;
use std::{path::Path, time::Duration};
use telemetry::testing::assert_tree;
use testkit::{OtlpSink, PATIENCE, Process, eventually, free_port};

const HOPS: [&str; 4] = ["inventory", "payment", "order", "gateway"];
const ORDER: &str = r#"{"customer_id":"c-1","items":[{"sku":"TEA-ASSAM","quantity":2}],"payment":{"method":"card","card_number":"4242424242424242"}}"#;
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// All four.
struct Platform {
    processes: Vec<Process>,
    url: String,
    admins: Vec<String>,
    client: reqwest::Client,
}

impl Platform {
    async fn start(sink: &OtlpSink, more: &[(&str, &str)]) -> Self {
        let address = || format!("127.0.0.1:{}", free_port());
        let api: Vec<String> = HOPS.iter().map(|_| address()).collect();
        let admins: Vec<String> = HOPS.iter().map(|_| address()).collect();
        let [inventory, payment, order, _] = [0, 1, 2, 3].map(|n| format!("http://{}", api[n]));
        let processes = HOPS.iter().enumerate().map(|(n, hop)| {
            let env = [
                ("LISTEN_ADDR", api[n].as_str()),
                ("ADMIN_ADDR", &admins[n]),
                ("INVENTORY_URL", &inventory),
                ("PAYMENT_URL", &payment),
                ("ORDER_URL", &order),
                ("OTEL_EXPORTER_OTLP_ENDPOINT", &sink.grpc()),
                ("OTEL_BSP_SCHEDULE_DELAY", "20"),
                ("CUSTOMER_REF_KEY", "of a test, and of nothing else"),
            ];
            Process::start(Path::new(env!("CARGO_BIN_EXE_stock")), &[hop], env.iter().chain(more).copied())
        });
        let processes = processes.collect();
        let url = format!("http://{}/api/orders", api[3]);
        let platform = Self { processes, url, admins, client: reqwest::Client::new() };
        for admin in &platform.admins {
            let ready = async || {
                let errors: Vec<String> = platform.processes.iter().flat_map(Process::stderr).collect();
                assert!(errors.is_empty(), "{errors:?}");
                platform.get(admin, "/readyz").await
            };
            eventually(&format!("{admin} to be ready"), ready).await;
        }
        platform
    }

    async fn get(&self, admin: &str, path: &str) -> Option<String> {
        self.client.get(format!("http://{admin}{path}")).send().await.ok()?.text().await.ok()
    }

    async fn order(&self) -> (u16, Value) {
        let request = self
            .client
            .post(&self.url)
            .header("content-type", "application/json")
            .header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"));
        let answer = request.body(ORDER).send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
    }

    /// The sum of all services' series with one of these beginnings.
    async fn sum(&self, beginnings: &[&str]) -> f64 {
        let mut sum = 0.0;
        for admin in &self.admins {
            let text = self.get(admin, "/metrics").await.unwrap();
            let wanted = text.lines().filter(|line| beginnings.iter().any(|name| line.starts_with(name)));
            sum += wanted.map(|line| line.split(' ').nth(1).unwrap().parse::<f64>().unwrap()).sum::<f64>();
        }
        sum
    }

    /// Ends all four, and returns their lines that are about the order, without what each format adds.
    async fn lines(mut self) -> Vec<(String, String, Vec<String>)> {
        for process in &mut self.processes {
            process.hang_up();
            let status = process.ended(PATIENCE).await;
            assert!(status.success(), "{status}: {:?}", process.stderr());
        }
        let lines = self.processes.iter().flat_map(Process::stdout);
        let lines = lines.map(|line| serde_json::from_str::<Value>(&line).unwrap());
        let about = |line: &Value| {
            // One format keeps an event's fields together, the other beside its own.
            let fields = if line["fields"].is_object() { &line["fields"] } else { line };
            let text = |name: &str| fields[name].as_str().map(str::to_owned);
            let rest = ["pieces", "amount_cents", "total_cents", "http_status"];
            let rest = rest.iter().filter(|name| fields[**name].is_u64());
            let rest = rest.map(|name| format!("{name}={}", fields[*name])).collect();
            Some((text("message")?, text("order.id").or_else(|| text("order_id"))?, rest))
        };
        lines.filter_map(|line| about(&line)).collect()
    }
}

const WAYS: [&[(&str, &str)]; 3] = [
    &[("TELEMETRY", "stock")],
    &[("TELEMETRY", "ours"), ("TELEMETRY_PIPELINE", "standard")],
    &[("TELEMETRY", "ours"), ("TELEMETRY_PIPELINE", "direct")],
];

#[tokio::test]
async fn the_ways_say_the_same() {
    let mut said = Vec::new();
    for way in WAYS {
        let sink = OtlpSink::start();
        let platform = Platform::start(&sink, way).await;
        let (status, order) = platform.order().await;
        assert_eq!((status, &order["total_cents"]), (201, &Value::from(218)), "{way:?}");
        let spans = sink.wait_for(TRACE, 8).await;
        assert_tree(
            &spans,
            "
            POST /api/orders             SERVER   api-gateway
              forward order              CLIENT   api-gateway
                POST /orders             SERVER   order-service
                  price order            INTERNAL order-service
                  reserve stock          CLIENT   order-service
                    POST /reservations   SERVER   inventory-service
                  charge card            CLIENT   order-service
                    POST /charges        SERVER   payment-service",
        );
        for (names, expected) in [
            (
                &["http_server_request_duration_seconds_count", "axum_http_requests_duration_seconds_count"]
                    [..],
                4.0,
            ),
            (&["http_client_request_duration_seconds_count"], 3.0),
            (&["orders_total{status=\"confirmed\"}"], 1.0),
        ] {
            assert!((platform.sum(names).await - expected).abs() < 1e-9, "{way:?}: {names:?}");
        }
        let mut lines = platform.lines().await;
        lines.sort();
        assert_eq!(lines.len(), 4, "{way:?}: {lines:?}");
        assert_eq!(sink.count(), 8, "{way:?}: one trace, and nothing of the exporter's own");
        said.push((order, lines));
    }
    similar_asserts::assert_eq!(said[0], said[1]);
    similar_asserts::assert_eq!(said[1], said[2]);
}

#[tokio::test]
async fn without_telemetry_the_answer_is_the_same_and_nothing_is_said() {
    let sink = OtlpSink::start();
    let platform = Platform::start(&sink, &[("TELEMETRY", "none")]).await;
    let (status, order) = platform.order().await;
    assert_eq!((status, &order["status"]), (201, &Value::from("confirmed")));
    for admin in &platform.admins {
        assert_eq!(platform.get(admin, "/metrics").await.as_deref(), Some(""));
    }
    assert!(platform.lines().await.is_empty());
    assert_eq!(sink.count(), 0);
}

#[tokio::test]
async fn a_peer_that_is_away_is_a_bad_gateway() {
    let sink = OtlpSink::start();
    for way in WAYS {
        let mut platform = Platform::start(&sink, way).await;
        platform.processes[1].hang_up();
        platform.processes[1].ended(Duration::from_secs(10)).await;
        let answer =
            platform.client.post(&platform.url).header("content-type", "application/json").body(ORDER);
        assert_eq!(answer.send().await.unwrap().status(), 502, "{way:?}");
    }
}
