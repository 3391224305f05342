//! Who asks on the admin port: the subject of an operator's token. Where no token is asked for, a name is a word for
//! the audit log, and not a proof.

use api::problem::ProblemKind;
use axum::{extract::FromRequestParts, http::request::Parts};
use service_kit::{
    access::{Caller, OPERATOR_SUBJECT, is_operator_name},
    error::ApiError,
};
use telemetry::audit::Actor;

/// The header with the operator's name; it counts for nothing beside a token.
pub const HEADER: &str = "x-operator";

/// The token's `sub`, or else `x-operator`: 1 to 64 letters, digits, or any of `. _ - @`; `unknown` when it is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator(pub Actor);

impl Operator {
    /// `None` when the name won't do.
    pub fn named(name: &str) -> Option<Self> {
        is_operator_name(name).then(|| Self(Actor::Operator(name.to_owned())))
    }
}

impl<S: Sync> FromRequestParts<S> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        if let Some(subject) = parts.extensions.get::<Caller>().and_then(Caller::subject) {
            let unfit = || ApiError::new(ProblemKind::Forbidden, OPERATOR_SUBJECT);
            return Self::named(subject).ok_or_else(unfit);
        }
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
