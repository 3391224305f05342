//! The names of all signals, in one place that code, tests and dashboards share.
//!
//! Attribute names follow the OpenTelemetry semantic conventions where these have one; the others are this
//! platform's own business names.

/// Metrics, as they are exposed (OpenMetrics, base units in the name).
pub mod metric {
    /// Histogram, seconds, by `status`: an order from request to outcome.
    pub const ORDER_PROCESSING_DURATION: &str = "order_processing_duration";
    /// Counter by `status`: orders that reached an outcome.
    pub const ORDERS: &str = "orders";
    /// Counter by `outcome`: attempts to charge a card, and charges taken back.
    pub const PAYMENTS: &str = "payments";
    /// Gauge by `sku`, `state`: pieces in the warehouse.
    pub const INVENTORY_STOCK_UNITS: &str = "inventory_stock_units";
    /// Counter: reservations that nobody confirmed in time.
    pub const INVENTORY_RESERVATIONS_EXPIRED: &str = "inventory_reservations_expired";
    /// Gauge: order events that wait to be delivered.
    pub const OUTBOX_LENGTH: &str = "outbox_length";
    /// Gauge, seconds: the age of the oldest of them.
    pub const OUTBOX_OLDEST_AGE: &str = "outbox_oldest_age_seconds";
    /// Counter: order events that were given up.
    pub const OUTBOX_DEAD_LETTERS: &str = "outbox_dead_letters";
    /// Histogram, seconds: HTTP requests answered.
    pub const HTTP_SERVER_DURATION: &str = "http_server_request_duration";
    /// Histogram, seconds: HTTP requests made, one for each attempt.
    pub const HTTP_CLIENT_DURATION: &str = "http_client_request_duration";
    /// Histogram, seconds: database transactions.
    pub const DB_CLIENT_DURATION: &str = "db_client_operation_duration";
    /// Counter by `outcome`: spans that ended, by what became of them.
    pub const TELEMETRY_SPANS: &str = "telemetry_spans";
    /// Counter by `sink`, `outcome`: log lines written, by what became of them.
    pub const TELEMETRY_LOGS: &str = "telemetry_logs";
    /// Gauge by `signal`: what waits to be exported.
    pub const TELEMETRY_QUEUE_LENGTH: &str = "telemetry_queue_length";
    /// Gauge by `signal`: how much can wait before something is dropped.
    pub const TELEMETRY_QUEUE_CAPACITY: &str = "telemetry_queue_capacity";
}

/// Span events.
pub mod event {
    /// A card was charged; attribute `transaction_id`.
    pub const PAYMENT_PROCESSED: &str = "PaymentProcessed";
    /// A card was not charged; attribute `error`.
    pub const PAYMENT_FAILED: &str = "PaymentFailed";
    /// The money of a charge went back; attribute `transaction_id`.
    pub const PAYMENT_REFUNDED: &str = "PaymentRefunded";
    /// All items of an order are set aside.
    pub const STOCK_RESERVED: &str = "StockReserved";
    /// Too few pieces; attribute `sku`.
    pub const STOCK_SHORT: &str = "StockShort";
}

/// Span attributes that are not part of a semantic convention, and the few that several modules write.
pub mod attribute {
    /// The order's id (UUIDv7).
    pub const ORDER_ID: &str = "order.id";
    /// Positions of the order.
    pub const ORDER_ITEM_COUNT: &str = "order.item_count";
    /// Total in minor units.
    pub const ORDER_TOTAL_AMOUNT_MINOR: &str = "order.total_amount_minor";
    /// ISO 4217 code.
    pub const ORDER_CURRENCY: &str = "order.currency";
    /// Keyed hash of the customer's id.
    pub const CUSTOMER_REF: &str = "customer.ref";
    /// From the baggage entry `customer_tier`.
    pub const CUSTOMER_TIER: &str = "customer.tier";
    /// From the baggage entry `session_id`.
    pub const SESSION_ID: &str = "session.id";
    /// `card`.
    pub const PAYMENT_METHOD: &str = "payment.method";
    /// The card processor's word for what went wrong.
    pub const PAYMENT_ERROR_CODE: &str = "payment.error_code";
    /// What kind of failure; low cardinality (semantic conventions).
    pub const ERROR_TYPE: &str = "error.type";
    /// The data stream that holds this span's log lines.
    pub const LOG_INDEX: &str = "log.index";
}
