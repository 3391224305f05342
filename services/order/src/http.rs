//! Routes and handlers.

use crate::{domain::Draft, place::Placer, store::Store};
use api::{
    ids::OrderId,
    order::{NewOrder, Order},
    problem::ProblemKind,
};
use axum::{
    Json, Router,
    extract::State,
    http::{Method, StatusCode, header::LOCATION},
    response::IntoResponse,
    routing::{get, post},
};
use service_kit::{
    deadline::Deadline,
    error::ApiError,
    extract::{ApiJson, ApiPath},
};
use std::sync::Arc;
use telemetry::{
    Telemetry,
    http_server::{Operation, Operations},
    names::attribute,
    span, task,
};

/// The routes by their names in traces.
pub static OPERATIONS: Operations = &[
    Operation::server(Method::POST, "/orders", "order.create"),
    Operation::server(Method::GET, "/orders/{id}", "order.get"),
];

/// What handlers share.
#[derive(Clone)]
pub struct App {
    /// Places orders.
    pub placer: Arc<Placer>,
    /// Reads them.
    pub store: Store,
    /// For the customer's reference.
    pub telemetry: Telemetry,
}

/// The routes.
pub fn router(app: App) -> Router {
    Router::new().route("/orders", post(create)).route("/orders/{id}", get(read)).with_state(app)
}

async fn create(
    State(app): State<App>,
    deadline: Deadline,
    ApiJson(body): ApiJson<NewOrder>,
) -> Result<impl IntoResponse, ApiError> {
    let valid = body.validate().map_err(ApiError::invalid)?;
    let draft = Draft::new(valid.customer_id, valid.items);
    span::order(&draft.id.to_string());
    span::customer(&app.telemetry.customer_ref(draft.customer_id.as_str()));
    span::set(attribute::ORDER_ITEM_COUNT, draft.items.as_slice().len() as i64);
    span::set(attribute::PAYMENT_METHOD, valid.payment.method.as_str());

    // A task of its own: an order that has begun goes to its end even when the client hangs up.
    let placed = task::spawn(async move { app.placer.place(draft, valid.payment, deadline).await });
    let order = placed.await.map_err(ApiError::internal)??;
    let location = path_of(order.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(order)))
}

async fn read(State(app): State<App>, ApiPath(id): ApiPath<OrderId>) -> Result<Json<Order>, ApiError> {
    span::order(&id.to_string());
    let order = app.store.load(id).await?;
    order.map(Json).ok_or_else(|| ApiError::new(ProblemKind::NotFound, "there is no order with this id"))
}

/// Where the world finds an order: the gateway's path, not this service's.
pub(crate) fn path_of(id: OrderId) -> String {
    format!("/api/orders/{id}")
}
