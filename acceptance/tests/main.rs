//! The platform from outside. See the crate's documentation for how it is started.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs
)]

mod access;
mod any_stack;
mod audit;
mod batch;
mod cancel;
mod concurrency;
mod configuration;
mod context;
mod crashes;
mod customers;
mod dependencies;
mod errors;
mod failures;
mod idempotency;
mod later;
mod layers;
mod limits;
mod lists;
mod lost_answers;
mod migration;
mod observatory;
mod one_order;
mod privacy;
mod references;
mod registry;
mod resilience;
mod resumed;
mod shutdown;
mod terminal;
mod up;
