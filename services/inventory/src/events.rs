//! `order-events` that come in, over HTTP or from NATS: each at least once, in any order.

use std::sync::Arc;

use api::decode::decode_json;
use api::event::{CloudEvent, OrderEvent, OrderEventKind};
use axum::extract::State;
use http::StatusCode;
use service_kit::cloudevents::Event;
use service_kit::error::ApiError;
use telemetry::names::attribute;

use crate::http::Stock;
use crate::store::Store;
use crate::{sell, take_back};

/// The consumer's name in JetStream: instances share its events.
pub(crate) const DURABLE: &str = "inventory";

/// Acknowledges with 204 once the event is acted on.
pub(crate) async fn receive(
    State(stock): State<Arc<Stock>>,
    Event(event): Event,
) -> Result<StatusCode, ApiError> {
    telemetry::span::set(attribute::MESSAGING_MESSAGE_ID, event.id.clone());
    handle(&stock.store, &event).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Acts on an event. Those of other types concern others.
pub(crate) async fn handle(store: &Store, event: &CloudEvent) -> Result<(), ApiError> {
    let order = || decode_json::<OrderEvent>(event.data.to_string().as_bytes());
    match OrderEventKind::from_type(&event.kind) {
        Some(OrderEventKind::Confirmed) => sell::sell(store, order()?).await,
        Some(OrderEventKind::Cancelled) => take_back::take_back(store, order()?).await,
        None => Ok(()),
    }
}
