//! Metrics, as Prometheus sees them: base units, unit and `_total` in the name.

use super::Life;
use Kind::{Counter, Gauge, Histogram, Info};

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// As it is exposed; a histogram's samples append `_bucket`, `_count` and `_sum`.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its labels. Prometheus adds `job` and `instance`.
    pub labels: &'static [&'static str],
    /// All values of a label, where these are a few.
    pub values: &'static [(&'static str, &'static [&'static str])],
    /// Whether a sampled trace leaves its id as exemplar.
    pub exemplar: bool,
    /// What it measures.
    pub help: &'static str,
    /// What is promised of it.
    pub life: Life,
}

/// The label of an exemplar: a trace's id.
pub const EXEMPLAR_LABEL: &str = "trace_id";

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Goes up.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations by size.
    Histogram,
    /// Says something in its labels; its value is 1.
    Info,
}

impl Kind {
    /// The word that OpenMetrics has for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Counter => "counter",
            Gauge => "gauge",
            Histogram => "histogram",
            Info => "info",
        }
    }
}

impl Metric {
    pub(super) const LISTED: Self = Self {
        name: "",
        kind: Counter,
        labels: &[],
        values: &[],
        exemplar: NO_EXEMPLAR,
        help: "",
        life: Life::STABLE,
    };

    /// The name without what its kind appends: OpenMetrics calls this the metric family.
    pub fn family(&self) -> &'static str {
        let suffix = match self.kind {
            Counter => "_total",
            Info => "_info",
            Gauge | Histogram => "",
        };
        self.name.strip_suffix(suffix).unwrap_or(self.name)
    }

    /// `seconds` or `bytes`, where the name ends so.
    pub fn unit(&self) -> Option<&'static str> {
        ["seconds", "bytes"].into_iter().find(|unit| self.family().ends_with(unit))
    }
}

const EXEMPLAR: bool = true;
pub(super) const NO_EXEMPLAR: bool = false;

const SPAN_FATES: (&str, &[&str]) = ("outcome", &["exported", "dropped_queue_full", "failed"]);
const LINE_FATES: (&str, &[&str]) =
    ("outcome", &["shipped", "dropped_queue_full", "failed", "sampled_out", "limited"]);
const ORDER_ENDS: (&str, &[&str]) = ("status", &["confirmed", "rejected", "declined", "cancelled", "failed"]);
const PAYMENT_ENDS: (&str, &[&str]) = (
    "outcome",
    &["approved", "card_declined", "insufficient_funds", "refunded", "voided", "processing_error"],
);
const REFUSALS: (&str, &[&str]) = (
    "reason",
    &[
        "rate_address",
        "rate_token",
        "in_flight",
        "connections",
        "connections_of_address",
        "malformed",
        "uri_too_long",
        "head_too_large",
        "slow_head",
        "slow_reader",
    ],
);
const DENIALS: (&str, &[&str]) = (
    "reason",
    &[
        "no_token",
        "malformed",
        "type",
        "algorithm",
        "unknown_key",
        "no_keys",
        "signature",
        "expired",
        "not_yet",
        "issuer",
        "audience",
        "scope",
    ],
);
const SIGNALS: (&str, &[&str]) = ("signal", &["traces", "logs"]);

