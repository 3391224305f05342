//! What a handler fails with, and how that becomes a problem document (RFC 9457), a span's status and one log line.

use std::borrow::Cow;
use std::error::Error;

use api::decode::DecodeError;
use api::problem::{FieldError, Problem, ProblemKind};
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use telemetry::http_server::Failure;
use telemetry::redact::scrub;

/// A failed request: what the client is told, and apart from it what only the log is told.
///
/// Its response has no body yet: [`crate::edge`] writes it, because path and trace are known there.
#[derive(Debug)]
pub struct ApiError {
    parts: Box<Parts>,
}

#[derive(Debug)]
struct Parts {
    kind: ProblemKind,
    problem: Problem,
    retry_after: Option<u64>,
    /// `WWW-Authenticate`.
    challenge: Option<HeaderValue>,
    source: Option<Box<dyn Error + Send + Sync>>,
    /// The service that failed has written the error line already.
    logged: bool,
}

impl ApiError {
    /// An error of a kind; `detail` is for the client.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        let problem = Problem { detail: Some(detail.into()), ..Problem::new(kind) };
        Self {
            parts: Box::new(Parts {
                kind,
                problem,
                retry_after: None,
                challenge: None,
                source: None,
                logged: false,
            }),
        }
    }

    /// A mistake of ours: the client hears that there was one, the log what it was.
    pub fn internal(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(ProblemKind::Internal, "something went wrong on our side").source(source)
    }

    /// Values that are not taken, each with its place in the body.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        Self::new(ProblemKind::InvalidValues, "some values are not taken: see `errors`").errors(errors)
    }

    /// A problem that another service answered with: passed on as it is, and not logged a second time.
    ///
    /// Its `instance` stays only if it is a public path; the path of an internal request says nothing to our caller.
    pub fn passed_on(mut problem: Problem, retry_after: Option<u64>) -> Self {
        let kind = problem.kind().unwrap_or(ProblemKind::Internal);
        problem.instance = problem.instance.filter(|instance| instance.starts_with("/api/"));
        Self {
            parts: Box::new(Parts {
                kind,
                problem,
                retry_after,
                challenge: None,
                source: None,
                logged: true,
            }),
        }
    }

    /// Adds the fields it is about. A field's name may be the client's own text, and hold anything.
    pub fn errors(mut self, errors: Vec<FieldError>) -> Self {
        let clean = |error: FieldError| FieldError::new(scrub(&error.pointer), scrub(&error.detail));
        self.parts.problem.errors = errors.into_iter().map(clean).collect();
        self
    }

    /// Adds a finer reason for programs.
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.parts.problem.code = Some(code.into());
        self
    }

    /// Says what it happened to, such as `/api/orders/{id}`. The request's path stands there otherwise.
    pub fn instance(mut self, path: impl Into<String>) -> Self {
        self.parts.problem.instance = Some(path.into());
        self
    }

    /// Says in how many seconds it is worth asking again.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.parts.retry_after = Some(seconds);
        self
    }

    /// Says how to authenticate (`WWW-Authenticate`, RFC 6750).
    pub fn challenge(mut self, challenge: &str) -> Self {
        self.parts.challenge = HeaderValue::from_str(challenge).ok();
        self
    }

    /// Adds the cause, which only the log is told.
    pub fn source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.parts.source = Some(source.into());
        self
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ProblemKind {
        self.parts.kind
    }

    /// What it happened to, if that is known already: `/api/orders/{id}`.
    pub fn instance_path(&self) -> Option<&str> {
        self.parts.problem.instance.as_deref()
    }

    /// The document the client is to get; path and trace are filled in where it becomes bytes.
    pub fn problem(&self) -> &Problem {
        &self.parts.problem
    }

    /// Whether a neighbour answered this, and not nothing at all: then it is known what the neighbour did.
    pub fn is_passed_on(&self) -> bool {
        self.parts.logged
    }

    /// Says it where no response will: on the current span, and, unless another service did, on the one error line.
    pub fn report(&self) {
        let Some(failure) = self.failure() else { return };
        telemetry::span::fail(&failure.error_type, &failure.description);
        if failure.log {
            tracing::error!(error_type = &*failure.error_type, "{}", failure.description);
        }
    }

    /// A word for metrics, spans and log fields, from a small set: `insufficient_funds`, `out_of_stock`.
    pub fn error_type(&self) -> Cow<'static, str> {
        self.parts.problem.error_type()
    }

    /// What happened and why, for the log and the span.
    pub(crate) fn description(&self) -> String {
        let Parts { problem, source, .. } = &*self.parts;
        let mut description = problem.detail.clone().unwrap_or_else(|| problem.title.clone());
        let mut cause = source.as_deref().map(|source| source as &dyn Error);
        while let Some(error) = cause {
            description.push_str(": ");
            description.push_str(&error.to_string());
            cause = error.source();
        }
        description
    }

    /// What the telemetry layer is told; nothing for a client's own mistake, which fails no span of ours.
    fn failure(&self) -> Option<Failure> {
        let Parts { kind, logged, .. } = &*self.parts;
        match kind {
            ProblemKind::MalformedRequest
            | ProblemKind::Unauthenticated
            | ProblemKind::Forbidden
            | ProblemKind::NotFound
            | ProblemKind::MethodNotAllowed
            | ProblemKind::Conflict
            | ProblemKind::IdempotencyConflict
            | ProblemKind::InProgress
            | ProblemKind::NotCancellable
            | ProblemKind::BodyTooLarge
            | ProblemKind::UriTooLong
            | ProblemKind::UnsupportedMediaType
            | ProblemKind::TooManyRequests
            | ProblemKind::HeadTooLarge
            | ProblemKind::InvalidValues => None,
            // An order that comes to nothing is what people search for, whoever's mistake it was (docs/adr/0005).
            ProblemKind::CardDeclined
            | ProblemKind::OutOfStock
            | ProblemKind::UnknownSku
            | ProblemKind::Internal
            | ProblemKind::Unavailable
            | ProblemKind::DeadlinePassed => {
                Some(Failure { error_type: self.error_type(), description: self.description(), log: !logged })
            }
        }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.parts.problem.detail.as_deref().unwrap_or(&self.parts.problem.title))
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.parts.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

impl From<DecodeError> for ApiError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Malformed(_) => Self::new(ProblemKind::MalformedRequest, error.to_string()),
            DecodeError::Invalid(field) => Self::invalid(vec![field]),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.parts.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        if let Some(failure) = self.failure() {
            response.extensions_mut().insert(failure);
        }
        if let Some(seconds) = self.parts.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = self.parts.challenge {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response.extensions_mut().insert(self.parts.problem);
        response
    }
}
