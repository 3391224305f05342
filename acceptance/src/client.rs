//! Asking the platform as a user does, and checking the form of what it answers.

use crate::{Stack, jaeger};
use reqwest::{
    Client, RequestBuilder,
    header::{CONTENT_TYPE, HeaderMap},
};
use serde_json::{Value, json};
use telemetry::testing::SpanRecord;
use testkit::{Line, eventually, listed};

/// A card that is accepted.
pub const CARD: &str = "4242424242424242";
/// A card that is declined.
pub const DECLINED_CARD: &str = "4000000000000002";
/// A product there is plenty of.
pub const EARL_GREY: &str = "TEA-EARL-GREY";
/// A product there is none of.
pub const NOT_IN_STOCK: &str = "POT-CAST-IRON";

/// Who orders: an id that is nowhere by chance, so that it can be searched for.
pub const CUSTOMER: &str = "customer-of-the-acceptance-suite";

/// The body of an order for two pieces of one product.
pub fn new_order(sku: &str, card: &str) -> Value {
    json!({
        "customer_id": CUSTOMER,
        "items": [{"sku": sku, "quantity": 2}],
        "payment": {"method": "card", "card_number": card},
    })
}

/// The request that places an order at a gateway.
pub(crate) fn order_request(client: &Client, gateway: &str, sku: &str, card: &str) -> RequestBuilder {
    client.post(format!("{gateway}/api/orders")).json(&new_order(sku, card))
}

/// An answer, read.
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as JSON; as a string when it is none.
    pub body: Value,
}

impl Answered {
    /// Sends a request and reads its answer.
    pub async fn to(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        Self::read(response).await.expect("a body")
    }

    /// Reads an answer that has begun to come.
    pub(crate) async fn read(response: reqwest::Response) -> Result<Self, reqwest::Error> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        Ok(Self { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) })
    }

    /// A header's text, empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// From the header that every answer has.
    pub fn trace_id(&self) -> &str {
        let id = self.header("x-trace-id");
        assert_eq!(id.len(), 32, "x-trace-id: {:?}", self.headers);
        id
    }

    /// The order this is about: in its body, or as the `instance` of a problem.
    pub fn order_id(&self) -> &str {
        let id = self.body["id"].as_str();
        let of_problem = || self.body["instance"].as_str().and_then(|path| path.strip_prefix("/api/orders/"));
        id.or_else(of_problem).unwrap_or_else(|| panic!("no order in {}", self.body))
    }

    /// Panics unless this is a whole problem document (RFC 9457) of this kind that shows nothing internal.
    pub fn assert_problem(&self, status: u16, kind: &str) {
        let body = &self.body;
        assert_eq!(self.status, status, "{body}");
        assert_eq!(self.header(CONTENT_TYPE.as_str()), "application/problem+json");
        assert_eq!(body["type"], format!("https://waybill.example/problems/{kind}"));
        assert_eq!(body["status"], status);
        assert_eq!(body["trace_id"], self.trace_id());
        let timing = format!("traceparent;desc=\"00-{}-", self.trace_id());
        assert!(self.header("server-timing").starts_with(&timing), "{:?}", self.headers);
        for member in ["title", "detail", "instance"] {
            assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {body}");
        }
        assert_nothing_internal(&body.to_string());
    }
}

/// Panics when a text shows how the platform is built.
fn assert_nothing_internal(text: &str) {
    for word in ["sqlx", "SELECT", "INSERT", "serde", "panicked", "hyper", "127.0.0.1", ".rs", "Error(", "::"]
    {
        assert!(!text.contains(word), "{word} in {text}");
    }
}

impl Stack {
    /// A client for one test: connections don't outlive the runtime they were made in.
    pub fn client(&self) -> Client {
        Client::builder().no_proxy().build().expect("a client")
    }

    /// Places an order at the gateway.
    pub async fn place(&self, sku: &str, card: &str) -> Answered {
        self.place_with(sku, card, &[]).await
    }

    /// Places an order at the gateway, with headers.
    pub async fn place_with(&self, sku: &str, card: &str, headers: &[(&str, &str)]) -> Answered {
        let request = order_request(&self.client(), &self.url("gateway"), sku, card);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        Answered::to(request).await
    }

    /// `GET` of a part.
    pub async fn get(&self, part: &str, path: &str) -> Answered {
        Answered::to(self.client().get(format!("{}{path}", self.url(part)))).await
    }

    /// Waits until the observatory has `count` spans of a trace. All are on the list of signals.
    pub async fn spans(&self, trace_id: &str, count: usize) -> Vec<SpanRecord> {
        let (client, url) = (self.client(), self.url("observatory"));
        eventually(&format!("{count} spans of the trace {trace_id}"), async || {
            Some(jaeger::trace(&client, &url, trace_id).await).filter(|spans| spans.len() >= count)
        })
        .await
        .into_iter()
        .inspect(|span| assert_listed(&listed::span_problems(&as_exported(span))))
        .collect()
    }

    /// Waits until the observatory has `count` log lines for a query such as `order_id=…`. Those of the audit log come
    /// when they have been delivered, and are not counted.
    pub async fn lines(&self, query: &str, count: usize) -> Vec<Line> {
        let path = format!("/api/logs?{query}&limit=1000");
        eventually(&format!("{count} lines for {query}"), async || {
            let answer = self.get("observatory", &path).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            let lines = answer.body["logs"].as_array().expect("logs");
            let lines = lines.iter().filter_map(Value::as_object).filter(|line| is_no_audit(line));
            let lines: Vec<Line> = lines.cloned().collect();
            for line in &lines {
                assert_listed(&listed::line_problems(line));
            }
            (lines.len() >= count).then_some(lines)
        })
        .await
    }
}

/// Without what the way through OTLP and Jaeger's form adds.
fn as_exported(span: &SpanRecord) -> SpanRecord {
    let mut span = span.clone();
    span.attributes.retain(|name, _| !name.starts_with("otel.") && !name.starts_with("internal."));
    span
}

/// Panics when something was emitted that is not as the list of signals has it.
fn assert_listed(problems: &[String]) {
    assert!(problems.is_empty(), "not as the list of signals has it: {problems:#?}");
}

/// Whether a log line is of no audit entry.
pub(crate) fn is_no_audit(line: &Line) -> bool {
    line.get("stream").is_none_or(|stream| stream != "audit")
}
