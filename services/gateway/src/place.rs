//! Check an order, say on the span what it is, and have the order service place it.

use api::order::{NewOrder, Order};
use http::StatusCode;
use service_kit::deadline::Deadline;
use service_kit::error::ApiError;
use service_kit::peer::Answer;
use telemetry::Telemetry;
use telemetry::names::attribute;
use telemetry::span;

use crate::clients::Clients;
use crate::manner::Manner;

pub(crate) async fn place(
    clients: &Clients,
    telemetry: &Telemetry,
    order: NewOrder,
    manner: &Manner,
    deadline: Deadline,
) -> Result<Answer<Order>, ApiError> {
    let order = order.validate().map_err(ApiError::invalid)?;
    span::customer(&telemetry.customer_ref(order.customer_id.as_str()));
    span::set(attribute::ORDER_ITEM_COUNT, order.items.as_slice().len() as i64);
    span::set(attribute::PAYMENT_METHOD, order.payment.method.as_str());
    match clients.place_order(&order, manner, deadline).await {
        Ok(answer) => {
            let order = &answer.body;
            span::order(&order.id.to_string());
            if let Some(total) = order.total {
                span::set(attribute::ORDER_TOTAL_AMOUNT_MINOR, total.amount_minor);
                span::set(attribute::ORDER_CURRENCY, total.currency.as_str().to_owned());
            }
            if answer.status == StatusCode::ACCEPTED {
                tracing::info!("order accepted");
            } else {
                tracing::info!(status = order.status.as_str(), "order placed");
            }
            Ok(answer)
        }
        Err(error) => {
            let error = ApiError::from(error);
            if let Some(id) = error.instance_path().and_then(|path| path.strip_prefix("/api/orders/")) {
                span::order(id);
            }
            tracing::info!(outcome = &*error.error_type(), "order not placed");
            Err(error)
        }
    }
}
