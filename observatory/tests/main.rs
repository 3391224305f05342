//! The observatory from outside: what goes in over a socket comes out of the query API.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub
)]

mod alerts;
mod door;
mod events;
mod garbage;
mod intake;
mod jaeger;
mod life;
mod lines;
mod logs;
mod openmetrics;
mod orders;
mod otlp_grpc;
mod otlp_http;
mod overload;
mod page;
mod scrape;
mod support;
