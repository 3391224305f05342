//! OTLP over HTTP: `/v1/traces` and `/v1/logs`, protobuf or JSON, plain or gzip.

use std::io::Read as _;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Router};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use serde::de::DeserializeOwned;
use serde_json::json;
use tonic_types::pb;

use super::room::{Held, hold};
use super::{Input, Intake, MAX_BODY, RETRY_AFTER, Refused, Signal, otlp, otlp_weight};

/// The routes of the OTLP/HTTP listener.
pub(crate) fn routes(intake: Intake) -> Router {
    Router::new()
        .route("/v1/traces", post(traces))
        .route("/v1/logs", post(logs))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(intake.room.clone(), hold))
        .with_state(intake)
}

/// How the request is written, and so the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        match content_type.split(';').next()?.trim().to_ascii_lowercase().as_str() {
            "application/x-protobuf" => Some(Self::Protobuf),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }

    fn response(self, status: StatusCode, message: &impl Message, json: &serde_json::Value) -> Response {
        match self {
            Self::Protobuf => {
                (status, [(header::CONTENT_TYPE, "application/x-protobuf")], message.encode_to_vec())
                    .into_response()
            }
            Self::Json => {
                (status, [(header::CONTENT_TYPE, "application/json")], json.to_string()).into_response()
            }
        }
    }

    /// An error as OTLP wants it: a `google.rpc.Status` in the encoding of the request.
    fn error(self, status: StatusCode, message: &str) -> Response {
        let code = match status {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => tonic::Code::Unimplemented,
            StatusCode::SERVICE_UNAVAILABLE => tonic::Code::Unavailable,
            _ => tonic::Code::InvalidArgument,
        };
        let body = pb::Status { code: code as i32, message: message.to_owned(), details: Vec::new() };
        self.response(status, &body, &json!({"code": body.code, "message": body.message}))
    }
}

async fn traces(
    State(intake): State<Intake>,
    Extension(held): Extension<Held>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let (encoding, request) =
        match read::<ExportTraceServiceRequest>(&intake, &held, Signal::Traces, &headers, body) {
            Ok(read) => read,
            Err(response) => return *response,
        };
    let invalid = match otlp::take_spans(&intake, &held, Input::OtlpHttp, request.resource_spans) {
        Ok(invalid) => invalid,
        Err(refused) => return not_taken(encoding, refused),
    };
    if invalid == 0 {
        return encoding.response(StatusCode::OK, &ExportTraceServiceResponse::default(), &json!({}));
    }
    let partial = ExportTracePartialSuccess {
        rejected_spans: invalid as i64,
        error_message: otlp::INVALID_IDS.to_owned(),
    };
    // 64-bit integers are strings in protobuf's JSON.
    let json = json!({"partialSuccess": {
        "rejectedSpans": partial.rejected_spans.to_string(),
        "errorMessage": partial.error_message,
    }});
    encoding.response(StatusCode::OK, &ExportTraceServiceResponse { partial_success: Some(partial) }, &json)
}

async fn logs(
    State(intake): State<Intake>,
    Extension(held): Extension<Held>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let (encoding, request) =
        match read::<ExportLogsServiceRequest>(&intake, &held, Signal::Logs, &headers, body) {
            Ok(read) => read,
            Err(response) => return *response,
        };
    match otlp::take_logs(&intake, &held, Input::OtlpHttp, request.resource_logs) {
        Ok(()) => encoding.response(StatusCode::OK, &ExportLogsServiceResponse::default(), &json!({})),
        Err(refused) => not_taken(encoding, refused),
    }
}

fn not_taken(encoding: Encoding, refused: Refused) -> Response {
    match refused {
        Refused::TooLarge => encoding.error(StatusCode::PAYLOAD_TOO_LARGE, otlp::TOO_LARGE),
        Refused::Full => {
            let answer = encoding.error(StatusCode::SERVICE_UNAVAILABLE, "more telemetry than can be stored");
            ([(header::RETRY_AFTER, RETRY_AFTER.as_secs().to_string())], answer).into_response()
        }
    }
}

