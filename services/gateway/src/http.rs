//! Routes, and what a request becomes.

use std::sync::Arc;

use api::batch::{BatchRequest, BatchResults};
use api::ids::OrderId;
use api::inventory::{Product, ProductList};
use api::items::Sku;
use api::order::{NewOrder, Order, OrderList};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
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
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{Reader, Writer};
use crate::clients::Clients;
use crate::limits::More;
use crate::list::NewOrderQuery;
use crate::manner::{Manner, PlaceHeaders};
use crate::place::OrderRequest;
use crate::{batch, list, openapi, place};

/// The routes as traces name them.
pub(crate) const OPERATIONS: Operations = &[
    Operation::server(Method::POST, "/api/orders", span_name::GATEWAY_CREATE_ORDER),
    Operation::server(Method::GET, "/api/orders", span_name::GATEWAY_LIST_ORDERS),
    Operation::server(Method::POST, "/api/orders/batch", span_name::BATCH_PROCESS),
    Operation::server(Method::GET, "/api/orders/{id}", span_name::GATEWAY_GET_ORDER),
    Operation::server(Method::POST, "/api/orders/{id}/cancel", span_name::GATEWAY_CANCEL_ORDER),
    Operation::server(Method::GET, "/api/products", span_name::GATEWAY_LIST_PRODUCTS),
    Operation::server(Method::GET, "/api/products/{sku}", span_name::GATEWAY_GET_PRODUCT),
    Operation::server(Method::GET, "/api/openapi.json", span_name::GATEWAY_GET_OPENAPI),
    Operation::server(Method::GET, "/docs", span_name::GATEWAY_GET_DOCS),
];

/// What handlers share. Axum clones it several times a request, so it stands behind one `Arc`.
pub(crate) struct Gateway {
    pub(crate) clients: Clients,
    pub(crate) telemetry: Telemetry,
}

pub(crate) fn router(gateway: Gateway) -> Router {
    let (router, api) = OpenApiRouter::with_openapi(openapi::about())
        .routes(routes!(post_order, list_orders))
        .routes(routes!(post_batch))
        .routes(routes!(get_order))
        .routes(routes!(cancel_order))
        .routes(routes!(list_products))
        .routes(routes!(get_product))
        .split_for_parts();
    router.with_state(Arc::new(gateway)).merge(openapi::routes(api))
}

/// Place an order
///
/// It is checked, reserved and paid before the answer, or, with `Prefer: respond-async`, after it.
#[utoipa::path(
    post, path = "/api/orders", operation_id = "placeOrder", tag = "orders",
    security((), ("bearer" = ["orders:write"])),
    params(PlaceHeaders),
    request_body(content = NewOrder, example = json!(openapi::example::new_order())),
    responses(
        (status = 201, description = "Confirmed", body = Order, links(
            ("show" = (operation_id = "getOrder", parameters(("id" = "$response.body#/id")))),
            ("cancel" = (operation_id = "cancelOrder", parameters(("id" = "$response.body#/id")))),
        ), example = json!(openapi::example::order())),
        (status = 202, description = "Accepted, and to be placed", body = Order, links(
            ("show" = (operation_id = "getOrder", parameters(("id" = "$response.body#/id")))),
            ("cancel" = (operation_id = "cancelOrder", parameters(("id" = "$response.body#/id")))),
        )),
    ),
)]
async fn post_order(
    State(gateway): State<Arc<Gateway>>,
    deadline: Deadline,
    Writer(reach): Writer,
    manner: Manner,
    ApiJson(order): ApiJson<OrderRequest>,
) -> Result<Response, ApiError> {
    let order = order.within(&reach)?;
    let Answer { status, body: order } =
        place::place(&gateway.clients, &gateway.telemetry, order, &reach, &manner, deadline).await?;
    let location = [(LOCATION, format!("/api/orders/{}", order.id))];
    let mut response = (status, location, Json(order)).into_response();
    if status == StatusCode::ACCEPTED {
        let applied = HeaderValue::from_static("respond-async");
        response.headers_mut().insert("preference-applied", applied);
    }
    Ok(response)
}

