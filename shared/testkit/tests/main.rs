//! The helpers that are programs of their own are what they say.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test that panics has failed"
)]

mod balancer;
mod lossy_proxy;
mod nats;
mod postgres;
