//! `GET /api/intake`: what came in, by input and by what became of it; who was limited; what could not be understood.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::problem::Problem;
use super::query::Parameters;
use crate::AppState;
use crate::metrics::{Counts, JOINS};
use crate::model::rfc3339;

pub(super) async fn show(
    State(state): State<AppState>,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    parameters.finish()?;
    let report = state.intake.report();
    let inputs: Map<_, _> =
        report.inputs.iter().map(|(input, counts)| (input.name().to_owned(), input_counts(counts))).collect();
    let joins: Map<_, _> = JOINS
        .into_iter()
        .zip(report.joins)
        .map(|(outcome, count)| (outcome.to_owned(), count.into()))
        .collect();
    let senders = report.limited.iter().map(|sender| {
        json!({
            "sender": sender.sender,
            "dropped": sender.dropped,
            "paused": sender.paused,
            "since": rfc3339(sender.since),
            "last": rfc3339(sender.last),
        })
    });
    let samples = report.samples.iter().map(|sample| {
        json!({
            "timestamp": rfc3339(sample.at),
            "input": sample.input.name(),
            "reason": sample.reason,
            "text": sample.text,
        })
    });
    Ok(Json(json!({
        "inputs": inputs,
        "queue": {"length_bytes": report.queue.0, "capacity_bytes": report.queue.1},
        "session_joins": joins,
        "limit": report.limit.map(|(records, bytes)| json!({"records_a_second": records, "bytes_a_second": bytes})),
        "limited_senders": senders.collect::<Vec<_>>(),
        "malformed": samples.collect::<Vec<_>>(),
    })))
}

fn input_counts(counts: &Counts) -> Value {
    let malformed: Map<_, _> =
        counts.malformed.iter().map(|(reason, count)| ((*reason).to_owned(), (*count).into())).collect();
    json!({
        "received": counts.received,
        "stored": counts.stored,
        "refused": counts.refused,
        "limited": counts.limited,
        "failed": counts.failed,
        "paused": counts.paused,
        "malformed": malformed,
    })
}
