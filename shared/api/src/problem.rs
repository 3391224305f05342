//! Problem documents (RFC 9457), the one form every error is answered in.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The media type of a problem document.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// What every problem's `type` starts with; the kind's slug follows.
pub const TYPE_BASE: &str = "https://waybill.example/problems/";

/// The kinds of problem there are. Each has its `type`, title and status here and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// 400: the body is not JSON, or a query or header cannot be read.
    MalformedRequest,
    /// 401: there is no token, or it is not taken.
    Unauthenticated,
    /// 402: the card's bank said no.
    CardDeclined,
    /// 403: the token does not allow this.
    Forbidden,
    /// 404: nothing is there.
    NotFound,
    /// 405: something is there, but it does not take this method.
    MethodNotAllowed,
    /// 409: the same order was asked for before in another form.
    Conflict,
    /// 409: the idempotency key was used for another request.
    IdempotencyConflict,
    /// 409: the first request with this idempotency key, or another step of this order, is still running.
    InProgress,
    /// 409: an order in this state cannot be cancelled.
    NotCancellable,
    /// 409: less in stock than asked for.
    OutOfStock,
    /// 413: the body is over its limit.
    BodyTooLarge,
    /// 414: the path and query are over their limit.
    UriTooLong,
    /// 415: the body is not JSON by its content type.
    UnsupportedMediaType,
    /// 422: well-formed, but values are not taken.
    InvalidValues,
    /// 422: no product has this SKU.
    UnknownSku,
    /// 429: more than this customer, or this address, may ask at a time.
    TooManyRequests,
    /// 431: the headers are over their limit.
    HeadTooLarge,
    /// 500: a mistake of ours.
    Internal,
    /// 503: a service, a database or the card processor cannot answer now.
    Unavailable,
    /// 504: the request's time is over.
    DeadlinePassed,
}

impl ProblemKind {
    /// All of them, by status.
    pub const ALL: [Self; 21] = [
        Self::MalformedRequest,
        Self::Unauthenticated,
        Self::CardDeclined,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::IdempotencyConflict,
        Self::InProgress,
        Self::NotCancellable,
        Self::OutOfStock,
        Self::BodyTooLarge,
        Self::UriTooLong,
        Self::UnsupportedMediaType,
        Self::InvalidValues,
        Self::UnknownSku,
        Self::TooManyRequests,
        Self::HeadTooLarge,
        Self::Internal,
        Self::Unavailable,
        Self::DeadlinePassed,
    ];

    /// Slug (the end of the `type`), HTTP status and title.
    fn parts(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::MalformedRequest => ("malformed-request", 400, "Malformed request"),
            Self::Unauthenticated => ("unauthenticated", 401, "Not authenticated"),
            Self::CardDeclined => ("card-declined", 402, "Card declined"),
            Self::Forbidden => ("forbidden", 403, "Not allowed"),
            Self::NotFound => ("not-found", 404, "Not found"),
            Self::MethodNotAllowed => ("method-not-allowed", 405, "Method not allowed"),
            Self::Conflict => ("conflict", 409, "Conflict"),
            Self::IdempotencyConflict => ("idempotency-conflict", 409, "Idempotency key used before"),
            Self::InProgress => ("in-progress", 409, "Still in progress"),
            Self::NotCancellable => ("not-cancellable", 409, "Cannot be cancelled"),
            Self::OutOfStock => ("out-of-stock", 409, "Out of stock"),
            Self::BodyTooLarge => ("body-too-large", 413, "Body too large"),
            Self::UriTooLong => ("uri-too-long", 414, "URI too long"),
            Self::UnsupportedMediaType => ("unsupported-media-type", 415, "Unsupported media type"),
            Self::InvalidValues => ("invalid-values", 422, "Invalid values"),
            Self::UnknownSku => ("unknown-sku", 422, "Unknown SKU"),
            Self::TooManyRequests => ("too-many-requests", 429, "Too many requests"),
            Self::HeadTooLarge => ("head-too-large", 431, "Headers too large"),
            Self::Internal => ("internal", 500, "Internal error"),
            Self::Unavailable => ("unavailable", 503, "Temporarily unavailable"),
            Self::DeadlinePassed => ("deadline-passed", 504, "Deadline passed"),
        }
    }

    /// The last part of the `type`, such as `out-of-stock`.
    pub fn slug(self) -> &'static str {
        self.parts().0
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        self.parts().1
    }

    /// The title, the same for every problem of this kind.
    pub fn title(self) -> &'static str {
        self.parts().2
    }
}

/// A problem document: what went wrong, in a form for programs and people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// A URI that names the kind.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(format = "uri"))]
    pub kind_uri: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    #[cfg_attr(feature = "openapi", schema(value_type = i32, minimum = 400, maximum = 599))]
    pub status: u16,
    /// This occurrence in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub detail: Option<String>,
    /// The path of what it happened to: an order's, or else the request's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub instance: Option<String>,
    /// The trace it happened in, 32 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(nullable = false, pattern = "^[0-9a-f]{32}$", examples("4bf92f3577b34da6a3ce929d0e0e4736"))
    )]
    pub trace_id: Option<String>,
    /// A finer reason for programs, such as `insufficient_funds` of a declined card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub code: Option<String>,
    /// The fields it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl Problem {
    /// A problem of a kind, with nothing said about this occurrence yet.
    pub fn new(kind: ProblemKind) -> Self {
        Self {
            kind_uri: format!("{TYPE_BASE}{}", kind.slug()),
            title: kind.title().to_owned(),
            status: kind.status(),
            detail: None,
            instance: None,
            trace_id: None,
            code: None,
            errors: Vec::new(),
        }
    }

    /// A word for metrics, spans and log fields, from a small set: `insufficient_funds`, `out_of_stock`.
    pub fn error_type(&self) -> Cow<'static, str> {
        match (&self.code, self.kind()) {
            (Some(code), _) => Cow::Owned(code.clone()),
            (None, Some(kind)) => Cow::Owned(kind.slug().replace('-', "_")),
            (None, None) => Cow::Borrowed("unknown_problem"),
        }
    }

    /// The kind, when it is one of ours.
    pub fn kind(&self) -> Option<ProblemKind> {
        let slug = self.kind_uri.strip_prefix(TYPE_BASE)?;
        ProblemKind::ALL.into_iter().find(|kind| kind.slug() == slug)
    }
}

/// A field of the request body and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// Where it is: a JSON pointer (RFC 6901) into the body, such as `/items/0/quantity`.
    pub pointer: String,
    /// What is wrong, in words that never repeat the value.
    pub detail: String,
}

impl FieldError {
    /// A field's error.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}
