//! The telemetry crate from outside: a small HTTP service of its own, asked over a socket.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs
)]

/// Tests that hold on both pipelines: each takes the pipeline's name.
macro_rules! on_both_pipelines {
    ($($test:ident),* $(,)?) => {
        mod on {
            mod standard { $(#[tokio::test] async fn $test() { super::super::$test("standard").await; })* }
            mod direct { $(#[tokio::test] async fn $test() { super::super::$test("direct").await; })* }
        }
    };
}

mod answers;
mod app;
mod context;
mod emitter;
mod export;
mod failures;
mod log_context;
mod log_files;
mod log_sampling;
mod log_shipping;
mod logs;
mod metrics;
mod pipelines;
mod redaction;
mod task;
mod zipkin;
