//! Span attributes: those of the OpenTelemetry semantic conventions by their names there, and the platform's own.

use ValueType::{Int, Text};

/// A span attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its key.
    pub name: &'static str,
    /// What its values are.
    pub value: ValueType,
    /// What it means.
    pub brief: &'static str,
}

/// What the values of an attribute are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// A string.
    Text,
    /// A whole number.
    Int,
}

listed! { Attribute:
    /// The method, or `_OTHER`.
    HTTP_REQUEST_METHOD = "http.request.method" { value: Text };
    /// The route's template.
    HTTP_ROUTE = "http.route" { value: Text };
    /// The answer's status.
    HTTP_RESPONSE_STATUS_CODE = "http.response.status_code" { value: Int };
    /// The path that was asked for.
    URL_PATH = "url.path" { value: Text };
    /// `http`.
    URL_SCHEME = "url.scheme" { value: Text };
    /// What was asked for, without the query.
    URL_FULL = "url.full" { value: Text };
    /// The host that was asked.
    SERVER_ADDRESS = "server.address" { value: Text };
    /// Its port.
    SERVER_PORT = "server.port" { value: Int };
    /// Who asked.
    CLIENT_ADDRESS = "client.address" { value: Text };

    /// `sqlite` or `postgresql`.
    DB_SYSTEM_NAME = "db.system.name" { value: Text };
    /// The transaction's main statement.
    DB_OPERATION_NAME = "db.operation.name" { value: Text };
    /// The table it is about.
    DB_COLLECTION_NAME = "db.collection.name" { value: Text };
    /// Both.
    DB_QUERY_SUMMARY = "db.query.summary" { value: Text };

    /// `http` or `nats`.
    MESSAGING_SYSTEM = "messaging.system" { value: Text };
    /// What the message belongs to: `order-events`.
    MESSAGING_DESTINATION_NAME = "messaging.destination.name" { value: Text };
    /// `publish` or `process`.
    MESSAGING_OPERATION_NAME = "messaging.operation.name" { value: Text };
    /// `send` or `process`.
    MESSAGING_OPERATION_TYPE = "messaging.operation.type" { value: Text };
    /// The event's id.
    MESSAGING_MESSAGE_ID = "messaging.message.id" { value: Text };

    /// The order's id (UUIDv7).
    ORDER_ID = "order.id" { value: Text };
    /// Positions of the order.
    ORDER_ITEM_COUNT = "order.item_count" { value: Int };
    /// Total in minor units.
    ORDER_TOTAL_AMOUNT_MINOR = "order.total_amount_minor" { value: Int };
    /// ISO 4217 code.
    ORDER_CURRENCY = "order.currency" { value: Text };
    /// `card`.
    PAYMENT_METHOD = "payment.method" { value: Text };
    /// The card processor's word for what went wrong.
    PAYMENT_ERROR_CODE = "payment.error_code" { value: Text };
    /// Keyed hash of the customer's id.
    CUSTOMER_REF = "customer.ref" { value: Text };
    /// From the baggage entry `customer_tier`.
    CUSTOMER_TIER = "customer.tier" { value: Text };
    /// From the baggage entry `session_id`.
    SESSION_ID = "session.id" { value: Text };

    /// What kind of failure; low cardinality.
    ERROR_TYPE = "error.type" { value: Text };
    /// The data stream that holds this span's log lines.
    LOG_INDEX = "log.index" { value: Text };
}
