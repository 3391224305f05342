//! The embedded telemetry backend and central logging service.
//!
//! ```text
//! OTLP gRPC ─┐
//! OTLP HTTP ─┤
//! lines TCP ─┼─ ingest ── queue ── writer ── store ─┐
//! lines UDP ─┤          (bounded) (a thread)        ├─ page (for people), api (for programs)
//! lines HTTP ┘                                      │
//! services' /metrics ── scrape ─────────────────────┘
//! ```
//!
//! Telemetry is taken or refused, and counted either way; it is never lost silently, and memory does not grow
//! with what senders do. The observatory does not trace itself, and imports none of the services' code: it
//! knows them by what they send.

mod api;
mod config;
mod decode;
mod ingest;
mod metrics;
pub mod model;
pub mod openmetrics;
pub mod page;
mod queue;
mod say;
pub mod scrape;
mod serve;
mod stop;
pub mod store;
mod writer;

use axum::extract::FromRef;

pub use config::{BindError, Config, ConfigError, Data};
pub use serve::{Listeners, RunError, run};

/// What every handler of the page and the API can reach.
#[derive(Clone)]
pub struct AppState {
    /// Spans, log lines and orders.
    pub store: store::Store,
    /// Series scraped from the services.
    pub scraped: scrape::Scraped,
    intake: ingest::Intake,
}

impl FromRef<AppState> for ingest::Intake {
    fn from_ref(state: &AppState) -> Self {
        state.intake.clone()
    }
}
