//! The order service over HTTP, with scripted neighbours.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs
)]

mod app;
mod audit;
mod events;
mod failures;
mod inputs;
mod migration;
mod nats;
mod neighbours;
mod outbox;
mod owner;
mod place;
mod relay;
mod saga;
mod store;
