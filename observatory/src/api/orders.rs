//! `GET /api/orders/{id}`: everything of one order.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::logs::line;
use super::metrics::series_exemplar;
use super::problem::Problem;
use crate::AppState;
use crate::model::OrderView;

/// `{"order_id", "trace_ids", "logs", "exemplars"}`.
pub(super) async fn show(
    State(state): State<AppState>,
    Path(order_id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let trace_ids = state.store.order_traces(&order_id).await?;
    let logs = state.store.order_lines(&order_id, &trace_ids).await?;
    if trace_ids.is_empty() && logs.is_empty() {
        return Err(Problem::new(StatusCode::NOT_FOUND, "no telemetry of such an order"));
    }
    let exemplars = state.scraped.exemplars_of(&trace_ids);
    let view = OrderView { order_id, trace_ids, logs, exemplars };
    Ok(Json(json!({
        "order_id": view.order_id,
        "trace_ids": view.trace_ids,
        "logs": view.logs.into_iter().map(line).collect::<Vec<_>>(),
        "exemplars": view.exemplars.iter().map(series_exemplar).collect::<Vec<_>>(),
    })))
}
