//! Check an order, say on the span what it is, and have the order service place it.

use api::order::{NewItem, NewOrder, NewPayment, Order};
use api::problem::FieldError;
use http::StatusCode;
use serde::{Deserialize, Deserializer};
use service_kit::deadline::Deadline;
use service_kit::error::ApiError;
use service_kit::peer::Answer;
use telemetry::Telemetry;
use telemetry::names::attribute;
use telemetry::span;

use crate::access::Reach;
use crate::clients::Clients;
use crate::manner::Manner;

/// The body of `POST /api/orders` as it came. Unlike [`NewOrder`] it need not say who orders where the token does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, remote = "Self")]
pub(crate) struct OrderRequest {
    #[serde(default, deserialize_with = "given")]
    customer_id: Option<String>,
    items: Vec<NewItem>,
    payment: NewPayment,
}

/// `null` is not the same as nothing.
fn given<'de, D: Deserializer<'de>>(held: D) -> Result<Option<String>, D::Error> {
    String::deserialize(held).map(Some)
}

api::only_from_objects!(OrderRequest);

impl OrderRequest {
    /// The order, of a customer that the caller may order for.
    pub(crate) fn within(self, reach: &Reach) -> Result<NewOrder, ApiError> {
        let Self { customer_id, items, payment } = self;
        let missing = || ApiError::invalid(vec![FieldError::new("", "missing field `customer_id`")]);
        let customer_id = reach.narrow(customer_id)?.ok_or_else(missing)?;
        Ok(NewOrder { customer_id, items, payment })
    }
}

pub(crate) async fn place(
    clients: &Clients,
    telemetry: &Telemetry,
    order: NewOrder,
    reach: &Reach,
    manner: &Manner,
    deadline: Deadline,
) -> Result<Answer<Order>, ApiError> {
    let order = order.validate().map_err(ApiError::invalid)?;
    span::customer(&telemetry.customer_ref(order.customer_id.as_str()));
    span::set(attribute::ORDER_ITEM_COUNT, order.items.as_slice().len() as i64);
    span::set(attribute::PAYMENT_METHOD, order.payment.method.as_str());
    match clients.place_order(&order, reach, manner, deadline).await {
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
            if let Some(id) = error.instance_path().and_then(|path| path.strip_prefix("/api/orders/")) {
                span::order(id);
            }
            tracing::info!(outcome = &*error.error_type(), "order not placed");
            Err(error)
        }
    }
}
