//! `GET /api/logs`: log lines and session events by trace, span, order, session, user, terminal, service, severity, words
//! and time.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::problem::Problem;
use super::query::Parameters;
use crate::AppState;
use crate::model::{LogQuery, LogRecord, rfc3339};

const MAX_LIMIT: usize = 1000;

/// `{"logs": […], "next_cursor": "…" | null}`.
pub(super) async fn find(
    State(state): State<AppState>,
    mut parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    let query = LogQuery {
        trace_id: parameters.parse("trace_id", "32 hexadecimal digits", |text| text.parse().ok())?,
        span_id: parameters.parse("span_id", "16 hexadecimal digits", |text| text.parse().ok())?,
        order_id: parameters.text("order_id")?,
        session_id: parameters.text("session_id")?,
        user_ref: parameters.text("user_id")?.map(|id| state.intake.user_key.reference(&id)),
        terminal_id: parameters.text("terminal_id")?,
        service: parameters.text("service")?,
        severity: parameters.text("severity")?,
        q: parameters.text("q")?,
        from: parameters.instant("from")?,
        to: parameters.instant("to")?,
        limit: parameters
            .parse("limit", "a number from 1 to 1000", |text| {
                text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit))
            })?
            .unwrap_or_else(|| LogQuery::default().limit),
        cursor: parameters.text("cursor")?,
    };
    parameters.finish()?;
    let page = state.store.logs(&query).await?;
    let logs: Vec<_> = page.logs.into_iter().map(line).collect();
    Ok(Json(json!({"logs": logs, "next_cursor": page.next_cursor})))
}

/// The line as it was received, with what every line has filled in where it did not say.
pub(super) fn line(record: LogRecord) -> Value {
    let mut fields = record.fields;
    fields.entry("timestamp").or_insert_with(|| rfc3339(record.timestamp).into());
    fields.entry("severity").or_insert_with(|| record.severity.into());
    fields.entry("service").or_insert_with(|| record.service.into());
    fields.entry("message").or_insert_with(|| record.message.into());
    Value::Object(fields)
}
