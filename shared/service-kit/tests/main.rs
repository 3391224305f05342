//! The edge and the start of a service, seen from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod access;
mod app;
mod cloudevents;
mod config;
mod edge;
mod health;
mod limits;
mod peer;
mod postgres;
mod report;
mod schema;
mod server;
mod sqlite;
mod wire;
