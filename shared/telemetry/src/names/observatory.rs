//! The observatory's own metrics. It shares no code with the services, so its names stand here a second time, and a
//! test compares the two.

use super::metric::{
    Kind::{Counter, Gauge},
    Metric, NO_EXEMPLAR,
};

const INPUTS: (&str, &[&str]) = ("input", &["otlp_grpc", "otlp_http", "tcp", "udp", "http"]);
const SIGNALS: (&str, &[&str]) = ("signal", &["traces", "logs"]);
const JOINS: (&str, &[&str]) = ("outcome", &["joined", "joined_late", "not_joined"]);
const CLOSED: (&str, &[&str]) = ("reason", &["refused", "idle"]);
const REASONS: (&str, &[&str]) = (
    "reason",
    &[
        "not_json",
        "not_an_object",
        "no_content",
        "no_session",
        "bad_timestamp",
        "bad_utf8",
        "too_long",
        "invalid_field",
        "invalid_id",
        "undecodable",
        "unsupported",
        "too_large",
        "incomplete",
    ],
);
const STATES: (&str, &[&str]) = ("state", &["pending", "firing"]);

metrics! {
    /// Spans and log lines that arrived
    RECEIVED = Counter("observatory_received_total", ["input", "signal"], NO_EXEMPLAR) { values: &[INPUTS, SIGNALS] };
    /// Spans and log lines committed to the store
    STORED = Counter("observatory_stored_total", ["input", "signal"], NO_EXEMPLAR) { values: &[INPUTS, SIGNALS] };
    /// Spans and log lines there was no room for in the queue
    REFUSED = Counter("observatory_refused_total", ["input", "signal"], NO_EXEMPLAR) { values: &[INPUTS, SIGNALS] };
    /// Spans and log lines the store could not write
    FAILED = Counter("observatory_failed_total", ["input", "signal"], NO_EXEMPLAR) { values: &[INPUTS, SIGNALS] };
    /// Spans and log lines that cannot be understood
    MALFORMED = Counter("observatory_malformed_total", ["input", "signal", "reason"], NO_EXEMPLAR) {
        values: &[INPUTS, SIGNALS, REASONS]
    };
    /// Log lines dropped because their sender sent too many
    LIMITED = Counter("observatory_limited_total", ["input"], NO_EXEMPLAR) { values: &[INPUTS] };
    /// Times that reading from a connection paused because its sender sent too much
    PAUSED = Counter("observatory_paused_total", ["input"], NO_EXEMPLAR) { values: &[INPUTS] };
    /// Session events that named a user or a terminal but no session
    SESSION_JOINS = Counter("observatory_session_joins_total", ["outcome"], NO_EXEMPLAR) { values: &[JOINS] };
    /// TCP connections closed by us
    CONNECTIONS_CLOSED = Counter("observatory_connections_closed_total", ["reason"], NO_EXEMPLAR) { values: &[CLOSED] };
    /// Datagrams the kernel dropped before they were read
    UDP_KERNEL_DROPS = Counter("observatory_udp_kernel_drops_total", [], NO_EXEMPLAR);
    /// What waits to be stored
    QUEUE_LENGTH = Gauge("observatory_queue_length_bytes", [], NO_EXEMPLAR);
    /// What may wait to be stored
    QUEUE_CAPACITY = Gauge("observatory_queue_capacity_bytes", [], NO_EXEMPLAR);
    /// Alerts of each rule that are pending or firing
    ALERTS = Gauge("observatory_alerts", ["rule", "state"], NO_EXEMPLAR) { values: &[STATES] };
    /// Notifications of alerts, by what became of them
    ALERT_NOTIFICATIONS = Counter("observatory_alert_notifications_total", ["outcome"], NO_EXEMPLAR);
}
