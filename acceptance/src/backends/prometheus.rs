//! Prometheus' HTTP API, and Alertmanager's.

use crate::Answered;
use reqwest::Client;
use serde_json::{Map, Value};

/// A Prometheus, and the Alertmanager it tells.
pub struct Prometheus {
    client: Client,
    url: String,
    alertmanager: Option<String>,
}

impl Prometheus {
    /// By their URLs.
    pub(super) fn new(client: Client, url: &str, alertmanager: Option<&str>) -> Self {
        Self { client, url: url.to_owned(), alertmanager: alertmanager.map(str::to_owned) }
    }

    /// True when it takes queries.
    pub async fn is_ready(&self) -> bool {
        let answer = self.client.get(format!("{}/-/ready", self.url)).send().await;
        answer.is_ok_and(|answer| answer.status() == 200)
    }

    /// The series that an expression has now: labels and value. Panics when it is none.
    pub async fn query(&self, expression: &str) -> Vec<(Map<String, Value>, f64)> {
        let data = self.get("query", &[("query", expression)]).await;
        let result = data["result"].as_array().unwrap_or_else(|| panic!("{expression}: {data}"));
        let value = |series: &Value| series["value"][1].as_str()?.parse().ok();
        let series = |series: &Value| Some((series["metric"].as_object()?.clone(), value(series)?));
        result.iter().filter_map(series).collect()
    }

    /// The trace ids of the exemplars that a selector has had within the last hour.
    pub async fn exemplars(&self, selector: &str) -> Vec<String> {
        let now = std::time::UNIX_EPOCH.elapsed().expect("a time").as_secs();
        let (start, end) = ((now - 3600).to_string(), (now + 60).to_string());
        let data =
            self.get("query_exemplars", &[("query", selector), ("start", &start), ("end", &end)]).await;
        let series = data.as_array().into_iter().flatten();
        let exemplars = series.filter_map(|series| series["exemplars"].as_array()).flatten();
        exemplars.filter_map(|exemplar| exemplar["labels"]["trace_id"].as_str()).map(str::to_owned).collect()
    }

    /// True when an alert of this name, about a service if one is named, is firing.
    pub async fn is_firing(&self, alert: &str, service: Option<&str>) -> bool {
        let data = self.get("alerts", &[]).await;
        let mut alerts = data["alerts"].as_array().into_iter().flatten();
        alerts.any(|it| it["state"] == "firing" && is_about(it, alert, service))
    }

    /// True when Alertmanager has been told of such an alert, and has not been told that it is over.
    pub async fn is_told(&self, alert: &str, service: Option<&str>) -> bool {
        let url = self.alertmanager.as_ref().expect("an Alertmanager");
        let answer = Answered::to(self.client.get(format!("{url}/api/v2/alerts"))).await;
        let alerts = answer.body.as_array().unwrap_or_else(|| panic!("{}", answer.body));
        alerts.iter().any(|it| is_about(it, alert, service))
    }

    async fn get(&self, what: &str, query: &[(&str, &str)]) -> Value {
        let request = self.client.get(format!("{}/api/v1/{what}", self.url)).query(query);
        let mut answer = Answered::to(request).await;
        assert_eq!(answer.body["status"], "success", "{query:?}: {}", answer.body);
        answer.body["data"].take()
    }
}

fn is_about(alert: &Value, name: &str, service: Option<&str>) -> bool {
    let labels = &alert["labels"];
    labels["alertname"] == name && service.is_none_or(|service| labels["service"] == service)
}
