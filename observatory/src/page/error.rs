//! Why a page cannot be shown, as a page.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::html;

use serde_json::json;

use super::layout::{Section, nothing, shell};
use crate::say::{Severity, say};
use crate::store::StoreError;

pub(super) enum PageError {
    /// 404: nothing is stored under that id or path.
    Missing { title: String, hint: String },
    /// 400: the address or a form says something that cannot be.
    Bad { detail: String },
    /// 500: the store could not be read; why is for the log, not for the page.
    Store(StoreError),
}

impl PageError {
    pub(super) fn missing(title: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Missing { title: title.into(), hint: hint.into() }
    }

    pub(super) fn bad(detail: impl Into<String>) -> Self {
        Self::Bad { detail: detail.into() }
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::BadCursor => Self::bad("The address of the next page was cut short or changed."),
            error => Self::Store(error),
        }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let (status, title, hint) = match self {
            Self::Missing { title, hint } => (StatusCode::NOT_FOUND, title, hint),
            Self::Bad { detail } => (StatusCode::BAD_REQUEST, "That cannot be shown".to_owned(), detail),
            Self::Store(error) => {
                say(
                    Severity::Error,
                    "a page could not be read from the store",
                    &json!({"error": error.to_string()}),
                );
                let hint = "The reason is in the observatory’s own log.".to_owned();
                (StatusCode::INTERNAL_SERVER_ERROR, "The store could not be read".to_owned(), hint)
            }
        };
        let content = html! {
            section.card.lost {
                p.code { (status.as_u16()) }
                h1 { (title) }
                (nothing(&hint, &html! {
                    p { a href="/" { "Recent orders and traces" } " · " a href="/search" { "Find a trace" } " · " a href="/logs" { "Find a log line" } }
                }))
            }
        };
        (status, shell(&title, Section::None, &content)).into_response()
    }
}
