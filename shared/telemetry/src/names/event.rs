//! Span events.

/// A span event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its name.
    pub name: &'static str,
    /// What it carries.
    pub attributes: &'static [&'static str],
    /// What it means.
    pub brief: &'static str,
}

/// Which product.
pub const SKU: &str = "sku";
/// The processor's id of a charge.
pub const TRANSACTION_ID: &str = "transaction_id";
/// The card processor's word for what went wrong.
pub const ERROR: &str = "error";

listed! { Event:
    /// All items of an order are set aside.
    STOCK_RESERVED = "StockReserved" { attributes: &[] };
    /// There are too few pieces of a product.
    STOCK_SHORT = "StockShort" { attributes: &[SKU] };
    /// A card was charged.
    PAYMENT_PROCESSED = "PaymentProcessed" { attributes: &[TRANSACTION_ID] };
    /// A card was not charged.
    PAYMENT_FAILED = "PaymentFailed" { attributes: &[ERROR] };
    /// The money of a charge went back.
    PAYMENT_REFUNDED = "PaymentRefunded" { attributes: &[TRANSACTION_ID] };
}
