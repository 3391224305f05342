//! Span events.

use super::{
    Life, Origin,
    Privacy::{Business, Operational, Pseudonym},
    attribute::Attribute,
    span_name::{INVENTORY_RESERVE, ORDER_EVENTS_PROCESS, PAYMENT_CHARGE, PAYMENT_REFUND},
};

/// A span event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its name.
    pub name: &'static str,
    /// What it carries, always.
    pub attributes: &'static [&'static str],
    /// The spans that may have it.
    pub on: &'static [&'static str],
    /// What it means.
    pub brief: &'static str,
    /// What is promised of it.
    pub life: Life,
}

impl Event {
    const LISTED: Self = Self { name: "", attributes: &[], on: &[], brief: "", life: Life::STABLE };
}

listed! { Event:
    /// All items of an order are set aside.
    STOCK_RESERVED = "StockReserved" { on: &[INVENTORY_RESERVE] };
    /// There are too few pieces of a product.
    STOCK_SHORT = "StockShort" { attributes: &[SKU], on: &[INVENTORY_RESERVE, ORDER_EVENTS_PROCESS] };
    /// A card was charged.
    PAYMENT_PROCESSED = "PaymentProcessed" { attributes: &[TRANSACTION_ID], on: &[PAYMENT_CHARGE] };
    /// A card was not charged.
    PAYMENT_FAILED = "PaymentFailed" { attributes: &[ERROR], on: &[PAYMENT_CHARGE] };
    /// The money of a charge went back.
    PAYMENT_REFUNDED = "PaymentRefunded" { attributes: &[TRANSACTION_ID], on: &[PAYMENT_REFUND] };
}

pub use carried::{ERROR, SKU, TRANSACTION_ID};

/// What events carry.
pub mod carried {
    use super::{Attribute, Business, Operational, Origin, Pseudonym};

    const OWN: Origin = Origin::Own;

    listed! { Attribute:
        /// Which product.
        SKU = "sku" { examples: &["TEA-EARL-GREY"], origin: OWN, privacy: Business };
        /// The processor's id of a charge.
        TRANSACTION_ID = "transaction_id" {
            examples: &["0193f5c2-7c1e-7d3a-9a53-0d6f8a1b2c3d"], origin: OWN, privacy: Pseudonym
        };
        /// What went wrong, with its causes; in a span event, the card processor's word for it.
        ERROR = "error" { examples: &["card_declined"], origin: OWN, privacy: Operational };
    }
}
