//! The variables that services share.

use telemetry::env::Secret;

const ADDRESS: &str = "an IP address and a port such as 127.0.0.1:8080";
/// What a variable takes that [`millis`](super::millis) reads.
pub const MILLIS: &str = "a whole number of milliseconds from 1 to 3600000";
const BASE_URL: &str = "a base URL such as http://127.0.0.1:8081";

telemetry::variables! {
    /// The HTTP API.
    LISTEN_ADDR { takes: ADDRESS, without: "127.0.0.1:8080 … 8083" };
    /// `/metrics`, `/healthz`, `/readyz` and `/admin/…`, which are never on a public port.
    ADMIN_ADDR { takes: ADDRESS, without: "127.0.0.1:9080 … 9083" };
    /// What a request may take, from its arrival to its answer, unless the caller gives less.
    REQUEST_TIMEOUT_MS { takes: MILLIS, default: "10000", unit: "ms" };
    /// What requests in flight are given when the process stops.
    DRAIN_TIMEOUT_MS { takes: MILLIS, default: "10000", unit: "ms" };
    /// How many requests are worked on at once; more are answered 503 ([LIMITS.md](LIMITS.md)). `/metrics` and health are not
    /// among them.
    MAX_IN_FLIGHT { takes: "a whole number from 1 to 100000", without: "256 for each processor" };
    /// How many connections to the API may be open; more are closed at once.
    MAX_CONNECTIONS {
        takes: "a whole number from 1 to 1000000",
        without: "half of the files that the process may open, at most 10000",
    };
    /// What one call to another service may take (gateway, order).
    PEER_TIMEOUT_MS { takes: MILLIS, without: "10000 (gateway), 3000 (order)", unit: "ms" };
    /// The order service (of the gateway).
    ORDER_URL { takes: BASE_URL, default: "http://127.0.0.1:8081", secret: Secret::Password };
    /// The payment service (of the order service).
    PAYMENT_URL { takes: BASE_URL, default: "http://127.0.0.1:8082", secret: Secret::Password };
    /// The inventory service (of the gateway and the order service).
    INVENTORY_URL { takes: BASE_URL, default: "http://127.0.0.1:8083", secret: Secret::Password };
    /// What a service keeps (all but the gateway). A PostgreSQL server elsewhere should have to prove who it is, to the
    /// system's certificates or those of a file: `?sslmode=verify-full`, `&sslrootcert=/path`.
    DATABASE_URL {
        takes: "sqlite:data/name.db (the path of a file) or postgres://user:password@host:5432/name",
        without: "sqlite:data/<service>.db",
        secret: Secret::Password,
    };
    /// Who brings its tables up to date: each process at its start, or a job beforehand (`waybill-order migrate`), so
    /// that a process only looks whether they are there.
    MIGRATIONS { takes: "start or job", default: "start" };
    /// Where the order service delivers events, and the inventory service takes them.
    EVENTS_URL {
        takes: "a CloudEvents receiver such as http://127.0.0.1:8083/events, or nats://127.0.0.1:4222",
        default: "http://127.0.0.1:8083/events",
        secret: Secret::Password,
    };
    /// How often an event is refused before it is a dead letter (order; inventory with `nats://`). With the default that
    /// is after more than half an hour.
    EVENT_ATTEMPTS { takes: "a whole number from 1 to 1000", default: "20" };
    /// On how many servers of a NATS cluster each event is kept. The stream is made with it; afterwards
    /// `nats stream edit` changes it.
    EVENTS_REPLICAS { takes: "a whole number from 1 to 5", default: "1" };
    /// Set to anything: stop at the end of standard input, which is also when the process that started this one is killed.
    STOP_WITH_STDIN { takes: "anything" };
}
