//! The gateway over HTTP, from outside, with stand-ins for the services behind it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod access;
mod app;
mod batch;
mod browsers;
mod cancel;
mod errors;
mod limits;
mod list;
mod manner;
mod openapi;
mod orders;
mod products;
