//! Routes and handlers.

mod asker;
mod create;
mod list;

use crate::{background::Background, cancel, domain::Asker, saga::Saga, store::Store};
use api::{ids::OrderId, order::Order, problem::ProblemKind};
use axum::{
    Json, Router,
    extract::State,
    http::Method,
    routing::{get, post},
};
use service_kit::{deadline::Deadline, error::ApiError, extract::ApiPath};
use std::sync::Arc;
use telemetry::{
    Telemetry,
    http_server::{Operation, Operations},
    names::span_name,
    span, task,
};

/// The routes by their names in traces.
pub static OPERATIONS: Operations = &[
    Operation::server(Method::POST, "/orders", span_name::ORDER_CREATE),
    Operation::server(Method::GET, "/orders", span_name::ORDER_LIST),
    Operation::server(Method::GET, "/orders/{id}", span_name::ORDER_GET),
    Operation::server(Method::POST, "/orders/{id}/cancel", span_name::ORDER_CANCEL_ORDER),
];

/// What handlers share. Axum clones it several times a request, so it stands behind one `Arc`.
pub struct App {
    /// Takes orders to their end.
    pub saga: Arc<Saga>,
    /// Does so later.
    pub background: Background,
    /// Reads them.
    pub store: Store,
    /// For the customer's reference.
    pub telemetry: Telemetry,
}

/// The routes.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/orders", post(create::create).get(list::list))
        .route("/orders/{id}", get(read))
        .route("/orders/{id}/cancel", post(cancel))
        .with_state(Arc::new(app))
}

async fn read(
    State(app): State<Arc<App>>,
    asker: Asker,
    ApiPath(id): ApiPath<OrderId>,
) -> Result<Json<Order>, ApiError> {
    span::order(&id.to_string());
    let stored = app.store.load_of(id, asker.owner.as_ref()).await?;
    stored.map(|stored| Json(stored.order)).ok_or_else(missing)
}

async fn cancel(
    State(app): State<Arc<App>>,
    deadline: Deadline,
    asker: Asker,
    ApiPath(id): ApiPath<OrderId>,
) -> Result<Json<Order>, ApiError> {
    span::order(&id.to_string());
    // A task of its own: a refund that has begun is noted even when the client hangs up.
    let cancelled = task::spawn(async move { cancel::cancel(&app.saga, id, &asker, deadline).await });
    Ok(Json(cancelled.await.map_err(ApiError::internal)??))
}

/// The same for an order that is not there and for one of somebody else: nobody learns which ids there are.
pub(crate) fn missing() -> ApiError {
    ApiError::new(ProblemKind::NotFound, "there is no order with this id")
}

/// Where the world finds an order: the gateway's path, not this service's.
pub(crate) fn path_of(id: OrderId) -> String {
    format!("/api/orders/{id}")
}
