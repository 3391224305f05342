//! The platform and whatever stands behind it, asked by URL: the embedded stack, or a real one that the environment
//! names. The same questions get the same answers.

mod elasticsearch;
mod prometheus;

use crate::{
    Answered, Exposition, Stack,
    client::{is_no_audit, order_request},
    jaeger,
};
use futures_util::stream;
pub use prometheus::Prometheus;
use reqwest::{Body, Client, header::CONTENT_TYPE};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, io::Write, sync::Arc, thread, time::Duration};
use telemetry::testing::SpanRecord;
use testkit::{Line, eventually_within};

/// The most that a backend is given to show something: sampling, batches and refreshes take their time.
const LIMIT: Duration = Duration::from_secs(40);
/// The pause before a backend is asked again.
const PAUSE: Duration = Duration::from_millis(100);
/// Tail sampling keeps every trace that is longer than this.
pub const SLOW: Duration = Duration::from_secs(1);

/// What a test needs behind the platform, and the variables any one of which gives it.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    /// Spans of a trace.
    Traces,
    /// Log lines of a trace.
    Lines,
    /// Exemplars of a metric.
    Exemplars,
    /// Where another platform can send its telemetry to.
    Inputs,
    /// Expressions over metrics.
    Prometheus,
    /// Log lines as documents.
    Elasticsearch,
    /// What starts a Prometheus of a test's own with the repository's rules.
    PrometheusCommand,
    /// Alerts that have been sent.
    Alertmanager,
    /// A share of ordinary traces that is kept.
    TailSampling,
    /// A second destination of traces.
    Zipkin,
}

impl Need {
    fn variables(self) -> &'static [&'static str] {
        match self {
            Self::Traces => &["JAEGER_URL"],
            Self::Lines => &["ELASTICSEARCH_URL", "OBSERVATORY_URL"],
            Self::Exemplars => &["PROMETHEUS_URL", "ORDER_ADMIN_URL"],
            Self::Inputs => &["OTLP_URL"],
            Self::Prometheus => &["PROMETHEUS_URL"],
            Self::Elasticsearch => &["ELASTICSEARCH_URL"],
            Self::PrometheusCommand => &["PROMETHEUS_COMMAND"],
            Self::Alertmanager => &["ALERTMANAGER_URL"],
            Self::TailSampling => &["KEEP_PERCENT"],
            Self::Zipkin => &["ZIPKIN_URL"],
        }
    }
}

/// Everything that is read from the environment.
const VARIABLES: [&str; 14] = [
    "GATEWAY_URL",
    "ORDER_ADMIN_URL",
    "OTLP_URL",
    "LOG_URL",
    "JAEGER_URL",
    "ZIPKIN_URL",
    "OBSERVATORY_URL",
    "ELASTICSEARCH_URL",
    "ELASTICSEARCH_USER",
    "ELASTICSEARCH_PASSWORD",
    "PROMETHEUS_URL",
    "PROMETHEUS_COMMAND",
    "ALERTMANAGER_URL",
    "KEEP_PERCENT",
];

/// A running platform with what stands behind it.
pub struct Backends {
    client: Client,
    settings: BTreeMap<&'static str, String>,
    /// Runs as long as a test asks it.
    _embedded: Option<Arc<Stack>>,
}

impl Backends {
    /// Those that the environment names if it has `GATEWAY_URL`, else the embedded stack.
    pub async fn at_hand() -> Self {
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().expect("a client");
        let given = |name| Some((name, std::env::var(name).ok().filter(|value: &String| !value.is_empty())?));
        let mut settings: BTreeMap<_, _> = VARIABLES.into_iter().filter_map(given).collect();
        let mut embedded = None;
        if !settings.contains_key("GATEWAY_URL") {
            let stack = Stack::shared().await;
            settings = BTreeMap::from([
                ("GATEWAY_URL", stack.url("gateway")),
                ("ORDER_ADMIN_URL", stack.admin("order")),
                ("OTLP_URL", stack.otlp()),
                ("LOG_URL", stack.log_ship()),
                // It answers in Jaeger's form.
                ("JAEGER_URL", stack.url("observatory")),
                ("OBSERVATORY_URL", stack.url("observatory")),
            ]);
            embedded = Some(stack);
        }
        Self { client, settings, _embedded: embedded }
    }

