//! Routes, and what a request becomes.

use std::sync::Arc;

use api::ids::OrderId;
use api::payment::{Charge, ChargeRequest, Refund};
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use http::{Method, StatusCode};
use service_kit::error::ApiError;
use service_kit::extract::{ApiJson, ApiPath};
use telemetry::http_server::{Operation, Operations};
use telemetry::names::span_name;

use crate::cashier::Cashier;

/// The routes as traces name them.
pub(crate) const OPERATIONS: Operations = &[
    Operation::server(Method::POST, "/charges", span_name::PAYMENT_CHARGE),
    Operation::server(Method::POST, "/charges/{order_id}/refund", span_name::PAYMENT_REFUND),
];

/// Axum clones what handlers share several times a request, so it stands behind one `Arc`.
pub(crate) fn router(cashier: Cashier) -> Router {
    Router::new()
        .route("/charges", post(post_charge))
        .route("/charges/{order_id}/refund", post(post_refund))
        .with_state(Arc::new(cashier))
}

async fn post_charge(
    State(cashier): State<Arc<Cashier>>,
    ApiJson(request): ApiJson<ChargeRequest>,
) -> Result<(StatusCode, Json<Charge>), ApiError> {
    Ok((StatusCode::CREATED, Json(cashier.charge(request).await?)))
}

async fn post_refund(
    State(cashier): State<Arc<Cashier>>,
    ApiPath(order_id): ApiPath<OrderId>,
) -> Result<Json<Refund>, ApiError> {
    Ok(Json(cashier.refund(order_id).await?))
}
