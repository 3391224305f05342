//! The platform from outside. See the crate's documentation for how it is started.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs
)]

mod configuration;
mod context;
mod errors;
mod failures;
mod layers;
mod observatory;
mod one_order;
mod privacy;
mod resilience;
mod shutdown;
mod terminal;
mod up;
