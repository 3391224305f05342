//! Routes, and what a request becomes.

use api::ids::OrderId;
use api::inventory::{Product, ProductList, Reservation, ReserveRequest};
use api::items::Sku;
use api::problem::ProblemKind;
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{Method, StatusCode};
use service_kit::error::ApiError;
use service_kit::extract::{ApiJson, ApiPath};
use telemetry::http_server::{Operation, Operations};

use crate::store::Store;
use crate::{events, release, reserve};

/// The routes as traces name them.
pub(crate) const OPERATIONS: Operations = &[
    Operation::server(Method::GET, "/products", "inventory.listProducts"),
    Operation::server(Method::GET, "/products/{sku}", "inventory.getProduct"),
    Operation::server(Method::POST, "/reservations", "inventory.reserve"),
    Operation::server(Method::POST, "/reservations/{order_id}/release", "inventory.release"),
    Operation::consumer(Method::POST, "/events", "order-events process", api::event::ORDER_EVENTS),
];

pub(crate) fn router(store: Store) -> Router {
    Router::new()
        .route("/products", get(list_products))
        .route("/products/{sku}", get(get_product))
        .route("/reservations", post(post_reservation))
        .route("/reservations/{order_id}/release", post(post_release))
        .route("/events", post(events::receive))
        .with_state(store)
}

async fn list_products(State(store): State<Store>) -> Result<Json<ProductList>, ApiError> {
    Ok(Json(ProductList { products: store.products().await? }))
}

async fn get_product(
    State(store): State<Store>,
    ApiPath(sku): ApiPath<Sku>,
) -> Result<Json<Product>, ApiError> {
    let product = store.product(&sku).await?;
    product
        .map(Json)
        .ok_or_else(|| ApiError::new(ProblemKind::NotFound, format!("no product has the SKU {sku}")))
}

async fn post_reservation(
    State(store): State<Store>,
    ApiJson(request): ApiJson<ReserveRequest>,
) -> Result<(StatusCode, Json<Reservation>), ApiError> {
    Ok((StatusCode::CREATED, Json(reserve::reserve(&store, request).await?)))
}

async fn post_release(
    State(store): State<Store>,
    ApiPath(order_id): ApiPath<OrderId>,
) -> Result<StatusCode, ApiError> {
    release::release(&store, order_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