/// The request and its encoding; or the answer to what cannot be read, counted as one item.
fn read<T: Message + Default + DeserializeOwned>(
    intake: &Intake,
    held: &Held,
    signal: Signal,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(Encoding, T), Box<Response>> {
    let encoding = Encoding::of(headers);
    let answer = encoding.unwrap_or(Encoding::Json);
    let request = decode(encoding, held, signal, headers, body);
    request.map(|request| (answer, request)).map_err(|error| match error {
        Unread::Refused(refused) => {
            otlp::count_refused(intake, (Input::OtlpHttp, signal), refused, 1);
            Box::new(not_taken(answer, refused))
        }
        Unread::Bad(bad) => {
            intake.metrics.received(Input::OtlpHttp, signal, 1);
            intake.metrics.malformed(Input::OtlpHttp, signal, bad.reason, 1);
            Box::new(answer.error(bad.status, &bad.message))
        }
    })
}

/// Why a request is not read.
#[derive(Debug)]
enum Unread {
    Bad(Bad),
    Refused(Refused),
}

impl From<Bad> for Unread {
    fn from(bad: Bad) -> Self {
        Self::Bad(bad)
    }
}

impl From<Refused> for Unread {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// A request that cannot be read.
#[derive(Debug)]
pub(super) struct Bad {
    status: StatusCode,
    reason: &'static str,
    message: String,
}

impl Bad {
    fn new(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { status, reason, message: message.into() }
    }

    fn too_large() -> Self {
        let message = format!("the request is larger than {MAX_BODY} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }
}

fn decode<T: Message + Default + DeserializeOwned>(
    encoding: Option<Encoding>,
    held: &Held,
    signal: Signal,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<T, Unread> {
    let body = body.map_err(|rejection| match rejection.status() {
        _ if held.was_full() => Refused::Full.into(),
        StatusCode::PAYLOAD_TOO_LARGE => Unread::Bad(Bad::too_large()),
        _ => Bad::new(StatusCode::BAD_REQUEST, "incomplete", "the request ended early").into(),
    })?;
    let unsupported = |message| Bad::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported", message);
    let encoding = encoding
        .ok_or_else(|| unsupported("Content-Type must be application/x-protobuf or application/json"))?;
    let body = match headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase())
    {
        None => body,
        Some(coding) if coding == b"identity" => body,
        Some(coding) if coding == b"gzip" => unpacked(&body, held)?,
        Some(_) => return Err(unsupported("Content-Encoding must be gzip or identity").into()),
    };
    held.take(match encoding {
        Encoding::Protobuf => otlp_weight::of_protobuf(signal, &body),
        Encoding::Json => otlp_weight::of_json(&body),
    })?;
    let request = match encoding {
        Encoding::Protobuf => T::decode(body.as_ref()).map_err(|error| error.to_string()),
        // serde would read a message from an array, too.
        Encoding::Json if body.trim_ascii_start().first() != Some(&b'{') => {
            Err("not a JSON object".to_owned())
        }
        Encoding::Json => serde_json::from_slice(&body).map_err(|error| error.to_string()),
    };
    Ok(request.map_err(|error| Bad::new(StatusCode::BAD_REQUEST, "undecodable", error))?)
}

fn unpacked(body: &[u8], held: &Held) -> Result<Bytes, Unread> {
    let body = inflate(body)?;
    held.take(body.len())?;
    Ok(body)
}

/// Unpacks, but never more than a request may hold: a few kilobytes of gzip can become gigabytes.
pub(super) fn inflate(packed: &[u8]) -> Result<Bytes, Bad> {
    let mut body = Vec::new();
    let mut unpacked = flate2::read::MultiGzDecoder::new(packed).take(MAX_BODY as u64 + 1);
    unpacked
        .read_to_end(&mut body)
        .map_err(|_| Bad::new(StatusCode::BAD_REQUEST, "undecodable", "the body is not gzip"))?;
    if body.len() > MAX_BODY { Err(Bad::too_large()) } else { Ok(body.into()) }
}

async fn not_found(headers: HeaderMap) -> Response {
    let encoding = Encoding::of(&headers).unwrap_or(Encoding::Json);
    encoding.error(
        StatusCode::NOT_FOUND,
        "only /v1/traces and /v1/logs are taken; metrics are scraped from the services' /metrics",
    )
}

async fn not_allowed(headers: HeaderMap) -> Response {
    let encoding = Encoding::of(&headers).unwrap_or(Encoding::Json);
    encoding.error(StatusCode::METHOD_NOT_ALLOWED, "use POST")
}
