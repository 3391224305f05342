//! The platform as its users see it: started as processes, asked over sockets. The tests are in `tests/`.
//!
//! `cargo test --workspace` builds the `waybill` binary that they start. A test names what it needs in
//! [`Settings`] and gets a [`Stack`] of its own; tests that only look share one, see [`Stack::shared`]. What is true on every stack is
//! tested through [`Backends`], on a real one if the environment names it: `scripts/real-backends` does that.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper that cannot help fails its test on the spot"
)]

mod backends;
mod books;
mod client;
pub mod dashboards;
mod database;
mod expected;
mod jaeger;
mod openmetrics;
pub mod repository;
mod shop;
mod stack;

pub use backends::{Backends, Need, Prometheus, SLOW};
pub use books::Stock;
pub use client::{Answered, CARD, CUSTOMER, DECLINED_CARD, EARL_GREY, NOT_IN_STOCK, new_order};
pub use database::Database;
pub use expected::{CONFIRMED_LINES, CONFIRMED_TREE, DECLINED_LINES, DECLINED_TREE, spans_in};
pub use openmetrics::{Exposition, Sample};
pub use shop::{Kind, Placed, Shop};
pub use stack::{AUDIT_KEY, Databases, Network, SERVICES, Settings, Stack};
