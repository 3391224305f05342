//! For tests only: everything around a program under test, held in the test's hand.
//!
//! | what | stands for |
//! |---|---|
//! | [`OtlpSink`] | a trace backend: OTLP over gRPC and HTTP |
//! | [`LogSink`] | a receiver of JSON lines over TCP |
//! | [`Peer`] | a neighbouring HTTP service that answers what the test says |
//! | [`Process`] | a program as a child process |
//! | [`eventually`] | waiting for a condition, with a bound |
//!
//! Each backend serves on a thread of its own, can go away and come back on the same port, and can misbehave.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that cannot help fails its test on the spot"
)]

mod lines;
mod otlp;
mod peer;
mod process;
mod server;
mod wait;

pub use lines::{Line, LogSink};
pub use otlp::OtlpSink;
pub use peer::{Answer, Peer, Received};
pub use process::{Process, built, free_port};
pub use wait::{PATIENCE, eventually};

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