/// Place up to 100 orders
///
/// Each is placed on its own, in a trace of its own. What is wrong with one of them, its form too, stands in its result
/// and is no matter of the others.
#[utoipa::path(
    post, path = "/api/orders/batch", operation_id = "placeOrders", tag = "orders",
    security((), ("bearer" = ["orders:write"])),
    request_body(content = BatchRequest, example = json!({"orders": [openapi::example::new_order()]})),
    responses((status = 200, description = "One result for each order, in their order", body = BatchResults)),
)]
async fn post_batch(
    State(gateway): State<Arc<Gateway>>,
    deadline: Deadline,
    Writer(reach): Writer,
    more: More,
    manner: Manner,
    ApiJson(batch): ApiJson<BatchRequest>,
) -> Result<Json<BatchResults>, ApiError> {
    Ok(Json(batch::place_all(&gateway, batch, &reach, &more, &manner, deadline).await?))
}

/// Find orders, newest first
///
/// A customer's token finds that customer's orders only.
#[utoipa::path(
    get, path = "/api/orders", operation_id = "listOrders", tag = "orders",
    security((), ("bearer" = ["orders:read"])),
    params(NewOrderQuery),
    responses((status = 200, description = "A page of orders", body = OrderList)),
)]
async fn list_orders(
    State(gateway): State<Arc<Gateway>>,
    deadline: Deadline,
    Reader(reach): Reader,
    ApiQuery(query): ApiQuery<NewOrderQuery>,
) -> Result<Json<OrderList>, ApiError> {
    Ok(Json(list::list(&gateway.clients, &gateway.telemetry, query, &reach, deadline).await?))
}

/// Cancel an order
///
/// Refunds it and gives its stock back. Asking again answers the same.
#[utoipa::path(
    post, path = "/api/orders/{id}/cancel", operation_id = "cancelOrder", tag = "orders",
    security((), ("bearer" = ["orders:write"])),
    params(("id" = OrderId, Path, description = "The order")),
    responses((status = 200, description = "Cancelled", body = Order)),
)]
async fn cancel_order(
    State(gateway): State<Arc<Gateway>>,
    deadline: Deadline,
    Writer(reach): Writer,
    ApiPath(id): ApiPath<OrderId>,
) -> Result<Json<Order>, ApiError> {
    span::order(&id.to_string());
    let order = gateway.clients.cancel_order(id, &reach, deadline).await?;
    span::customer(&gateway.telemetry.customer_ref(order.customer_id.as_str()));
    tracing::info!("order cancelled");
    Ok(Json(order))
}

/// Show an order
#[utoipa::path(
    get, path = "/api/orders/{id}", operation_id = "getOrder", tag = "orders",
    security((), ("bearer" = ["orders:read"])),
    params(("id" = OrderId, Path, description = "The order")),
    responses((status = 200, description = "The order", body = Order, example = json!(openapi::example::order()))),
)]
async fn get_order(
    State(gateway): State<Arc<Gateway>>,
    deadline: Deadline,
    Reader(reach): Reader,
    ApiPath(id): ApiPath<OrderId>,
) -> Result<Json<Order>, ApiError> {
    span::order(&id.to_string());
    let order = gateway.clients.order(id, &reach, deadline).await?;
    span::customer(&gateway.telemetry.customer_ref(order.customer_id.as_str()));
    span::set(attribute::ORDER_ITEM_COUNT, order.items.len() as i64);
    Ok(Json(order))
}

/// Show the catalogue
#[utoipa::path(
    get, path = "/api/products", operation_id = "listProducts", tag = "products",
    security((), ("bearer" = [])),
    responses((status = 200, description = "All products, by SKU", body = ProductList)),
)]
async fn list_products(
    State(gateway): State<Arc<Gateway>>,
    deadline: Deadline,
) -> Result<Json<ProductList>, ApiError> {
    Ok(Json(gateway.clients.products(deadline).await?))
}

/// Show a product
#[utoipa::path(
    get, path = "/api/products/{sku}", operation_id = "getProduct", tag = "products",
    security((), ("bearer" = [])),
    params(("sku" = Sku, Path, description = "The product")),
    responses((status = 200, description = "The product", body = Product)),
)]
async fn get_product(
    State(gateway): State<Arc<Gateway>>,
    deadline: Deadline,
    ApiPath(sku): ApiPath<Sku>,
) -> Result<Json<Product>, ApiError> {
    Ok(Json(gateway.clients.product(&sku, deadline).await?))
}
