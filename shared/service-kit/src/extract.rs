//! Extractors whose rejections are problem documents that never repeat what was sent.

use std::time::Duration;

use api::decode::decode_json;
use api::problem::ProblemKind;
use axum::body::Bytes;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::deadline::Deadline;
use crate::error::ApiError;

/// The most a request body may hold, in bytes.
pub const BODY_LIMIT: usize = 256 * 1024;
/// What a body may take to arrive: a request that is only being sent holds one of the places of `MAX_IN_FLIGHT`.
const BODY_TIME: Duration = Duration::from_secs(3);

/// A JSON body. 415 without a JSON content type, 413 over [`BODY_LIMIT`], 400 when it is not JSON, 422 with a
/// JSON pointer when it is of another shape.
#[derive(Debug)]
pub struct ApiJson<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(not_json());
        }
        let ApiBody(body) = ApiBody::from_request(request, &()).await?;
        Ok(Self(decode_json(&body)?))
    }
}

/// Whether the content type is `application/json` or ends in `+json`; parameters may follow.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let Some(media_type) = media_type(headers) else { return false };
    media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

/// The content type without its parameters, in lower case.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

pub(crate) fn not_json() -> ApiError {
    ApiError::new(
        ProblemKind::UnsupportedMediaType,
        "the body must be JSON, with `content-type: application/json`",
    )
}

/// A body of any kind, up to [`BODY_LIMIT`], within 3 s and the request's deadline.
#[derive(Debug)]
pub struct ApiBody(pub Bytes);

impl<S: Sync> FromRequest<S> for ApiBody {
    type Rejection = ApiError;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, ApiError> {
        let too_large = || ApiError::new(ProblemKind::BodyTooLarge, "the body is over 256 KiB");
        // Said before it is sent: a client that waits for `100 Continue` need not send it.
        if content_length(request.headers()).is_some_and(|length| length > BODY_LIMIT as u64) {
            return Err(too_large());
        }
        let (mut parts, body) = std::mem::take(&mut request).into_parts();
        let deadline = Deadline::from_request_parts(&mut parts, state).await?;
        let end = deadline.instant().min(Instant::now() + BODY_TIME);
        match tokio::time::timeout_at(end, axum::body::to_bytes(body, BODY_LIMIT + 1)).await {
            Ok(Ok(bytes)) if bytes.len() <= BODY_LIMIT => Ok(Self(bytes)),
            Ok(Ok(_)) => Err(too_large()),
            Ok(Err(error)) if is_length_limit(&error) => Err(too_large()),
            Ok(Err(_)) => Err(ApiError::new(ProblemKind::MalformedRequest, "the body broke off")),
            Err(_) => Err(ApiError::new(ProblemKind::DeadlinePassed, "the body did not arrive in time")),
        }
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH).map(HeaderValue::to_str)?.ok()?.parse().ok()
}

fn is_length_limit(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.to_string().contains("length limit"))
}

/// A path's parameter. What is not of its form names nothing, so it is answered 404, with the form it has.
#[derive(Debug)]
pub struct ApiPath<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for ApiPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => Err(match error.into_kind() {
                ErrorKind::DeserializeError { message, .. } | ErrorKind::Message(message) => {
                    ApiError::new(ProblemKind::NotFound, format!("nothing has this path: {message}"))
                }
                ErrorKind::InvalidUtf8InPathParam { .. } => {
                    ApiError::new(ProblemKind::MalformedRequest, "the path is not UTF-8")
                }
                _ => ApiError::new(ProblemKind::NotFound, "nothing has this path"),
            }),
            Err(rejection) => Err(ApiError::internal(rejection.to_string())),
        }
    }
}

/// A query's parameters. 422 for one that is unknown, stands twice or is of another form.
#[derive(Debug)]
pub struct ApiQuery<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = Query::from_request_parts(parts, state).await;
        let wrong = "the query has a parameter that is unknown, stands twice or is of another form";
        query.map(|Query(value)| Self(value)).map_err(|_| ApiError::new(ProblemKind::InvalidValues, wrong))
    }
}
