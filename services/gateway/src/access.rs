//! Whose orders a request may touch. A customer's token is for their own orders; an operator's, and an open door, for
//! everybody's.

use api::customer::CustomerId;
use api::problem::{FieldError, ProblemKind};
use axum::extract::FromRequestParts;
use http::HeaderValue;
use http::request::Parts;
use service_kit::access::{Caller, OPERATOR_SUBJECT, Scope, is_operator_name};
use service_kit::error::ApiError;
use service_kit::peer::Call;

/// Whose orders.
#[derive(Debug, Clone)]
pub(crate) enum Reach {
    /// With the name of the operator who reaches that far; none where the door is open.
    Everybodys(Option<String>),
    Only(CustomerId),
}

/// What a request that sees orders may reach. 403 without the scope `orders:read`.
pub(crate) struct Reader(pub(crate) Reach);

/// What a request that places or cancels orders may reach. 403 without the scope `orders:write`.
pub(crate) struct Writer(pub(crate) Reach);

impl Reach {
    fn of(caller: &Caller, scope: Scope) -> Result<Self, ApiError> {
        caller.require(scope)?;
        match caller.subject() {
            Some(subject) if !caller.is_operator() => {
                subject.parse().map(Self::Only).map_err(|_| no_customer())
            }
            // Here, and not where the name is needed first: all routes answer the same.
            Some(operator) if !is_operator_name(operator) => {
                Err(ApiError::new(ProblemKind::Forbidden, OPERATOR_SUBJECT))
            }
            operator => Ok(Self::Everybodys(operator.map(str::to_owned))),
        }
    }

    /// Tells the order service whose order it must be, any other being as good as none; or who does it for a customer.
    pub(crate) fn tell<'a>(&self, call: Call<'a>) -> Result<Call<'a>, ApiError> {
        let (name, text) = match self {
            Self::Everybodys(None) => return Ok(call),
            Self::Everybodys(Some(operator)) => ("x-operator", operator.as_str()),
            Self::Only(customer) => ("x-customer-id", customer.as_str()),
        };
        Ok(call.header(name, HeaderValue::from_str(text).map_err(ApiError::internal)?))
    }

    /// Whose orders a request is about that names this customer, or none: it need not say what its token says.
    /// 403 when it says something else.
    pub(crate) fn narrow(&self, named: Option<String>) -> Result<Option<String>, ApiError> {
        let Self::Only(customer) = self else { return Ok(named) };
        match named {
            Some(named) if named != customer.as_str() => Err(another_customer()),
            _ => Ok(Some(customer.as_str().to_owned())),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        Reach::of(&caller, Scope::OrdersRead).map(Self)
    }
}

impl<S: Sync> FromRequestParts<S> for Writer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        Reach::of(&caller, Scope::OrdersWrite).map(Self)
    }
}

fn no_customer() -> ApiError {
    let why = "the token's subject is no customer's id: 1 to 64 letters, digits, or any of _ . : -, and no card number";
    ApiError::new(ProblemKind::Forbidden, why)
}

fn another_customer() -> ApiError {
    let why = "the token is another customer's";
    let error = FieldError::new("/customer_id", "is not the token's subject; it may be left out");
    ApiError::new(ProblemKind::Forbidden, why).errors(vec![error])
}
