//! `GET /api/metrics`: the series last scraped from the services, with their exemplars.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::problem::Problem;
use super::query::Parameters;
use crate::AppState;
use crate::model::{Bucket, Exemplar, Histogram, SeriesExemplar, rfc3339};
use crate::openmetrics::Kind;
use crate::scrape::{Series, Target};

/// `{"series": […], "targets": […]}`, optionally of one `name` and one `service`.
pub(super) async fn show(
    State(state): State<AppState>,
    mut parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    let (name, service) = (parameters.text("name")?, parameters.text("service")?);
    parameters.finish()?;
    let wanted = |series_name: &str, series_service: &str| {
        name.as_ref().is_none_or(|name| name == series_name)
            && service.as_ref().is_none_or(|service| service == series_service)
    };
    let histograms = state.scraped.all_histograms();
    let others = state.scraped.series();
    let histograms = histograms.iter().filter(|series| wanted(&series.name, &series.service)).map(histogram);
    let others = others.iter().filter(|series| wanted(&series.name, &series.service)).map(single);
    let targets: Vec<_> = state.scraped.targets().iter().map(target).collect();
    Ok(Json(json!({"series": histograms.chain(others).collect::<Vec<_>>(), "targets": targets})))
}

fn histogram(histogram: &Histogram) -> Value {
    json!({
        "name": histogram.name,
        "service": histogram.service,
        "type": Kind::Histogram.name(),
        "labels": labels(&histogram.labels),
        "count": histogram.count,
        "sum": histogram.sum,
        "buckets": histogram.buckets.iter().map(bucket).collect::<Vec<_>>(),
    })
}

fn bucket(bucket: &Bucket) -> Value {
    // JSON has no infinity.
    let le = if bucket.le.is_infinite() { "+Inf".to_owned() } else { bucket.le.to_string() };
    json!({"le": le, "count": bucket.count, "exemplar": bucket.exemplar.as_ref().map(exemplar)})
}

fn single(series: &Series) -> Value {
    json!({
        "name": series.name,
        "service": series.service,
        "type": series.kind.name(),
        "labels": labels(&series.labels),
        "value": series.value,
        "exemplar": series.exemplar.as_ref().map(exemplar),
    })
}

/// An exemplar together with its series.
pub(super) fn series_exemplar(series: &SeriesExemplar) -> Value {
    json!({
        "service": series.service,
        "metric": series.metric,
        "labels": labels(&series.labels),
        "exemplar": exemplar(&series.exemplar),
    })
}

fn exemplar(exemplar: &Exemplar) -> Value {
    let timestamp = exemplar.timestamp.map(|seconds| rfc3339((seconds * 1e9) as u64));
    json!({"trace_id": exemplar.trace_id, "value": exemplar.value, "timestamp": timestamp})
}

fn labels(labels: &[(String, String)]) -> Map<String, Value> {
    labels.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect()
}

fn target(target: &Target) -> Value {
    json!({
        "address": target.address,
        "up": target.error.is_none(),
        "error": target.error,
        "scraped_at": target.scraped_at.map(rfc3339),
    })
}
