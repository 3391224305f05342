//! Log lines over HTTP: `POST /api/logs` with one JSON object, an array of them, or NDJSON.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;

use super::lines::Gathered;
use super::{Input, Intake, MAX_BODY, RETRY_AFTER, Refused};
use crate::api::problem::Problem;
use crate::model::now;

/// Refused lines that an answer names; the rest is only counted.
const ERRORS_NAMED: usize = 20;

/// What became of the lines.
#[derive(Debug, Default, Serialize)]
struct Answer {
    accepted: usize,
    rejected: usize,
    errors: Vec<LineError>,
}

#[derive(Debug, Serialize)]
struct LineError {
    /// Counted from 0, empty lines not included.
    index: usize,
    reason: &'static str,
}

/// Takes all lines that can be understood, or, when the queue is full, none.
pub(crate) async fn post(
    State(intake): State<Intake>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {MAX_BODY} bytes"))
        }
        _ => Problem::new(StatusCode::BAD_REQUEST, "the request ended early"),
    })?;
    let lines = split(&headers, &body)?;
    let arrived = now();
    let mut gathered = Gathered::new(Input::Http);
    let mut answer = Answer::default();
    for (index, line) in lines.into_iter().enumerate() {
        if let Err(reason) = gathered.add(&intake, line, arrived) {
            answer.rejected += 1;
            if answer.errors.len() < ERRORS_NAMED {
                answer.errors.push(LineError { index, reason });
            }
        }
    }
    answer.accepted = gathered.count();
    gathered.offer(&intake).map_err(|Refused| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "more log lines than can be stored; try again")
            .retry(RETRY_AFTER)
    })?;
    let status =
        if answer.accepted == 0 && answer.rejected > 0 { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    if status == StatusCode::BAD_REQUEST {
        let reason = answer.errors.first().map_or("malformed", |error| error.reason);
        return Err(Problem::new(status, format!("no line could be understood; the first is {reason}")));
    }
    Ok((status, Json(answer)).into_response())
}

fn split<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<Vec<&'a [u8]>, Problem> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media_type.as_str() {
        "application/x-ndjson" | "application/jsonl" => {
            Ok(body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).collect())
        }
        "application/json" => match body.trim_ascii_start().first() {
            Some(b'[') => {
                let lines: Vec<&RawValue> = serde_json::from_slice(body)
                    .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, format!("not JSON: {error}")))?;
                Ok(lines.into_iter().map(|line| line.get().as_bytes()).collect())
            }
            Some(_) => Ok(vec![body]),
            None => Err(Problem::new(StatusCode::BAD_REQUEST, "the body is empty")),
        },
        _ => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send application/json (an object or an array of objects) or application/x-ndjson",
        )),
    }
}
