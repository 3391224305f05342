//! Orders: what a client asks for, and what it is answered.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Invalid;
use crate::card::{CardNumber, UncheckedCard};
use crate::customer::CustomerId;
use crate::ids::{OrderId, TransactionId};
use crate::items::{Item, Items, MOST_ITEMS, Quantity, Sku};
use crate::money::Money;
use crate::payment::PaymentMethod;
use crate::problem::FieldError;
use crate::timestamp::Timestamp;

/// The body of `POST /api/orders` as it came: well-formed, not looked at yet.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, remote = "Self")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(description = "An order to be placed."))]
pub struct NewOrder {
    /// Who orders. May be left out where a customer's token says it.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<CustomerId>))]
    pub customer_id: String,
    /// What: no SKU twice.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 100))]
    pub items: Vec<NewItem>,
    /// How it is paid.
    pub payment: NewPayment,
}

/// One line of a new order.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, remote = "Self")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewItem {
    /// Which product.
    #[cfg_attr(feature = "openapi", schema(value_type = Sku))]
    pub sku: String,
    /// How many of it.
    #[cfg_attr(feature = "openapi", schema(value_type = Quantity))]
    pub quantity: i64,
}

/// How a new order is paid.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, remote = "Self")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewPayment {
    /// `card`.
    #[cfg_attr(feature = "openapi", schema(value_type = PaymentMethod))]
    pub method: String,
    /// The card.
    #[cfg_attr(feature = "openapi", schema(value_type = CardNumber))]
    pub card_number: UncheckedCard,
}

crate::only_from_objects!(NewOrder, NewItem, NewPayment);

/// An order that can be placed. Serialises to the body of `POST /orders`, card number included.
#[derive(Debug, Clone, Serialize)]
pub struct ValidOrder {
    /// Who orders.
    pub customer_id: CustomerId,
    /// What.
    pub items: Items,
    /// How it is paid.
    pub payment: ValidPayment,
}

/// How a valid order is paid.
#[derive(Debug, Clone, Serialize)]
pub struct ValidPayment {
    /// By what.
    pub method: PaymentMethod,
    /// The card.
    #[serde(serialize_with = "CardNumber::expose")]
    pub card_number: CardNumber,
}

impl NewOrder {
    /// Checks everything and names every bad field, not only the first.
    pub fn validate(self) -> Result<ValidOrder, Vec<FieldError>> {
        let mut errors = Vec::new();
        let customer_id = keep(self.customer_id.parse(), "/customer_id", &mut errors);
        let items = valid_items(&self.items, &mut errors);
        let method = keep(self.payment.method.parse(), "/payment/method", &mut errors);
        let card_number =
            keep(CardNumber::try_from(self.payment.card_number), "/payment/card_number", &mut errors);
        match (customer_id, items, method, card_number) {
            (Some(customer_id), Some(items), Some(method), Some(card_number)) if errors.is_empty() => {
                Ok(ValidOrder { customer_id, items, payment: ValidPayment { method, card_number } })
            }
            _ => Err(errors),
        }
    }
}

fn valid_items(items: &[NewItem], errors: &mut Vec<FieldError>) -> Option<Items> {
    let mut valid: Vec<Item> = Vec::with_capacity(items.len().min(MOST_ITEMS));
    let mut seen = HashSet::new();
    for (index, item) in items.iter().enumerate().take(MOST_ITEMS) {
        let sku = keep(item.sku.parse::<Sku>(), format!("/items/{index}/sku"), errors);
        let quantity = keep(Quantity::try_from(item.quantity), format!("/items/{index}/quantity"), errors);
        if let (Some(sku), Some(quantity)) = (sku, quantity) {
            if seen.insert(item.sku.as_str()) {
                valid.push(Item { sku, quantity });
            } else {
                let detail = format!("{sku} stands here a second time: add up the quantities");
                errors.push(FieldError::new(format!("/items/{index}/sku"), detail));
            }
        }
    }
    // How many there are is wrong only when nothing within them is.
    if items.len() > MOST_ITEMS || errors.iter().all(|error| !error.pointer.starts_with("/items")) {
        let all = if items.len() > MOST_ITEMS {
            Err(Invalid("an order has 1 to 100 items"))
        } else {
            valid.try_into()
        };
        return keep(all, "/items", errors);
    }
    None
}

/// The value, or a note of what is wrong with it.
fn keep<T>(value: Result<T, Invalid>, pointer: impl Into<String>, errors: &mut Vec<FieldError>) -> Option<T> {
    value.map_err(|invalid| errors.push(FieldError::new(pointer, invalid.to_string()))).ok()
}

/// How far an order has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum OrderStatus {
    /// On its way through the saga.
    Pending,
    /// Reserved and paid.
    Confirmed,
    /// Out of stock or of an unknown product.
    Rejected,
    /// The card was declined.
    Declined,
    /// Taken back by the customer.
    Cancelled,
    /// Given up for a technical reason.
    Failed,
}

impl OrderStatus {
    /// The name on the wire, in spans, metrics and databases.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for OrderStatus {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        [Self::Pending, Self::Confirmed, Self::Rejected, Self::Declined, Self::Cancelled, Self::Failed]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or(Invalid("a status is pending, confirmed, rejected, declined, cancelled or failed"))
    }
}

/// An order as it is answered. Prices and total are there once the stock is reserved, the payment once it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// How far it has come.
    pub status: OrderStatus,
    /// Who ordered.
    pub customer_id: CustomerId,
    /// What.
    pub items: Vec<OrderItem>,
    /// What it costs altogether.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub total: Option<Money>,
    /// The charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub payment: Option<OrderPayment>,
    /// When it was placed.
    pub created_at: Timestamp,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrderItem {
    /// Which product.
    pub sku: Sku,
    /// How many of it.
    pub quantity: Quantity,
    /// The price of one, from the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub unit_price: Option<Money>,
}

/// The charge of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrderPayment {
    /// The payment service's name for it.
    pub transaction_id: TransactionId,
    /// The last four digits of the card. Not there when the customer was forgotten.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]{4}$", examples("4242")))]
    pub card_last4: String,
}

/// A page of orders, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrderList {
    /// The orders.
    pub orders: Vec<Order>,
    /// What to ask for the next page with; none on the last.
    #[cfg_attr(feature = "openapi", schema(required = true, max_length = 200))]
    pub next_cursor: Option<String>,
}
