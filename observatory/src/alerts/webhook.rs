//! Telling a webhook, in the form in which Alertmanager does (version 4): whatever takes its notifications takes these.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::report::Alert;
use super::state::State;
use super::{Notice, Outcomes};
use crate::model::rfc3339;
use crate::say::{Severity, say};
use crate::stop::Stopping;

/// Notifications that wait. A receiver that is away for longer than they last misses some, and they are counted.
pub(super) const WAITING: usize = 64;
const TIMEOUT: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// With these pauses, some seven minutes.
const ATTEMPTS: u32 = 16;

/// Names in order, so that the same labels read the same.
type Labels = BTreeMap<&'static str, String>;

/// Sends what comes until there is no more, or told to stop.
pub(super) async fn run(
    url: String,
    page: String,
    mut waiting: mpsc::Receiver<Notice>,
    outcomes: Outcomes,
    mut stopping: Stopping,
) {
    let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build().unwrap_or_default();
    let send = async {
        while let Some(notice) = waiting.recv().await {
            deliver(&client, &url, &notification(&notice, &page), &outcomes).await;
        }
    };
    tokio::select! {
        () = send => {}
        () = stopping.told() => {}
    }
}

async fn deliver(client: &reqwest::Client, url: &str, body: &Value, outcomes: &Outcomes) {
    let mut pause = FIRST_PAUSE;
    for attempt in 1..=ATTEMPTS {
        let reason = match client.post(url).json(body).send().await {
            Ok(answer) if answer.status().is_success() => return outcomes.count("delivered"),
            Ok(answer) if is_final(answer.status()) => {
                return give_up(outcomes, &format!("it answers {}", answer.status().as_u16()));
            }
            Ok(answer) => format!("it answers {}", answer.status().as_u16()),
            // The address may hold a secret.
            Err(error) => error.without_url().to_string(),
        };
        if attempt == ATTEMPTS {
            return give_up(outcomes, &reason);
        }
        outcomes.count("retried");
        // Half of it at random, so that several do not come back together.
        tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether asking again is of no use.
fn is_final(status: http::StatusCode) -> bool {
    !status.is_server_error() && status != http::StatusCode::TOO_MANY_REQUESTS
}

fn give_up(outcomes: &Outcomes, reason: &str) {
    outcomes.count("failed");
    say(Severity::Error, "an alert's notification was not taken", &json!({"error": reason}));
}

fn notification(notice: &[Alert], page: &str) -> Value {
    let alerts: Vec<Value> = notice.iter().map(|alert| one(alert, page)).collect();
    let is_firing = notice.iter().any(|alert| alert.state == State::Firing);
    let (rule, severity) = notice.first().map_or(("", ""), |alert| (alert.rule.as_str(), alert.severity));
    // What its alerts do not share is left to each.
    let service = if let [alert] = notice { alert.service.as_deref() } else { None };
    json!({
        "version": "4",
        "groupKey": format!("{{}}:{{alertname=\"{rule}\"}}"),
        "truncatedAlerts": 0,
        "status": status(is_firing),
        "receiver": "observatory",
        "groupLabels": {"alertname": rule},
        "commonLabels": labels(rule, severity, service),
        "commonAnnotations": {"summary": notice.first().map(|alert| &alert.summary)},
        "externalURL": page,
        "alerts": alerts,
    })
}

fn status(is_firing: bool) -> &'static str {
    if is_firing { "firing" } else { "resolved" }
}

fn labels(rule: &str, severity: &str, service: Option<&str>) -> Labels {
    let all = [("alertname", rule), ("severity", severity), ("source", "observatory")];
    let service = service.map(|service| ("service", service));
    all.into_iter().chain(service).map(|(name, value)| (name, value.to_owned())).collect()
}

fn one(alert: &Alert, page: &str) -> Value {
    let is_firing = alert.state == State::Firing;
    let labels = labels(&alert.rule, alert.severity, alert.service.as_deref());
    let trace_id = alert.examples.iter().find_map(|example| example.trace_id);
    let annotations = [
        ("summary", Some(alert.summary.clone())),
        ("description", Some(alert.reading.clone())),
        ("logs_url", Some(format!("{page}{}", alert.logs))),
        ("trace_url", trace_id.map(|trace_id| format!("{page}/trace/{trace_id}"))),
    ];
    let annotations: Labels =
        annotations.into_iter().filter_map(|(name, text)| Some((name, text?))).collect();
    // What the form has for "not yet".
    let ended = if is_firing { "0001-01-01T00:00:00Z".to_owned() } else { rfc3339(alert.since) };
    json!({
        "status": status(is_firing),
        "fingerprint": format!("{:016x}", fingerprint(&labels)),
        "labels": labels,
        "annotations": annotations,
        "startsAt": rfc3339(alert.fired),
        "endsAt": ended,
        "generatorURL": format!("{page}/alerts"),
    })
}

/// The same for the same labels, whenever and wherever (FNV-1a).
fn fingerprint(labels: &Labels) -> u64 {
    json!(labels)
        .to_string()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
