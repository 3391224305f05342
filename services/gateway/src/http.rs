//! Routes, and what a request becomes.

use std::sync::Arc;

use api::batch::{BatchRequest, BatchResults};
use api::ids::OrderId;
use api::inventory::{Product, ProductList};
use api::items::Sku;
use api::order::{NewOrder, Order, OrderList};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::header::LOCATION;
use http::{HeaderValue, Method, StatusCode};
use service_kit::deadline::Deadline;
use service_kit::error::ApiError;
use service_kit::extract::{ApiJson, ApiPath, ApiQuery};
use service_kit::peer::Answer;
use telemetry::Telemetry;
use telemetry::http_server::{Operation, Operations};
use telemetry::names::{attribute, span_name};
use telemetry::span;

use crate::clients::Clients;
use crate::list::NewOrderQuery;
use crate::manner::Manner;
use crate::{batch, list, place};

/// The routes as traces name them.
pub(crate) const OPERATIONS: Operations = &[
    Operation::server(Method::POST, "/api/orders", span_name::GATEWAY_CREATE_ORDER),
    Operation::server(Method::GET, "/api/orders", span_name::GATEWAY_LIST_ORDERS),
    Operation::server(Method::POST, "/api/orders/batch", span_name::BATCH_PROCESS),
    Operation::server(Method::GET, "/api/orders/{id}", span_name::GATEWAY_GET_ORDER),
    Operation::server(Method::POST, "/api/orders/{id}/cancel", span_name::GATEWAY_CANCEL_ORDER),
    Operation::server(Method::GET, "/api/products", span_name::GATEWAY_LIST_PRODUCTS),
    Operation::server(Method::GET, "/api/products/{sku}", span_name::GATEWAY_GET_PRODUCT),
];

/// What handlers share. Axum clones it several times a request, so it stands behind one `Arc`.
pub(crate) struct Gateway {
    pub(crate) clients: Clients,
    pub(crate) telemetry: Telemetry,
}

pub(crate) fn router(gateway: Gateway) -> Router {
    Router::new()
        .route("/api/orders", post(post_order).get(list_orders))
        .route("/api/orders/batch", post(post_batch))
        .route("/api/orders/{id}", get(get_order))
        .route("/api/orders/{id}/cancel", post(cancel_order))
        .route("/api/products", get(list_products))
        .route("/api/products/{sku}", get(get_product))
        .with_state(Arc::new(gateway))
}

async fn post_order(
    State(gateway): State<Arc<Gateway>>,
    deadline: Deadline,
    manner: Manner,
    ApiJson(order): ApiJson<NewOrder>,
) -> Result<Response, ApiError> {
    let Answer { status, body: order } =
        place::place(&gateway.clients, &gateway.telemetry, order, &manner, deadline).await?;
    let location = [(LOCATION, format!("/api/orders/{}", order.id))];
    let mut response = (status, location, Json(order)).into_response();
    if status == StatusCode::ACCEPTED {
        let applied = HeaderValue::from_static("respond-async");
        response.headers_mut().insert("preference-applied", applied);
    }
    Ok(response)
}

async fn post_batch(
    State(gateway): State<Arc<Gateway>>,
    deadline: Deadline,
    manner: Manner,
    ApiJson(batch): ApiJson<BatchRequest>,
) -> Result<Json<BatchResults>, ApiError> {
    Ok(Json(batch::place_all(&gateway, batch, &manner, deadline).await?))
}

async fn list_orders(
    State(gateway): State<Arc<Gateway>>,
    deadline: Deadline,
    ApiQuery(query): ApiQuery<NewOrderQuery>,
) -> Result<Json<OrderList>, ApiError> {
    Ok(Json(list::list(&gateway.clients, &gateway.telemetry, query, deadline).await?))
}

async fn cancel_order(
    State(gateway): State<Arc<Gateway>>,
    deadline: Deadline,
    ApiPath(id): ApiPath<OrderId>,
) -> Result<Json<Order>, ApiError> {
    span::order(&id.to_string());
    let order = gateway.clients.cancel_order(id, deadline).await?;
    span::customer(&gateway.telemetry.customer_ref(order.customer_id.as_str()));
    tracing::info!("order cancelled");
    Ok(Json(order))
}

async fn get_order(
    State(gateway): State<Arc<Gateway>>,
    deadline: Deadline,
    ApiPath(id): ApiPath<OrderId>,
) -> Result<Json<Order>, ApiError> {
    span::order(&id.to_string());
    let order = gateway.clients.order(id, deadline).await?;
    span::customer(&gateway.telemetry.customer_ref(order.customer_id.as_str()));
    span::set(attribute::ORDER_ITEM_COUNT, order.items.len() as i64);
    Ok(Json(order))
}

async fn list_products(
    State(gateway): State<Arc<Gateway>>,
    deadline: Deadline,
) -> Result<Json<ProductList>, ApiError> {
    Ok(Json(gateway.clients.products(deadline).await?))
}

async fn get_product(
    State(gateway): State<Arc<Gateway>>,
    deadline: Deadline,
    ApiPath(sku): ApiPath<Sku>,
) -> Result<Json<Product>, ApiError> {
    Ok(Json(gateway.clients.product(&sku, deadline).await?))
}
