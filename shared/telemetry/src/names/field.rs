//! Members of a log line.
//!
//! Those that every line has are constants. Those of one line stand in its `tracing` macro as identifiers, where
//! they read best; a test finds them in the sources and looks them up here.

use super::{
    Life,
    Privacy::{self, Business, Operational, Personal, Pseudonym},
    ValueType::{self, Bool, Int, Number, Text},
};

/// A member of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub value: ValueType,
    /// Which lines have it.
    pub on: On,
    /// What it means.
    pub brief: &'static str,
    /// All values, where these are a few.
    pub values: &'static [&'static str],
    /// What it says of a person.
    pub privacy: Privacy,
    /// What is promised of it.
    pub life: Life,
}

impl Field {
    const LISTED: Self = Self {
        name: "",
        value: Text,
        on: On::Some,
        brief: "",
        values: &[],
        privacy: Operational,
        life: Life::STABLE,
    };
}

/// Which lines have a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// All.
    Every,
    /// Those within a span.
    Span,
    /// Those within a span that is about this.
    Context,
    /// Those that say it.
    Some,
    /// Those of the audit log.
    Audit,
    /// Those that were cut because they were too long.
    Cut,
}

listed! { Field:
    /// RFC 3339, UTC, six decimals.
    TIMESTAMP = "timestamp" { on: On::Every };
    /// `DEBUG`, `INFO`, `WARN` or `ERROR`.
    SEVERITY = "severity" { on: On::Every, values: &["DEBUG", "INFO", "WARN", "ERROR"] };
    /// What happened.
    MESSAGE = "message" { on: On::Every };
    /// Who says it: `service.name`.
    SERVICE = "service" { on: On::Every };
    /// Which release.
    VERSION = "version" { on: On::Every };
    /// Which module.
    TARGET = "target" { on: On::Every };

    /// 32 hex digits.
    TRACE_ID = "trace_id" { on: On::Span, privacy: Pseudonym };
    /// 16 hex digits.
    SPAN_ID = "span_id" { on: On::Span, privacy: Pseudonym };
    /// `01` when the trace is sampled.
    TRACE_FLAGS = "trace_flags" { on: On::Span, values: &["00", "01"] };

    /// The order's id.
    ORDER_ID = "order_id" { on: On::Context, privacy: Pseudonym };
    /// Keyed hash of the customer's id.
    CUSTOMER_REF = "customer_ref" { on: On::Context, privacy: Pseudonym };
    /// The caller's session, from baggage.
    SESSION_ID = "session_id" { on: On::Context, privacy: Pseudonym };
    /// The customer's tier, from baggage.
    CUSTOMER_TIER = "customer_tier" { on: On::Context, privacy: Pseudonym };

    /// How long it took.
    DURATION_MS = "duration_ms" { on: On::Some, value: Number };
    /// What went wrong, with its causes; in a span event, the card processor's word for it.
    ERROR = "error" { on: On::Some };
    /// What kind of failure; few values. Of a metric, empty where nothing went wrong.
    ERROR_TYPE = "error_type" { on: On::Some };
    /// The status that was answered.
    HTTP_STATUS = "http_status" { on: On::Some, value: Int };
    /// What an order is now.
    STATUS = "status" {
        on: On::Some, values: &["pending", "confirmed", "rejected", "declined", "cancelled", "failed"], privacy: Business
    };
    /// What became of it.
    OUTCOME = "outcome" { on: On::Some, privacy: Business };
    /// Orders in a batch, or in a worker's run.
    ORDERS = "orders" { on: On::Some, value: Int, privacy: Business };
    /// Of those in a batch, the ones that came to be.
    PLACED = "placed" { on: On::Some, value: Int, privacy: Business };
    /// Positions of an order.
    ITEM_COUNT = "item_count" { on: On::Some, value: Int, privacy: Business };
    /// The processor's id of a charge.
    TRANSACTION_ID = "transaction_id" { on: On::Some, privacy: Pseudonym };
    /// What was charged.
    AMOUNT_MINOR = "amount_minor" { on: On::Some, value: Int, privacy: Business };
    /// What a charge is now.
    REFUND_STATE = "refund_state" { on: On::Some, values: &["refunded", "voided", "declined"], privacy: Business };
    /// Which try.
    ATTEMPT = "attempt" { on: On::Some, value: Int };
    /// Tries, all in all.
    ATTEMPTS = "attempts" { on: On::Some, value: Int };
    /// Dead letters that are sent again; in the audit log, how many things an act has changed.
    COUNT = "count" { on: On::Some, value: Int };
    /// `audit`.
    STREAM = "stream" { on: On::Audit, values: &["audit"] };
    /// An entry's place in the chain.
    NUMBER = "number" { on: On::Audit, value: Int };
    /// What was done: `order.paid`.
    ACTION = "action" { on: On::Audit };
    /// Who did it: a customer's reference, `operator:<name>` or `service:<name>`.
    ACTOR = "actor" { on: On::Audit, privacy: Personal };
    /// Of an amount.
    CURRENCY = "currency" { on: On::Audit, privacy: Business };
    /// The hash of the entry before this one.
    PREVIOUS = "previous" { on: On::Audit };
    /// The hash of this one.
    HASH = "hash" { on: On::Audit };
    /// A subject in NATS.
    SUBJECT = "subject" { on: On::Some };
    /// Where a service listens.
    LISTEN = "listen" { on: On::Some };
    /// Where lines are shipped to.
    ADDRESS = "address" { on: On::Some };
    /// The file, or its folder, that lines are written to.
    FILE = "file" { on: On::Some };
    /// Where spans are exported to.
    DESTINATION = "destination" { on: On::Some };
    /// Which thread panicked.
    THREAD = "thread" { on: On::Some };
    /// Where in the code it panicked.
    LOCATION = "location" { on: On::Some };
    /// Why somebody was turned away.
    REASON = "reason" { on: On::Some };
    /// How many were turned away for it since the last such line.
    REFUSED = "refused" { on: On::Some, value: Int };
    /// How long requests in flight had at the end.
    DRAIN_TIMEOUT_MS = "drain_timeout_ms" { on: On::Some, value: Int };
    /// True: its longest texts were cut.
    TRUNCATED = "truncated" { on: On::Cut, value: Bool };
}
