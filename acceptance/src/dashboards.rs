//! The queries of Grafana's panels as Grafana sends them: read from `grafana/dashboards`, their variables filled in.
//! A test on a real stack asks each of them and sees that something comes back.

use serde_json::{Value, json};
use std::{fs, path::Path};

/// Panels that may show nothing although all is well, each with the reason. All others must show something.
pub const EMPTY_WHEN_HEALTHY: &[(&str, &str, &str)] = &[
    ("waybill-overview", "Alerts that fire", "no alert fires"),
    ("waybill-overview", "Errors by kind", "nothing was declined and nothing went wrong"),
    ("waybill-overview", "Latest errors", "nothing was declined and nothing went wrong"),
    ("waybill-order", "Warnings and errors", "the order is confirmed"),
    ("waybill-saga", "Orders taken up again", "no process died"),
    ("waybill-saga", "Steps that failed", "nothing was declined and nothing went wrong"),
    ("waybill-telemetry", "Refused and lost by the Collector", "it refuses nothing and can send all"),
    ("waybill-telemetry", "Lines that could not be read", "all lines are well-formed"),
    ("waybill-telemetry", "Unusual volume", "nothing is unusual before there is an hour of history"),
];

/// What stands for the variables.
#[derive(Clone, Debug)]
pub struct Variables {
    /// `$order_id`
    pub order_id: String,
    /// `$trace_id`
    pub trace_id: String,
    /// `$__rate_interval` and `$__interval`: at least four times the scrape interval.
    pub interval: String,
    /// `$__range`
    pub range: String,
}

/// A query of a panel.
#[derive(Clone, Debug)]
pub struct PanelQuery {
    /// The dashboard's uid.
    pub dashboard: String,
    /// The panel's title.
    pub panel: String,
    /// What is asked of whom.
    pub question: Question,
    /// Why nothing may come back, where that is so.
    pub may_be_empty: Option<&'static str>,
}

/// What a panel asks.
#[derive(Clone, Debug)]
pub enum Question {
    /// Prometheus.
    Metrics {
        /// The expression.
        expr: String,
        /// Whether exemplars are asked for as well.
        exemplar: bool,
    },
    /// Elasticsearch, by the body of a search.
    Lines(Value),
    /// Jaeger, for one trace.
    Trace(String),
    /// Jaeger, for who calls whom.
    Dependencies,
}

/// All dashboards in the repository, by their JSON.
pub fn dashboards() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../grafana/dashboards");
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("dashboards").map(|file| file.unwrap().path()).collect();
    files.sort();
    let read = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).expect("a dashboard");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    files.iter().map(read).collect()
}

/// All queries of all panels.
pub fn panel_queries(variables: &Variables) -> Vec<PanelQuery> {
    let mut queries = Vec::new();
    for dashboard in dashboards() {
        let uid = text(&dashboard["uid"]);
        for panel in items(&dashboard["panels"]) {
            let title = text(&panel["title"]);
            let reason = EMPTY_WHEN_HEALTHY.iter().find(|(on, of, _)| (*on, *of) == (uid, title));
            for target in items(&panel["targets"]) {
                queries.push(PanelQuery {
                    dashboard: uid.to_owned(),
                    panel: title.to_owned(),
                    question: question(target, variables),
                    may_be_empty: reason.map(|(_, _, why)| *why),
                });
            }
        }
    }
    queries
}

fn question(target: &Value, variables: &Variables) -> Question {
    let fill = |value: &Value| variables.fill(text(value));
    match text(&target["datasource"]["type"]) {
        "prometheus" => Question::Metrics {
            expr: fill(&target["expr"]),
            exemplar: target["exemplar"].as_bool().unwrap_or(false),
        },
        "elasticsearch" => Question::Lines(search(target, &fill(&target["query"]))),
        "jaeger" if target["queryType"] == "dependencyGraph" => Question::Dependencies,
        "jaeger" => Question::Trace(fill(&target["query"])),
        other => panic!("a panel asks {other}"),
    }
}

impl Variables {
    /// `text` with its variables filled in.
    pub fn fill(&self, text: &str) -> String {
        let services = crate::SERVICES.map(|(service, _)| service).join("|");
        let values = [
            ("__rate_interval", &self.interval),
            ("__interval", &self.interval),
            ("__range", &self.range),
            ("order_id", &self.order_id),
            ("trace_id", &self.trace_id),
            ("service", &services),
        ];
        values.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value)
        })
    }
}

/// The search that Grafana makes of a target, but for its time range. The aggregations lie within one another.
fn search(target: &Value, query: &str) -> Value {
    let metrics = items(&target["metrics"]).iter().filter(|metric| metric["field"].is_string());
    let mut aggs = json!({});
    for metric in metrics {
        aggs[text(&metric["id"])] = json!({ text(&metric["type"]): { "field": metric["field"] } });
    }
    for bucket in items(&target["bucketAggs"]).iter().rev() {
        let mut how = json!({ "field": bucket["field"] });
        match text(&bucket["type"]) {
            "date_histogram" => how["fixed_interval"] = json!("30s"),
            _ => how["size"] = json!(10),
        }
        aggs = json!({ text(&bucket["id"]): { text(&bucket["type"]): how, "aggs": aggs } });
    }
    let query = json!({ "query_string": { "query": query, "analyze_wildcard": true } });
    json!({ "size": 10, "track_total_hits": true, "query": query, "aggs": aggs })
}

/// Whether an answer to such a search shows anything: lines, and a bucket at each of its levels.
pub fn has_data(answer: &Value) -> bool {
    fn filled(level: &Value) -> bool {
        let buckets = level.as_object().into_iter().flatten().filter_map(|(_, of)| of["buckets"].as_array());
        buckets.clone().all(|buckets| buckets.iter().any(filled))
    }
    answer["hits"]["total"]["value"].as_u64() > Some(0) && filled(&answer["aggregations"])
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
