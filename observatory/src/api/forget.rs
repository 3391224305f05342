//! `POST /admin/users/forget`, on the admin port: takes a user's reference out of what is stored.

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use crate::AppState;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Forget {
    user_id: String,
}

#[derive(Debug, Serialize)]
struct Forgotten {
    /// That held the reference.
    records: u64,
}

/// The route, with its state.
pub(crate) fn routes(state: AppState) -> Router {
    Router::new().route("/admin/users/forget", post(forget)).with_state(state)
}

async fn forget(
    State(state): State<AppState>,
    body: Result<Json<Forget>, JsonRejection>,
) -> Result<Json<Forgotten>, Problem> {
    let Json(Forget { user_id }) =
        body.map_err(|_| Problem::bad_request("send application/json: {\"user_id\": \"…\"}"))?;
    let reference = state.intake.user_key.reference(&user_id);
    Ok(Json(Forgotten { records: state.store.forget_user(reference).await? }))
}
