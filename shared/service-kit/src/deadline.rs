//! The time a request has, carried from hop to hop.
//!
//! The gateway starts the clock; each hop passes on what is left in `x-deadline-ms`, as milliseconds (a duration,
//! because clocks differ), and takes the smaller of that and its own limit. Nobody works on for a caller who has gone.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, HeaderName, request::Parts};
use tokio::time::Instant;

use crate::error::ApiError;

/// The header: whole milliseconds that are left.
pub static HEADER: HeaderName = HeaderName::from_static("x-deadline-ms");

/// When the answer must be there. Handlers take it as an argument and hand it to [`crate::peer::Peer`].
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// This far from now.
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// The smaller of the caller's and our own limit. A header that is no number counts as none.
    pub(crate) fn of(headers: &HeaderMap, limit: Duration) -> Self {
        let asked = headers.get(&HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
        Self::after(asked.map_or(limit, |ms| limit.min(Duration::from_millis(ms))))
    }

    /// What is left; zero when it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    pub(crate) fn instant(self) -> Instant {
        self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Deadline {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get()
            .copied()
            .ok_or_else(|| ApiError::internal("no deadline: the router lacks `edge::harden`"))
    }
}
