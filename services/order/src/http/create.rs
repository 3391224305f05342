//! `POST /orders`: now or later (`Prefer: respond-async`), once for each `Idempotency-Key`.

use super::{App, path_of};
use crate::{
    domain::{Asker, Draft},
    place,
    resume::{KEY_LIFE, before},
    saga::answer,
    store::{KeyClaim, KeyRequest},
};
use api::{
    ids::OrderId,
    order::{NewOrder, Order, OrderStatus, ValidOrder},
    problem::ProblemKind,
    timestamp::Timestamp,
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
};
use service_kit::{deadline::Deadline, error::ApiError, extract::ApiJson};
use std::sync::Arc;
use telemetry::{names::attribute, span, task};

pub(super) async fn create(
    State(app): State<Arc<App>>,
    deadline: Deadline,
    asker: Asker,
    headers: HeaderMap,
    ApiJson(body): ApiJson<NewOrder>,
) -> Result<Response, ApiError> {
    let valid = body.validate().map_err(ApiError::invalid)?;
    if asker.owner.is_some_and(|owner| owner != valid.customer_id) {
        return Err(ApiError::new(ProblemKind::Forbidden, "this is an order for another customer"));
    }
    span::customer(&app.telemetry.customer_ref(valid.customer_id.as_str()));
    span::set(attribute::ORDER_ITEM_COUNT, valid.items.as_slice().len() as i64);
    span::set(attribute::PAYMENT_METHOD, valid.payment.method.as_str());
    let is_async = prefers_async(&headers);
    // Before the key is taken: a key whose order was never accepted would block the next try.
    let slot = is_async.then(|| app.background.slot()).transpose()?;
    let id = match key_of(&headers)? {
        None => OrderId::new(),
        Some(key) => match claim(&app, key, &valid, deadline).await? {
            KeyClaim::Ours(id) => id,
            KeyClaim::Known(id) => return again(&app, id, is_async).await,
            KeyClaim::Running => return Err(running()),
            KeyClaim::OtherBody => {
                let why = "this key was used with another body";
                return Err(ApiError::new(ProblemKind::IdempotencyConflict, why));
            }
        },
    };
    span::order(&id.to_string());
    let ValidOrder { customer_id, items, payment } = valid;
    let draft = Draft { id, customer_id, items, created_at: Timestamp::now(), placed_by: asker.operator };
    if let Some(slot) = slot {
        return Ok(accepted(place::accept(&app.saga, draft, &payment, slot).await?));
    }
    // A task of its own: an order that has begun goes to its end even when the client hangs up. Boxed, because all that
    // it holds on its way would be part of every future around it.
    let placed =
        task::spawn(async move { Box::pin(place::place(&app.saga, draft, payment, deadline)).await });
    Ok(created(placed.await.map_err(ApiError::internal)??))
}

/// The first result of the same request, or what there is of it.
async fn again(app: &App, id: OrderId, is_async: bool) -> Result<Response, ApiError> {
    span::order(&id.to_string());
    let Some(stored) = app.store.load(id).await? else { return Err(running()) };
    match stored.order.status {
        // What was accepted is answered as accepted, however far it has come.
        _ if is_async => Ok(accepted(stored.order)),
        OrderStatus::Pending => Err(running()),
        _ => answer(stored).map(created),
    }
}

async fn claim(app: &App, key: &str, valid: &ValidOrder, deadline: Deadline) -> Result<KeyClaim, ApiError> {
    let body = serde_json::to_vec(valid).map_err(ApiError::internal)?;
    let now = Timestamp::now();
    let request = KeyRequest {
        customer: &valid.customer_id,
        key,
        fingerprint: &app.saga.seal.fingerprint(&body),
        order_id: OrderId::new(),
        now,
        // While this request may still be running, whatever the lease is.
        locked_until: now + deadline.remaining() + app.saga.lease,
        oldest: before(KEY_LIFE),
    };
    Ok(app.store.claim_key(&request).await?)
}

fn running() -> ApiError {
    let why = "the first request with this key is under way";
    ApiError::new(ProblemKind::InProgress, why).retry_after(1)
}

/// `Idempotency-Key`: 1 to 255 visible ASCII characters.
fn key_of(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let is_key =
        |key: &&str| (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    let wrong = || {
        let why = "`Idempotency-Key` has 1 to 255 visible ASCII characters";
        ApiError::new(ProblemKind::MalformedRequest, why)
    };
    key.to_str().ok().filter(is_key).map(Some).ok_or_else(wrong)
}

/// `Prefer: respond-async` (RFC 7240), alone or among other preferences.
fn prefers_async(headers: &HeaderMap) -> bool {
    let all = headers.get_all("prefer").into_iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case("respond-async"))
}

fn created(order: Order) -> Response {
    (StatusCode::CREATED, [(LOCATION, path_of(order.id))], Json(order)).into_response()
}

fn accepted(order: Order) -> Response {
    let applied = ("preference-applied", HeaderValue::from_static("respond-async"));
    (StatusCode::ACCEPTED, [applied], [(LOCATION, path_of(order.id))], Json(order)).into_response()
}
