//! What operators do about customers, on the admin port.

use super::operator::Operator;
use crate::store::{Store, forget::Forgotten};
use api::{customer::CustomerId, problem::ProblemKind};
use axum::{Json, Router, extract::State, routing::post};
use serde::{Deserialize, Serialize};
use service_kit::{error::ApiError, extract::ApiJson};

/// The routes of the admin port:
///
/// | | |
/// |---|---|
/// | `POST /admin/customers/forget` | `{"customer_id": "c-1042"}`: `{"orders": 3}`, or 409 while an order is under way |
/// | `POST /admin/customers/rotate-key` | writes down that the key of references is to be replaced: `{}` |
pub fn router(store: Store) -> Router {
    Router::new()
        .route("/admin/customers/forget", post(forget))
        .route("/admin/customers/rotate-key", post(rotate_key))
        .with_state(store)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forget {
    customer_id: CustomerId,
}

#[derive(Serialize)]
struct Answer {
    orders: u64,
}

#[derive(Serialize)]
struct Noted {}

async fn forget(
    State(store): State<Store>,
    Operator(actor): Operator,
    ApiJson(Forget { customer_id }): ApiJson<Forget>,
) -> Result<Json<Answer>, ApiError> {
    match store.forget(&customer_id, actor).await? {
        Forgotten::Done { orders } => {
            tracing::info!(orders, "a customer is forgotten");
            Ok(Json(Answer { orders }))
        }
        Forgotten::UnderWay { orders } => {
            let what = if orders == 1 { "order is" } else { "orders are" };
            let why = format!(
                "{orders} of this customer's {what} still under way, and nothing was changed: ask again when they have \
                 ended, or cancel them first"
            );
            Err(ApiError::new(ProblemKind::Conflict, why).retry_after(60))
        }
    }
}

async fn rotate_key(State(store): State<Store>, Operator(actor): Operator) -> Result<Json<Noted>, ApiError> {
    store.note_key_rotation(actor).await?;
    tracing::info!("the key of the customers' references is to be replaced");
    Ok(Json(Noted {}))
}