    /// True when all of this is there. Else says what isn't, so that the test can end; that is a panic when
    /// `WAYBILL_REQUIRE_STACK` is set.
    pub fn have(&self, needs: &[Need]) -> bool {
        let missing = needs.iter().find(|need| need.variables().iter().all(|name| self.get(name).is_none()));
        let Some(need) = missing else { return true };
        let name = thread::current().name().unwrap_or("a test").to_owned();
        let variables = need.variables().join(" or ");
        let why = format!("NOT RUN: {name}: needs {need:?}, and nothing says where ({variables})");
        assert!(std::env::var_os("WAYBILL_REQUIRE_STACK").is_none_or(|value| value.is_empty()), "{why}");
        // Not `eprintln!`, which a passing test keeps to itself.
        let _ = writeln!(std::io::stderr(), "{why}");
        false
    }

    /// A variable's value, if it is there.
    pub fn get(&self, variable: &str) -> Option<&str> {
        self.settings.get(variable).map(String::as_str)
    }

    /// A variable's value. Panics when it is not there: ask [`Self::have`] before.
    pub fn url(&self, variable: &str) -> &str {
        self.get(variable).unwrap_or_else(|| panic!("{variable} is not set"))
    }

    /// Places an order.
    pub async fn place(&self, sku: &str, card: &str) -> Answered {
        Answered::to(order_request(&self.client, self.url("GATEWAY_URL"), sku, card)).await
    }

    /// Places an order whose body comes so slowly that its trace is kept whatever share of the others is.
    pub async fn place_slowly(&self, sku: &str, card: &str) -> Answered {
        let body = crate::new_order(sku, card).to_string();
        let late = stream::once(async {
            tokio::time::sleep(SLOW + SLOW / 5).await;
            Ok::<_, std::io::Error>(body)
        });
        let request = self.client.post(format!("{}/api/orders", self.url("GATEWAY_URL")));
        Answered::to(request.header(CONTENT_TYPE, "application/json").body(Body::wrap_stream(late))).await
    }

    /// Asks for an order.
    pub async fn order(&self, id: &str) -> Answered {
        Answered::to(self.client.get(format!("{}/api/orders/{id}", self.url("GATEWAY_URL")))).await
    }

    /// The spans of a trace that are there by now.
    pub async fn trace(&self, trace_id: &str) -> Vec<SpanRecord> {
        jaeger::trace(&self.client, self.url("JAEGER_URL"), trace_id).await
    }

    /// Waits until there are `count` spans of a trace.
    pub async fn spans(&self, trace_id: &str, count: usize) -> Vec<SpanRecord> {
        let what = format!("{count} spans of the trace {trace_id}");
        self.until(&what, async || Some(self.trace(trace_id).await).filter(|spans| spans.len() >= count))
            .await
    }

    /// Waits until there are `count` log lines of a trace, and returns them as the services wrote them.
    pub async fn lines(&self, trace_id: &str, count: usize) -> Vec<Line> {
        self.until(&format!("{count} lines of the trace {trace_id}"), async || {
            let lines = match self.get("ELASTICSEARCH_URL") {
                Some(_) => {
                    let documents = self
                        .documents(&format!("trace.id:\"{trace_id}\" AND NOT waybill.stream:audit"))
                        .await;
                    documents.into_iter().map(elasticsearch::line).collect()
                }
                None => self.lines_in_observatory(trace_id).await,
            };
            Some(lines).filter(|lines: &Vec<Line>| lines.len() >= count)
        })
        .await
    }

