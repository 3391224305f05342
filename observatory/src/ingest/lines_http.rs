//! Log lines and session events over HTTP: `POST /api/logs` with one JSON object, an array of them, or NDJSON.

use std::fmt;
use std::net::SocketAddr;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::lines::Gathered;
use super::room::{Held, MAX_RECORDS};
use super::{Input, Intake, LogRow, MAX_BODY, RETRY_AFTER, Signal};
use crate::api::problem::Problem;
use crate::model::now;

/// Refused lines that an answer names; the rest is only counted.
const ERRORS_NAMED: usize = 20;

/// What became of the lines.
#[derive(Debug, Serialize)]
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

/// A request of which nothing is taken, and the reason it is counted under, as one malformed record.
#[derive(Debug)]
struct Bad {
    status: StatusCode,
    reason: &'static str,
    detail: String,
}

impl Bad {
    fn new(status: StatusCode, reason: &'static str, detail: impl Into<String>) -> Self {
        Self { status, reason, detail: detail.into() }
    }

    fn too_large(detail: String) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    }

    fn count(self, intake: &Intake) -> Problem {
        intake.metrics.received(Input::Http, Signal::Logs, 1);
        intake.metrics.malformed(Input::Http, Signal::Logs, self.reason, 1);
        Problem::new(self.status, self.detail)
    }
}

/// Takes all lines that can be understood, or, when there is no room, none.
pub(crate) async fn post(
    State(intake): State<Intake>,
    ConnectInfo(sender): ConnectInfo<SocketAddr>,
    Extension(held): Extension<Held>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = match body {
        Ok(body) => body,
        Err(_) if held.was_full() => return Err(no_room(&intake, 1)),
        Err(rejection) => return Err(unread(rejection.status()).count(&intake)),
    };
    let lines = split(&headers, &body).map_err(|bad| bad.count(&intake))?;
    let count = lines.len() as u64;
    if let Err(wait) = intake.limit.admit(sender.ip(), count, body.len()) {
        intake.metrics.received(Input::Http, Signal::Logs, count);
        intake.metrics.limited(Input::Http, count);
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "this sender's records come too fast")
            .retry(wait.max(RETRY_AFTER)));
    }
    // A body and its records are never more than one request may hold.
    if held.take(LogRow::weight_of(lines.len(), body.len())).is_err() {
        return Err(no_room(&intake, count));
    }
    take(&intake, lines)
}

fn take(intake: &Intake, lines: Vec<&[u8]>) -> Result<Response, Problem> {
    let arrived = now();
    let mut gathered = Gathered::new(Input::Http);
    let mut malformed = Vec::new();
    for (index, line) in lines.into_iter().enumerate() {
        if let Err(reason) = gathered.keep(intake, line, arrived) {
            malformed.push((index, line, reason));
        }
    }
    let accepted = gathered.count();
    gathered.offer(intake).map_err(|_| full())?;
    // Not before: what is refused comes again, and its mistakes with it.
    for (_, line, reason) in &malformed {
        gathered.malformed(intake, line, reason);
    }
    gathered.count_received(intake);
    let first = malformed.first().map(|(_, _, reason)| *reason);
    if let (0, Some(reason)) = (accepted, first) {
        let detail = format!("no line could be understood; the first is {reason}");
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
    }
    let errors = malformed.iter().take(ERRORS_NAMED);
    let errors = errors.map(|&(index, _, reason)| LineError { index, reason }).collect();
    Ok(Json(Answer { accepted, rejected: malformed.len(), errors }).into_response())
}

fn full() -> Problem {
    let detail = "more log lines than can be stored; try again";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry(RETRY_AFTER)
}

/// Counts what there was no room to read.
fn no_room(intake: &Intake, count: u64) -> Problem {
    intake.metrics.received(Input::Http, Signal::Logs, count);
    intake.metrics.refused(Input::Http, Signal::Logs, count);
    full()
}

fn unread(status: StatusCode) -> Bad {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        Bad::too_large(format!("the body is larger than {MAX_BODY} bytes"))
    } else {
        Bad::new(StatusCode::BAD_REQUEST, "incomplete", "the request ended early")
    }
}

fn split<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<Vec<&'a [u8]>, Bad> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let lines = match media_type.as_str() {
        "application/x-ndjson" | "application/jsonl" => {
            let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
            lines.take(MAX_RECORDS + 1).collect()
        }
        "application/json" => match body.trim_ascii_start().first() {
            Some(b'[') => array(body)?,
            Some(_) => vec![body],
            None => return Err(Bad::new(StatusCode::BAD_REQUEST, "no_content", "the body is empty")),
        },
        _ => {
            return Err(Bad::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported",
                "send application/json (an object or an array of objects) or application/x-ndjson",
            ));
        }
    };
    if lines.len() > MAX_RECORDS { Err(too_many()) } else { Ok(lines) }
}

fn too_many() -> Bad {
    Bad::too_large(format!("more than {MAX_RECORDS} records"))
}

fn array(body: &[u8]) -> Result<Vec<&[u8]>, Bad> {
    let Elements(lines) = serde_json::from_slice(body).map_err(|error| {
        // The only thing but JSON itself that can be wrong.
        let is_too_long = error.is_data();
        if is_too_long {
            too_many()
        } else {
            Bad::new(StatusCode::BAD_REQUEST, "not_json", format!("not JSON: {error}"))
        }
    })?;
    Ok(lines)
}

/// The elements of an array, not read any further, and not more than a request may have.
struct Elements<'a>(Vec<&'a [u8]>);

impl<'de: 'a, 'a> Deserialize<'de> for Elements<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Elements(Vec::new()))
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Elements<'a> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of at most {MAX_RECORDS}")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Self, A::Error> {
        while let Some(element) = elements.next_element::<&'de RawValue>()? {
            if self.0.len() == MAX_RECORDS {
                return Err(A::Error::custom("too many"));
            }
            self.0.push(element.get().as_bytes());
        }
        Ok(self)
    }
}
