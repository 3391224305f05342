//! Members of a log line.
//!
//! Those that every line has are constants. Those of one line stand in its `tracing` macro as identifiers, where
//! they read best; a test finds them in the sources and looks them up here.

/// A member of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Which lines have it.
    pub on: On,
    /// What it means.
    pub brief: &'static str,
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
}

listed! { Field:
    /// RFC 3339, UTC, six decimals.
    TIMESTAMP = "timestamp" { on: On::Every };
    /// `DEBUG`, `INFO`, `WARN` or `ERROR`.
    SEVERITY = "severity" { on: On::Every };
    /// What happened.
    MESSAGE = "message" { on: On::Every };
    /// Who says it: `service.name`.
    SERVICE = "service" { on: On::Every };
    /// Which release.
    VERSION = "version" { on: On::Every };
    /// Which module.
    TARGET = "target" { on: On::Every };

    /// 32 hex digits.
    TRACE_ID = "trace_id" { on: On::Span };
    /// 16 hex digits.
    SPAN_ID = "span_id" { on: On::Span };
    /// `01` when the trace is sampled.
    TRACE_FLAGS = "trace_flags" { on: On::Span };

    /// The order's id.
    ORDER_ID = "order_id" { on: On::Context };
    /// Keyed hash of the customer's id.
    CUSTOMER_REF = "customer_ref" { on: On::Context };
    /// From baggage.
    SESSION_ID = "session_id" { on: On::Context };
    /// From baggage.
    CUSTOMER_TIER = "customer_tier" { on: On::Context };

    /// How long it took.
    DURATION_MS = "duration_ms" { on: On::Some };
    /// What went wrong, with its causes.
    ERROR = "error" { on: On::Some };
    /// What kind of failure; few values.
    ERROR_TYPE = "error_type" { on: On::Some };
    /// The status that was answered.
    HTTP_STATUS = "http_status" { on: On::Some };
    /// What an order is now.
    STATUS = "status" { on: On::Some };
    /// Why an order was not placed.
    OUTCOME = "outcome" { on: On::Some };
    /// Orders in a batch, or in a worker's run.
    ORDERS = "orders" { on: On::Some };
    /// Of those in a batch, the ones that came to be.
    PLACED = "placed" { on: On::Some };
    /// Positions of an order.
    ITEM_COUNT = "item_count" { on: On::Some };
    /// The processor's id of a charge.
    TRANSACTION_ID = "transaction_id" { on: On::Some };
    /// What was charged.
    AMOUNT_MINOR = "amount_minor" { on: On::Some };
    /// What a charge is now.
    STATE = "state" { on: On::Some };
    /// Which try.
    ATTEMPT = "attempt" { on: On::Some };
    /// Tries, all in all.
    ATTEMPTS = "attempts" { on: On::Some };
    /// Dead letters that are sent again; in the audit log, how many things an act has changed.
    COUNT = "count" { on: On::Some };
    /// `audit`.
    STREAM = "stream" { on: On::Audit };
    /// An entry's place in the chain.
    NUMBER = "number" { on: On::Audit };
    /// What was done: `order.paid`.
    ACTION = "action" { on: On::Audit };
    /// Who did it: a customer's reference, `operator:<name>` or `service:<name>`.
    ACTOR = "actor" { on: On::Audit };
    /// Of an amount.
    CURRENCY = "currency" { on: On::Audit };
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
    /// How long requests in flight had at the end.
    DRAIN_TIMEOUT_MS = "drain_timeout_ms" { on: On::Some };
}