metrics! {
    /// An order from request to outcome
    ORDER_PROCESSING_DURATION = Histogram("order_processing_duration_seconds", ["status"], EXEMPLAR) { values: &[ORDER_ENDS] };
    /// HTTP requests answered
    HTTP_SERVER_DURATION = Histogram(
        "http_server_request_duration_seconds",
        ["http_request_method", "http_route", "http_response_status_code"],
        EXEMPLAR
    );
    /// Requests and connections turned away at the door
    HTTP_SERVER_REFUSED = Counter("http_server_refused_total", ["reason"], NO_EXEMPLAR) { values: &[REFUSALS] };
    /// Requests whose token was missing, not taken, or not enough
    ACCESS_DENIED = Counter("access_denied_total", ["reason"], EXEMPLAR) { values: &[DENIALS] };
    /// HTTP requests made, each attempt
    HTTP_CLIENT_DURATION = Histogram(
        "http_client_request_duration_seconds",
        ["http_request_method", "server_address", "http_response_status_code", "error_type"],
        EXEMPLAR
    );
    /// Database transactions
    DB_CLIENT_DURATION = Histogram(
        "db_client_operation_duration_seconds",
        ["db_system_name", "db_operation_name", "db_collection_name"],
        EXEMPLAR
    );
    /// Orders that reached an outcome
    ORDERS = Counter("orders_total", ["status"], EXEMPLAR) { values: &[ORDER_ENDS] };
    /// Attempts to charge a card, and charges taken back
    PAYMENTS = Counter("payments_total", ["outcome"], EXEMPLAR) { values: &[PAYMENT_ENDS] };
    /// Order events that wait to be delivered
    OUTBOX_LENGTH = Gauge("outbox_length", [], NO_EXEMPLAR);
    /// Age of the oldest order event that waits
    OUTBOX_OLDEST_AGE = Gauge("outbox_oldest_age_seconds", [], NO_EXEMPLAR);
    /// Order events that were given up
    OUTBOX_DEAD_LETTERS = Counter("outbox_dead_letters_total", [], EXEMPLAR);
    /// Audit entries that wait to be delivered
    AUDIT_UNDELIVERED = Gauge("audit_undelivered", [], NO_EXEMPLAR);
    /// Age of the oldest audit entry that waits
    AUDIT_OLDEST_AGE = Gauge("audit_oldest_age_seconds", [], NO_EXEMPLAR);
    /// Pieces in the warehouse
    INVENTORY_STOCK_UNITS = Gauge("inventory_stock_units", ["sku", "state"], NO_EXEMPLAR) { values: &[("state", &["available", "reserved"])] };
    /// Reservations that nobody confirmed in time
    INVENTORY_RESERVATIONS_EXPIRED = Counter("inventory_reservations_expired_total", [], NO_EXEMPLAR);
    /// Sampled spans that ended, by what became of them
    TELEMETRY_SPANS = Counter("telemetry_spans_total", ["outcome"], NO_EXEMPLAR) { values: &[SPAN_FATES] };
    /// Log lines, by sink and by what became of them
    TELEMETRY_LOGS = Counter("telemetry_logs_total", ["sink", "outcome"], NO_EXEMPLAR) { values: &[LINE_FATES] };
    /// Waiting for export; of lines, in the sink that has most
    TELEMETRY_QUEUE_LENGTH = Gauge("telemetry_queue_length", ["signal"], NO_EXEMPLAR) { values: &[SIGNALS] };
    /// What can wait before something is dropped
    TELEMETRY_QUEUE_CAPACITY = Gauge("telemetry_queue_capacity", ["signal"], NO_EXEMPLAR) { values: &[SIGNALS] };
    /// CPU time, user and system
    PROCESS_CPU = Counter("process_cpu_seconds_total", [], NO_EXEMPLAR);
    /// Resident memory
    PROCESS_RESIDENT_MEMORY = Gauge("process_resident_memory_bytes", [], NO_EXEMPLAR);
    /// Virtual memory
    PROCESS_VIRTUAL_MEMORY = Gauge("process_virtual_memory_bytes", [], NO_EXEMPLAR);
    /// Start, since the Unix epoch
    PROCESS_START_TIME = Gauge("process_start_time_seconds", [], NO_EXEMPLAR);
    /// Open file descriptors
    PROCESS_OPEN_FDS = Gauge("process_open_fds", [], NO_EXEMPLAR);
    /// Limit of open file descriptors
    PROCESS_MAX_FDS = Gauge("process_max_fds", [], NO_EXEMPLAR);
    /// Threads of the operating system
    PROCESS_THREADS = Gauge("process_threads", [], NO_EXEMPLAR);
    /// What this process is (OpenTelemetry resource)
    TARGET = Info(
        "target_info",
        ["service_name", "service_namespace", "service_version", "service_instance_id", "schema_url"],
        NO_EXEMPLAR
    );
}
