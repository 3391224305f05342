//! The embedded telemetry backend and central logging service.
//!
//! ```text
//! OTLP gRPC ─┐
//! OTLP HTTP ─┤
//! lines TCP ─┼─ ingest ── queue ── join ── writer ── store ─┐
//! lines UDP ─┤  (limit) (bounded)   (one thread)            ├─ page (for people), api (for programs)
//! lines HTTP ┘                                              │
//! services' /metrics ── scrape ─────────────────────────────┘
//! ```
//!
//! A line is a log line or a session event (`ingest::record`); `join` finds the session of an event that names only a
//! user or a terminal; `limit` keeps one sender from taking the room of all. `alerts` counts what passes the writer.
//!
//! Telemetry is taken or refused, and counted either way; it is never lost silently, and memory does not grow
//! with what senders do. The observatory does not trace itself, and imports none of the services' code: it
//! knows them by what they send.

mod alerts;
mod api;
mod config;
mod decode;
mod door;
mod ingest;
mod join;
mod metrics;
pub mod model;
pub mod openmetrics;
pub mod page;
mod queue;
mod recent;
mod say;
pub mod scrape;
mod serve;
mod stop;
pub mod store;
mod user_key;
mod writer;

use axum::extract::FromRef;

pub use alerts::{Clock, Rules};
pub use config::{BindError, Config, ConfigError, Data, Hidden, VARIABLES, Variable};
pub use door::Door;
pub use serve::{Listeners, RunError, run};

/// What every handler of the page and the API can reach.
#[derive(Clone)]
pub struct AppState {
    /// Spans, log lines and orders.
    pub store: store::Store,
    /// Series scraped from the services.
    pub scraped: scrape::Scraped,
    intake: ingest::Intake,
    alerts: alerts::Alerts,
}

impl FromRef<AppState> for ingest::Intake {
    fn from_ref(state: &AppState) -> Self {
        state.intake.clone()
    }
}
