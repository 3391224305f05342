//! The inventory service over HTTP, from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod app;
mod catalogue;
mod contract;
mod events;
mod expiry;
mod migrations;
mod nats;
mod process;
mod reservations;
mod telemetry_of_it;
