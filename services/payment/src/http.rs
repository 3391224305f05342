//! Routes, and what a request becomes.

use api::payment::{Charge, ChargeRequest};
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use http::{Method, StatusCode};
use service_kit::error::ApiError;
use service_kit::extract::ApiJson;
use telemetry::http_server::{Operation, Operations};

use crate::charge::Cashier;

/// The routes as traces name them.
pub(crate) const OPERATIONS: Operations = &[Operation::server(Method::POST, "/charges", "payment.charge")];

pub(crate) fn router(cashier: Cashier) -> Router {
    Router::new().route("/charges", post(post_charge)).with_state(cashier)
}

async fn post_charge(
    State(cashier): State<Cashier>,
    ApiJson(request): ApiJson<ChargeRequest>,
) -> Result<(StatusCode, Json<Charge>), ApiError> {
    Ok((StatusCode::CREATED, Json(cashier.charge(request).await?)))
}
