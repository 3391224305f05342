//! The payment service over HTTP, from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod app;
mod charges;
mod contract;
mod migrations;
mod race;
mod refunds;
mod telemetry_of_it;
