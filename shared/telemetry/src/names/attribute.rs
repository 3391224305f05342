//! Span attributes: those of the OpenTelemetry semantic conventions by their names there, and the platform's own.

pub use super::ValueType;
use super::{
    Life, Origin,
    Privacy::{self, Business, Operational, Personal, Pseudonym},
};
use ValueType::{Int, Text};

/// An attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its key.
    pub name: &'static str,
    /// What its values are.
    pub value: ValueType,
    /// What it means.
    pub brief: &'static str,
    /// A value, or all that there are.
    pub examples: &'static [&'static str],
    /// Whether [`Self::examples`] are all values.
    pub closed: bool,
    /// Where its name is from.
    pub origin: Origin,
    /// What it says of a person.
    pub privacy: Privacy,
    /// What is promised of it.
    pub life: Life,
}

impl Attribute {
    pub(super) const LISTED: Self = Self {
        name: "",
        value: Text,
        brief: "",
        examples: &[],
        closed: false,
        origin: Origin::Conventions,
        privacy: Operational,
        life: Life::STABLE,
    };
}

const OWN: Origin = Origin::Own;
const CLOSED: bool = true;

listed! { Attribute:
    /// The method, or `_OTHER`.
    HTTP_REQUEST_METHOD = "http.request.method";
    /// The route's template.
    HTTP_ROUTE = "http.route";
    /// The answer's status.
    HTTP_RESPONSE_STATUS_CODE = "http.response.status_code" { value: Int };
    /// The path that was asked for.
    URL_PATH = "url.path" { privacy: Pseudonym };
    /// `http`.
    URL_SCHEME = "url.scheme" { examples: &["http"], closed: CLOSED };
    /// What was asked for, without the query.
    URL_FULL = "url.full" { privacy: Pseudonym };
    /// The host that was asked.
    SERVER_ADDRESS = "server.address";
    /// Its port.
    SERVER_PORT = "server.port" { value: Int };
    /// Who asked.
    CLIENT_ADDRESS = "client.address" { privacy: Personal };

    /// `sqlite` or `postgresql`.
    DB_SYSTEM_NAME = "db.system.name" { examples: &["sqlite", "postgresql"], closed: CLOSED };
    /// The transaction's main statement.
    DB_OPERATION_NAME = "db.operation.name";
    /// The table it is about.
    DB_COLLECTION_NAME = "db.collection.name";
    /// Both.
    DB_QUERY_SUMMARY = "db.query.summary";

    /// `http` or `nats`.
    MESSAGING_SYSTEM = "messaging.system" {
        examples: &["http", "nats"], closed: CLOSED, life: Life::DEVELOPING
    };
    /// What the message belongs to: `order-events`.
    MESSAGING_DESTINATION_NAME = "messaging.destination.name" {
        examples: &["order-events"], closed: CLOSED, life: Life::DEVELOPING
    };
    /// `publish` or `process`.
    MESSAGING_OPERATION_NAME = "messaging.operation.name" {
        examples: &["publish", "process"], closed: CLOSED, life: Life::DEVELOPING
    };
    /// `send` or `process`.
    MESSAGING_OPERATION_TYPE = "messaging.operation.type" {
        examples: &["send", "process"], closed: CLOSED, life: Life::DEVELOPING
    };
    /// The event's id.
    MESSAGING_MESSAGE_ID = "messaging.message.id" { privacy: Pseudonym, life: Life::DEVELOPING };

    /// The order's id (UUIDv7).
    ORDER_ID = "order.id" {
        examples: &["0193f5c2-7c1e-7d3a-9a53-0d6f8a1b2c3d"], origin: OWN, privacy: Pseudonym
    };
    /// Positions of the order.
    ORDER_ITEM_COUNT = "order.item_count" { value: Int, origin: OWN, privacy: Business };
    /// Total in minor units.
    ORDER_TOTAL_AMOUNT_MINOR = "order.total_amount_minor" { value: Int, origin: OWN, privacy: Business };
    /// ISO 4217 code.
    ORDER_CURRENCY = "order.currency" { examples: &["EUR"], origin: OWN, privacy: Business };
    /// `card`.
    PAYMENT_METHOD = "payment.method" { examples: &["card"], closed: CLOSED, origin: OWN, privacy: Business };
    /// The card processor's word for what went wrong.
    PAYMENT_ERROR_CODE = "payment.error_code" {
        examples: &["card_declined", "insufficient_funds", "processing_error"], origin: OWN, privacy: Business
    };
    /// Keyed hash of the customer's id.
    CUSTOMER_REF = "customer.ref" {
        examples: &["5f2a9c0d1e8b47a6930fd2c4b1a87e65"], origin: OWN, privacy: Pseudonym
    };
    /// From the baggage entry `customer_tier`.
    CUSTOMER_TIER = "customer.tier" { examples: &["gold"], origin: OWN, privacy: Pseudonym };
    /// From the baggage entry `session_id`.
    SESSION_ID = "session.id" { privacy: Pseudonym, life: Life::DEVELOPING };

    /// What kind of failure; low cardinality.
    ERROR_TYPE = "error.type";
    /// The data stream that holds this span's log lines.
    LOG_INDEX = "log.index" { examples: &["logs-waybill.order-service-default"], origin: OWN };
}
