//! Who asks, as handlers see it.

use std::sync::Arc;

use api::problem::ProblemKind;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use telemetry::redact::scrub;

use super::denied::SCOPE;
use crate::error::ApiError;

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `orders:read`: see orders, one's own.
    OrdersRead,
    /// `orders:write`: place and cancel orders, one's own.
    OrdersWrite,
    /// `operator`: both for every customer's orders, and `/admin/*`.
    Operator,
}

impl Scope {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::OrdersRead, Self::OrdersWrite, Self::Operator];

    /// As it stands in a token.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OrdersRead => "orders:read",
            Self::OrdersWrite => "orders:write",
            Self::Operator => "operator",
        }
    }

    /// The scope of this name; `None` for those of other systems.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// What a token that was verified says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// `sub`: the customer's id, or an operator's name.
    pub subject: String,
    /// `scope`: what is allowed.
    pub scopes: Vec<Scope>,
}

/// Who asks. The layer [`super::users`] finds it out; a handler takes it as an argument.
#[derive(Debug, Clone)]
pub enum Caller {
    /// Nobody is asked for a token: `AUTH=off`, or a loopback address and no keys.
    Anyone,
    /// The bearer of a token.
    Known(Arc<Claims>),
}

/// What an operator's `sub` must be like, in words for a refusal.
pub const OPERATOR_SUBJECT: &str = "an operator's `sub` has 1 to 64 letters, digits, or any of . _ - @";

/// Whether this can be an operator's name: it stands in headers and in the audit log, and is no card number.
pub fn is_operator_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(allowed) && scrub(name) == name
}

impl Caller {
    /// Whether this is allowed: a problem (403) when not. An operator may do what customers may.
    pub fn require(&self, scope: Scope) -> Result<(), ApiError> {
        let Self::Known(claims) = self else { return Ok(()) };
        if claims.scopes.contains(&scope) || self.is_operator() {
            return Ok(());
        }
        let scope = scope.as_str();
        let why = format!("this needs a token with the scope `{scope}`");
        let challenge = format!("Bearer realm=\"waybill\", error=\"insufficient_scope\", scope=\"{scope}\"");
        Err(ApiError::new(ProblemKind::Forbidden, why).code(SCOPE).challenge(&challenge))
    }

    /// The customer's id of a customer's token, the name of an operator; `None` where the door is open.
    pub fn subject(&self) -> Option<&str> {
        match self {
            Self::Anyone => None,
            Self::Known(claims) => Some(&claims.subject),
        }
    }

    /// Whether this is an operator's token.
    pub fn is_operator(&self) -> bool {
        matches!(self, Self::Known(claims) if claims.scopes.contains(&Scope::Operator))
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // A router without the layer must not be an open door.
        let forgotten = || ApiError::internal("the access layer is missing around this route");
        parts.extensions.get::<Self>().cloned().ok_or_else(forgotten)
    }
}
