//! Traces, logs and metrics that lead to one another.
//!
//! One call at the start of a process ([`init`]) sets everything up, one call at its end
//! ([`Telemetry::shutdown`]) flushes in order and says what was lost. Between the two a service uses:
//!
//! | module | for |
//! |---|---|
//! | [`http_server`] | one tower layer: context in, server span, duration with exemplar, the one error line |
//! | [`http_client`] | hyper's pooled client: client span for each attempt, context out, duration with exemplar |
//! | [`db`], [`messaging`], [`task`] | spans for database transactions, messages, spawned work |
//! | [`span`] | what a handler says about the span it runs in |
//! | [`metrics`] | OpenMetrics instruments that attach the current trace id as exemplar by themselves |
//! | [`propagation`] | W3C Trace Context and Baggage in headers, messages and database rows |
//! | [`audit`] | who did what, in entries that cannot be changed unseen |
//! | [`redact`] | card numbers out of every signal, customer ids as keyed hashes |
//!
//! Log lines are plain `tracing` events (`tracing::info!`). The OpenTelemetry SDK is named in this crate only.

pub mod audit;
pub mod config;
pub mod db;
mod direct;
pub mod env;
mod hex;
pub mod http_client;
pub mod http_server;
mod in_span;
mod init;
mod log;
pub mod messaging;
pub mod metrics;
pub mod names;
mod pipeline;
pub mod propagation;
mod queue;
pub mod redact;
pub mod span;
pub mod task;
#[cfg(feature = "testing")]
pub mod testing;
mod trace;

pub use config::Config;
pub use env::{ConfigError, Env};
pub use init::{LossReport, Telemetry, init};
