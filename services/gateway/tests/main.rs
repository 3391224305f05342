//! The gateway over HTTP, from outside, with stand-ins for the services behind it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod app;
mod batch;
mod cancel;
mod errors;
mod list;
mod manner;
mod orders;
mod products;
