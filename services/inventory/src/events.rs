//! `order-events` that come in: each at least once, in any order.

use api::decode::decode_json;
use api::event::{OrderEvent, OrderEventKind};
use axum::extract::State;
use http::StatusCode;
use service_kit::cloudevents::Event;
use service_kit::error::ApiError;

use crate::commit;
use crate::store::Store;

/// Acknowledges with 204 once the event is acted on. Events of other types concern others and are acknowledged.
pub(crate) async fn receive(State(store): State<Store>, Event(event): Event) -> Result<StatusCode, ApiError> {
    telemetry::span::set("messaging.message.id", event.id.clone());
    match OrderEventKind::from_type(&event.kind) {
        Some(OrderEventKind::Confirmed) => {
            let order: OrderEvent = decode_json(event.data.to_string().as_bytes())?;
            commit::commit(&store, &event, order).await?;
        }
        // A cancelled order has released its stock by a call.
        Some(OrderEventKind::Cancelled) | None => {}
    }
    Ok(StatusCode::NO_CONTENT)
}
