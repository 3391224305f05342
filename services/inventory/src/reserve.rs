//! Put stock aside for an order: all of it or nothing, and the same again when asked again.

use api::inventory::{Reservation, ReserveRequest};
use api::items::{Item, Items};
use api::problem::{FieldError, ProblemKind};
use api::timestamp::Timestamp;
use service_kit::error::ApiError;
use telemetry::names::{attribute, event};
use telemetry::span;

use crate::domain::ReserveOutcome;
use crate::http::Stock;

pub(crate) async fn reserve(stock: &Stock, request: ReserveRequest) -> Result<Reservation, ApiError> {
    let ReserveRequest { order_id, items } = request;
    span::order(&order_id.to_string());
    span::set(attribute::ORDER_ITEM_COUNT, items.as_slice().len() as i64);
    let expires_at = Timestamp::now() + stock.reservation_ttl;
    match stock.store.reserve(order_id, &items, expires_at).await? {
        ReserveOutcome::Reserved(reservation) => {
            span::event(event::STOCK_RESERVED, &[]);
            tracing::info!(item_count = reservation.items.len(), "stock reserved");
            Ok(reservation)
        }
        ReserveOutcome::Short(places) => Err(short(&items, &places)),
        ReserveOutcome::Unknown(places) => Err(unknown(&places)),
        ReserveOutcome::OtherItems => {
            Err(ApiError::new(ProblemKind::Conflict, "this order has reserved other items before"))
        }
        ReserveOutcome::Released => {
            Err(ApiError::new(ProblemKind::Conflict, "this order's reservation has been released"))
        }
    }
}

fn short(items: &Items, places: &[usize]) -> ApiError {
    let mut skus = Vec::new();
    let mut errors = Vec::new();
    for &place in places {
        let Some(Item { sku, quantity }) = items.as_slice().get(place) else { continue };
        span::event(event::STOCK_SHORT, &[(event::SKU, sku.as_str())]);
        errors.push(FieldError::new(
            format!("/items/{place}"),
            format!("there are fewer than {} of {sku} in stock", quantity.get()),
        ));
        skus.push(sku.as_str());
    }
    ApiError::new(ProblemKind::OutOfStock, format!("out of stock: {}", skus.join(", "))).errors(errors)
}

fn unknown(places: &[usize]) -> ApiError {
    let error = |place| FieldError::new(format!("/items/{place}/sku"), "no product has this SKU");
    ApiError::new(ProblemKind::UnknownSku, "some items are not in the catalogue: see `errors`")
        .errors(places.iter().map(error).collect())
}
