//! Routes, and what a request becomes.

use std::sync::Arc;
use std::time::Duration;

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
use telemetry::names::span_name;

use crate::store::Store;
use crate::{events, release, reserve};

/// The routes as traces name them.
pub(crate) const OPERATIONS: Operations = &[
    Operation::server(Method::GET, "/products", span_name::INVENTORY_LIST_PRODUCTS),
    Operation::server(Method::GET, "/products/{sku}", span_name::INVENTORY_GET_PRODUCT),
    Operation::server(Method::POST, "/reservations", span_name::INVENTORY_RESERVE),
    Operation::server(Method::POST, "/reservations/{order_id}/release", span_name::INVENTORY_RELEASE),
    Operation::consumer(Method::POST, "/events", span_name::ORDER_EVENTS_PROCESS, api::event::ORDER_EVENTS),
];

/// What handlers share. Axum clones it several times a request, so it stands behind one `Arc`.
pub(crate) struct Stock {
    pub(crate) store: Store,
    /// How long stock is put aside for an order that is not confirmed.
    pub(crate) reservation_ttl: Duration,
}

pub(crate) fn router(stock: Stock) -> Router {
    Router::new()
        .route("/products", get(list_products))
        .route("/products/{sku}", get(get_product))
        .route("/reservations", post(post_reservation))
        .route("/reservations/{order_id}/release", post(post_release))
        .route("/events", post(events::receive))
        .with_state(Arc::new(stock))
}

async fn list_products(State(stock): State<Arc<Stock>>) -> Result<Json<ProductList>, ApiError> {
    Ok(Json(ProductList { products: stock.store.products().await? }))
}

async fn get_product(
    State(stock): State<Arc<Stock>>,
    ApiPath(sku): ApiPath<Sku>,
) -> Result<Json<Product>, ApiError> {
    let product = stock.store.product(&sku).await?;
    product
        .map(Json)
        .ok_or_else(|| ApiError::new(ProblemKind::NotFound, format!("no product has the SKU {sku}")))
}

async fn post_reservation(
    State(stock): State<Arc<Stock>>,
    ApiJson(request): ApiJson<ReserveRequest>,
) -> Result<(StatusCode, Json<Reservation>), ApiError> {
    Ok((StatusCode::CREATED, Json(reserve::reserve(&stock, request).await?)))
}

async fn post_release(
    State(stock): State<Arc<Stock>>,
    ApiPath(order_id): ApiPath<OrderId>,
) -> Result<StatusCode, ApiError> {
    release::release(&stock.store, order_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