    async fn lines_in_observatory(&self, trace_id: &str) -> Vec<Line> {
        let url = format!("{}/api/logs?trace_id={trace_id}&limit=1000", self.url("OBSERVATORY_URL"));
        let answer = Answered::to(self.client.get(url)).await;
        let lines = answer.body["logs"].as_array().expect("logs");
        lines.iter().filter_map(Value::as_object).filter(|line| is_no_audit(line)).cloned().collect()
    }

    /// The documents that a query in Lucene's syntax finds in all streams of log lines: their fields by dotted names.
    pub async fn documents(&self, query: &str) -> Vec<Map<String, Value>> {
        let found = self.search(&json!({"size": 1000, "query": {"query_string": {"query": query}}})).await;
        elasticsearch::documents(&found)
    }

    /// What Elasticsearch answers to a search in all streams of log lines.
    pub async fn search(&self, search: &Value) -> Value {
        let request = self.client.get(format!("{}/logs-waybill.*/_search", self.url("ELASTICSEARCH_URL")));
        let (user, password) = (self.url("ELASTICSEARCH_USER"), self.get("ELASTICSEARCH_PASSWORD"));
        let answer = Answered::to(request.basic_auth(user, password).json(search)).await;
        assert_eq!(answer.status, 200, "{search}: {}", answer.body);
        answer.body
    }

    /// Who has called whom within the last hour: parent and child.
    pub async fn dependencies(&self) -> Vec<(String, String)> {
        let now = std::time::UNIX_EPOCH.elapsed().expect("a time").as_millis();
        let url = format!("{}/api/dependencies?endTs={now}&lookback=3600000", self.url("JAEGER_URL"));
        let answer = Answered::to(self.client.get(url)).await;
        let calls = answer.body["data"].as_array().into_iter().flatten();
        let text = |name: &Value| name.as_str().unwrap_or_default().to_owned();
        calls.map(|call| (text(&call["parent"]), text(&call["child"]))).collect()
    }

    /// The trace ids of the exemplars that a histogram of the order service has for a status.
    pub async fn exemplars(&self, histogram: &str, status: &str) -> Vec<String> {
        let status = format!("status=\"{status}\"");
        if self.get("PROMETHEUS_URL").is_some() {
            return self.prometheus().exemplars(&format!("{histogram}_bucket{{{status}}}")).await;
        }
        let metrics = Exposition::scraped(&self.client, self.url("ORDER_ADMIN_URL")).await;
        let buckets = metrics.samples(&format!("{histogram}_bucket{{"));
        let of_status = buckets.iter().filter(|sample| sample.series.contains(&status));
        of_status.filter_map(|sample| Some(sample.exemplar.as_ref()?.0.to_owned())).collect()
    }

    /// Prometheus, and what it has sent to Alertmanager.
    pub fn prometheus(&self) -> Prometheus {
        self.prometheus_at(self.url("PROMETHEUS_URL"))
    }

    /// Another Prometheus that tells the same Alertmanager.
    pub fn prometheus_at(&self, url: &str) -> Prometheus {
        Prometheus::new(self.client.clone(), url, self.get("ALERTMANAGER_URL"))
    }

    /// The spans of a trace in Zipkin, as they are there.
    pub async fn in_zipkin(&self, trace_id: &str) -> Vec<Value> {
        let url = format!("{}/api/v2/trace/{trace_id}", self.url("ZIPKIN_URL"));
        let answer = Answered::to(self.client.get(url)).await;
        answer.body.as_array().cloned().unwrap_or_default()
    }

    /// Asks `look` until it finds something, at most 40 s, and not too often for a backend that shares the
    /// machine.
    pub async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        eventually_within(LIMIT, what, async || {
            let found = look().await;
            if found.is_none() {
                tokio::time::sleep(PAUSE).await;
            }
            found
        })
        .await
    }
}
