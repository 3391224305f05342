//! The query API, under `/api`: Jaeger's for traces, our own for logs, orders and metrics.

mod alerts;
pub(crate) mod forget;
mod intake;
mod jaeger;
mod logs;
mod metrics;
mod orders;
pub(crate) mod problem;
mod query;

use axum::Router;
use axum::extract::{DefaultBodyLimit, OriginalUri};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::AppState;
use crate::ingest::room::{Room, hold};
use crate::ingest::{MAX_BODY, lines_http};
use problem::Problem;

/// The routes, to be nested under `/api`.
pub(crate) fn routes(room: Room) -> Router<AppState> {
    let take = post(lines_http::post).layer(from_fn_with_state(room, hold));
    Router::new()
        .route("/services", get(jaeger::services))
        .route("/services/{service}/operations", get(jaeger::operation_names))
        .route("/operations", get(jaeger::operations))
        .route("/traces", get(jaeger::find))
        .route("/traces/{id}", get(jaeger::trace))
        .route("/dependencies", get(jaeger::dependencies))
        .route("/logs", take.get(logs::find))
        .route("/intake", get(intake::show))
        .route("/alerts", get(alerts::show))
        .route("/orders/{id}", get(orders::show))
        .route("/metrics", get(metrics::show))
        .fallback(not_found)
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "the Allow header says which methods there are")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

async fn not_found(OriginalUri(uri): OriginalUri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at {}", uri.path()))
}
