//! The telemetry crate from outside: a small HTTP service of its own, asked over a socket.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs
)]

mod app;
mod context;
mod emitter;
mod export;
mod failures;
mod logs;
mod metrics;
mod task;
mod zipkin;
