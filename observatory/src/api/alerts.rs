//! `GET /api/alerts`: every rule with its state, and the alerts that are not inactive.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::problem::Problem;
use super::query::Parameters;
use crate::AppState;
use crate::alerts::{Alert, Example, RuleReport, Threshold};
use crate::model::rfc3339;

pub(super) async fn show(
    State(state): State<AppState>,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    parameters.finish()?;
    let report = state.alerts.report();
    let alerts: Vec<Value> = report.rules.iter().flat_map(|rule| &rule.alerts).map(alert).collect();
    let rules: Vec<Value> = report.rules.iter().map(rule).collect();
    let webhook = report.webhook.map(|sent| {
        json!({
            "delivered": sent.delivered,
            "failed": sent.failed,
            "dropped": sent.dropped,
            "waiting": sent.waiting,
        })
    });
    Ok(Json(json!({"alerts": alerts, "rules": rules, "webhook": webhook})))
}

fn rule(rule: &RuleReport) -> Value {
    json!({
        "rule": rule.name,
        "kind": rule.kind,
        "severity": rule.severity,
        "summary": rule.summary,
        "condition": rule.condition,
        "state": rule.state.name(),
        "reading": rule.reading,
    })
}

fn alert(alert: &Alert) -> Value {
    let threshold = match alert.threshold {
        Threshold::AtLeast(least) => json!({"at_least": least}),
        Threshold::AboveShare(share) => json!({"above_share": share}),
        Threshold::Usual { low, high } => json!({"usual_from": low, "usual_to": high}),
        Threshold::None => Value::Null,
    };
    json!({
        "rule": alert.rule,
        "service": alert.service,
        "severity": alert.severity,
        "summary": alert.summary,
        "state": alert.state.name(),
        "since": rfc3339(alert.since),
        "value": alert.value,
        "threshold": threshold,
        "reading": alert.reading,
        "logs": alert.logs,
        "examples": alert.examples.iter().map(example).collect::<Vec<_>>(),
    })
}

fn example(example: &Example) -> Value {
    json!({
        "timestamp": rfc3339(example.timestamp),
        "severity": example.severity,
        "service": example.service,
        "message": example.message,
        "trace_id": example.trace_id,
        "trace": example.trace_id.map(|trace_id| format!("/trace/{trace_id}")),
    })
}
