//! What the inventory service takes and answers.

use serde::{Deserialize, Serialize};

use crate::ids::OrderId;
use crate::items::{Items, Quantity, Sku};
use crate::money::Money;

/// A product and how many of it can be ordered now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Product {
    /// Its SKU.
    pub sku: Sku,
    /// Its name, for people.
    pub name: String,
    /// The price of one.
    pub unit_price: Money,
    /// How many are in stock and not reserved.
    #[cfg_attr(feature = "openapi", schema(minimum = 0))]
    pub available: i64,
}

/// The catalogue, in the order of its SKUs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProductList {
    /// The products.
    pub products: Vec<Product>,
}

/// `POST /reservations`: put these aside for this order. Asking again with the same items answers the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReserveRequest {
    /// The order they are for; there is one reservation an order.
    pub order_id: OrderId,
    /// What to put aside: all of it or nothing.
    pub items: Items,
}

/// Stock put aside for an order, with the prices it is sold at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The order it is for.
    pub order_id: OrderId,
    /// The items, in the order they were asked for.
    pub items: Vec<ReservedItem>,
}

/// One line of a reservation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservedItem {
    /// Which product.
    pub sku: Sku,
    /// How many of it.
    pub quantity: Quantity,
    /// The catalogue's price of one at the time it was reserved.
    pub unit_price: Money,
}
