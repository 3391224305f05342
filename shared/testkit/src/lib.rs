//! For tests only: everything around a program under test, held in the test's hand.
//!
//! | what | stands for |
//! |---|---|
//! | [`OtlpSink`] | a trace backend: OTLP over gRPC and HTTP |
//! | [`LogSink`] | a receiver of JSON lines over TCP |
//! | [`listed`] | the list of signals, as a judge of what came |
//! | [`Peer`] | a neighbouring HTTP service that answers what the test says |
//! | [`LossyProxy`] | a network that loses answers |
//! | [`Balancer`] | a load balancer before several instances |
//! | [`Process`] | a program as a child process |
//! | [`Database`] | a database of each kind, and `on_each_database!` |
//! | [`Postgres`] | a real PostgreSQL, with a database for each test |
//! | [`Nats`] | a real NATS server with JetStream |
//! | [`eventually`] | waiting for a condition, with a bound |
//!
//! Each backend serves on a thread of its own, can go away and come back on the same port, and can misbehave.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that cannot help fails its test on the spot"
)]

mod balancer;
mod daemon;
mod database;
mod lines;
pub mod listed;
mod lossy_proxy;
mod nats;
mod otlp;
mod peer;
mod postgres;
mod process;
mod server;
mod wait;

pub use balancer::Balancer;
pub use database::Database;
pub use lines::{Line, LogSink};
pub use lossy_proxy::{Asked, LossyProxy};
pub use nats::Nats;
pub use otlp::{Attempt, OtlpSink, Verdict};
pub use peer::{Answer, Peer, Received};
pub use postgres::Postgres;
pub use process::{Process, built, free_port};
pub use wait::{PATIENCE, eventually, eventually_within};

/// What a backend does with what comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// Takes it.
    #[default]
    Takes,
    /// Says no at once.
    Refuses,
    /// Takes the connection and never answers or reads.
    Hangs,
}
