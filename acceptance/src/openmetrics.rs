//! An exposition in OpenMetrics form, read as far as tests need it.

use crate::Stack;
use reqwest::Client;

/// What a `/metrics` answered.
pub struct Exposition {
    text: String,
}

/// One sample.
#[derive(Debug)]
pub struct Sample<'a> {
    /// Name and labels as they are written: `orders_total{status="confirmed"}`.
    pub series: &'a str,
    /// The value.
    pub value: f64,
    /// The exemplar's trace id and what else it has: value and timestamp.
    pub exemplar: Option<(&'a str, Vec<f64>)>,
}

impl Stack {
    /// Scrapes a part as Prometheus does.
    pub async fn metrics(&self, part: &str) -> Exposition {
        Exposition::scraped(&self.client(), &self.admin(part)).await
    }
}

impl Exposition {
    /// What an admin port answers.
    pub(crate) async fn scraped(client: &Client, admin: &str) -> Self {
        let answer = client.get(format!("{admin}/metrics")).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{admin}");
        let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert_eq!(answer.headers()["content-type"], content_type, "{admin}");
        let text = answer.text().await.expect("a body");
        assert!(text.ends_with("# EOF\n"), "{admin}");
        Self { text }
    }

    /// As it was answered.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Samples whose series begin so.
    pub fn samples(&self, series: &str) -> Vec<Sample<'_>> {
        let lines = self.text.lines().filter(|line| !line.starts_with('#') && line.starts_with(series));
        lines.map(read).collect()
    }

    /// The value of one whole series. Panics when it is not there.
    pub fn value(&self, series: &str) -> f64 {
        let sample = self.samples(series).into_iter().find(|sample| sample.series == series);
        sample.unwrap_or_else(|| panic!("no {series} in\n{}", self.text)).value
    }

    /// Trace ids of the exemplars of a metric.
    pub fn exemplars(&self, name: &str) -> Vec<String> {
        let of_sample = |sample: Sample<'_>| sample.exemplar.map(|(trace_id, _)| trace_id.to_owned());
        self.samples(name).into_iter().filter_map(of_sample).collect()
    }
}

fn read(line: &str) -> Sample<'_> {
    let (sample, exemplar) = match line.split_once(" # ") {
        Some((sample, exemplar)) => (sample, Some(exemplar)),
        None => (line, None),
    };
    let (series, value) = sample.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
    let exemplar = exemplar.map(|exemplar| {
        let (labels, numbers) = exemplar.split_once("} ").unwrap_or_else(|| panic!("{line}"));
        assert!(labels.len() <= 128, "too long an exemplar is dropped: {line}");
        let trace_id = labels.strip_prefix("{trace_id=\"").and_then(|rest| rest.strip_suffix('"'));
        let numbers = numbers.split(' ').map(|number| number.parse().expect("a number")).collect();
        (trace_id.unwrap_or_else(|| panic!("{line}")), numbers)
    });
    Sample { series, value: value.parse().unwrap_or_else(|_| panic!("{line}")), exemplar }
}
