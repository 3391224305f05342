//! Who asks on the admin port. It is not public and knows no passwords: a name is a word for the audit log, not a proof.

use api::problem::ProblemKind;
use axum::{extract::FromRequestParts, http::request::Parts};
use service_kit::error::ApiError;
use telemetry::{audit::Actor, redact::scrub};

/// The header with the operator's name.
pub const HEADER: &str = "x-operator";

/// `x-operator`: 1 to 64 letters, digits, or any of `. _ - @`; `unknown` when it is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator(pub Actor);

impl Operator {
    /// `None` when the name won't do.
    pub fn named(name: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
        let is_name = (1..=64).contains(&name.len()) && name.bytes().all(allowed) && scrub(name) == name;
        is_name.then(|| Self(Actor::Operator(name.to_owned())))
    }
}

impl<S: Sync> FromRequestParts<S> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(held) = parts.headers.get(HEADER) else {
            return Ok(Self(Actor::Operator("unknown".to_owned())));
        };
        let wrong = || {
            let why = "`X-Operator` has 1 to 64 letters, digits, or any of . _ - @";
            ApiError::new(ProblemKind::MalformedRequest, why)
        };
        held.to_str().ok().and_then(Self::named).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_plain_and_no_card_number() {
        let ada = Operator(Actor::Operator("ada@tea.example".to_owned()));
        assert_eq!(Operator::named("ada@tea.example"), Some(ada));
        for name in ["", "ada lovelace", "ada\"", "4242424242424242", "4242-4242-4242-4242", &"a".repeat(65)]
        {
            assert_eq!(Operator::named(name), None, "{name}");
        }
    }
}
