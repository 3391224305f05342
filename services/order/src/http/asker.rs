//! Who asks, as the gateway says.

use crate::domain::Asker;
use api::problem::ProblemKind;
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, request::Parts},
};
use service_kit::{
    access::{OPERATOR_SUBJECT, is_operator_name},
    error::ApiError,
};

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = ApiError;

    /// `x-customer-id` is the customer whose order it must be, `x-operator` who does it for them. What cannot be read is
    /// refused: taken as nothing, it would open everybody's orders, or be said of the customer.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let owner =
            only(&parts.headers, "x-customer-id")?.map(|text| text.parse().map_err(|_| no_customer()));
        let operator = only(&parts.headers, "x-operator")?;
        if operator.is_some_and(|name| !is_operator_name(name)) {
            return Err(ApiError::new(ProblemKind::Forbidden, OPERATOR_SUBJECT));
        }
        Ok(Self { owner: owner.transpose()?, operator: operator.map(str::to_owned) })
    }
}

fn only<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, ApiError> {
    let mut all = headers.get_all(name).iter();
    match (all.next().map(HeaderValue::to_str), all.next()) {
        (None, _) => Ok(None),
        (Some(Ok(text)), None) => Ok(Some(text)),
        _ => Err(no_customer()),
    }
}

fn no_customer() -> ApiError {
    let why = "`X-Customer-Id` and `X-Operator` stand once; the one is a customer's id, the other a name";
    ApiError::new(ProblemKind::MalformedRequest, why)
}
