//! How a client wants its order to be placed: once for a key, and now or later.

use api::problem::ProblemKind;
use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use service_kit::error::ApiError;
use utoipa::IntoParams;

/// What the request's headers ask for. What is asked for is up to the order service.
#[derive(Debug, Clone, Default)]
pub(crate) struct Manner {
    /// `Idempotency-Key`: the same key again answers the same again.
    pub(crate) idempotency_key: Option<HeaderValue>,
    /// `Prefer: respond-async` (RFC 7240): an answer before the order is placed.
    pub(crate) respond_async: bool,
}

/// The headers it is read from, as the API describes them.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct PlaceHeaders {
    /// Makes it safe to ask again: the same key with the same body answers the first result again, for 24 hours.
    #[param(rename = "idempotency-key", nullable = false, pattern = "^[!-~]{1,255}$")]
    _idempotency_key: Option<String>,
    /// `respond-async` (RFC 7240): answer 202 before the order is placed.
    #[param(rename = "prefer", nullable = false, example = "respond-async")]
    _prefer: Option<String>,
}

impl Manner {
    /// 400 when the key is not 1 to 255 visible ASCII characters, or when there are two.
    fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let mut keys = headers.get_all("idempotency-key").iter();
        let key = keys.next();
        let is_key = |key: &HeaderValue| {
            (1..=255).contains(&key.len()) && key.as_bytes().iter().all(u8::is_ascii_graphic)
        };
        if keys.next().is_some() || !key.is_none_or(is_key) {
            let detail = "`Idempotency-Key` stands once and has 1 to 255 visible ASCII characters";
            return Err(ApiError::new(ProblemKind::MalformedRequest, detail));
        }
        Ok(Self { idempotency_key: key.cloned(), respond_async: prefers_async(headers) })
    }
}

fn prefers_async(headers: &HeaderMap) -> bool {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut preferences = values.flat_map(|value| value.split(','));
    // A preference may have a value and parameters, none of which mean anything here.
    let name = |preference: &str| preference.split([';', '=']).next().unwrap_or_default().trim().to_owned();
    preferences.any(|preference| name(preference).eq_ignore_ascii_case("respond-async"))
}

impl<S: Sync> FromRequestParts<S> for Manner {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Self::of(&parts.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manner(headers: &[(&'static str, &str)]) -> Result<Manner, ApiError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        Manner::of(&map)
    }

    #[test]
    fn keys_are_short_and_visible() {
        assert!(manner(&[]).unwrap().idempotency_key.is_none());
        for key in ["k", "8e03978e-40d5-43dd-bc93-6894a57f9324", &"x".repeat(255), "!~"] {
            assert_eq!(manner(&[("idempotency-key", key)]).unwrap().idempotency_key.unwrap(), key);
        }
        for key in ["", "two words", "schlüssel", &"x".repeat(256)] {
            assert!(manner(&[("idempotency-key", key)]).is_err(), "{key}");
        }
        assert!(manner(&[("idempotency-key", "a"), ("idempotency-key", "a")]).is_err());
    }

    #[test]
    fn preferences_are_read_as_they_are_written() {
        for (prefer, asynchronous) in [
            ("respond-async", true),
            ("Respond-Async", true),
            ("handling=lenient, respond-async;foo=bar , wait=10", true),
            ("return=minimal", false),
            ("respond-async-please", false),
            ("", false),
        ] {
            assert_eq!(manner(&[("prefer", prefer)]).unwrap().respond_async, asynchronous, "{prefer}");
        }
        assert!(manner(&[("prefer", "wait=1"), ("prefer", "respond-async")]).unwrap().respond_async);
    }
}
