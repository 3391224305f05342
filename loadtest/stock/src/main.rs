//! Four tiny services whose telemetry can be taken out and put in another way: what `loadtest overhead --arms peer`
//! compares.
//!
//!     TELEMETRY=none|ours|stock stock inventory|payment|order|gateway
//!
//! | module | |
//! |---|---|
//! | [`hops`] | the work, the same for all: an order goes through the gateway to three more services |
//! | [`client`] | how one calls the next |
//! | [`telemetry`] | where the three ways part |
//! | [`stock`] | telemetry as the pages of the usual crates show it, with what that costs |
//! | [`ours`] | the same spans, lines and metrics with the `telemetry` crate |
//!
//! Everything is configured by the variables of the platform's services (docs/CONFIGURATION.md). They stop when their
//! standard input ends.

mod client;
mod hops;
mod ours;
mod stock;
mod telemetry;

use crate::{hops::Hop, telemetry::Telemetry};
use axum::{Router, routing::get, serve::ListenerExt};
use std::{env, error::Error, io};
use tokio::{net::TcpListener, sync::oneshot};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let name = env::args().nth(1).unwrap_or_default();
    let hop = Hop::named(&name).ok_or("which one: inventory, payment, order or gateway?")?;
    let telemetry = Telemetry::start(hop)?;
    let api = hops::router(hop, &telemetry)?;
    let metrics = telemetry.clone();
    let admin = Router::new()
        .route("/readyz", get(|| async {}))
        .route("/metrics", get(move || async move { metrics.exposition() }));
    let admin_listener = TcpListener::bind(env::var("ADMIN_ADDR")?).await?;
    let api_listener = TcpListener::bind(env::var("LISTEN_ADDR")?).await?.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    tokio::spawn(axum::serve(admin_listener, admin).into_future());
    axum::serve(api_listener, api).with_graceful_shutdown(end_of_input()).await?;
    telemetry.stop().await;
    Ok(())
}

/// A thread of its own: a blocking read inside the runtime would hold up the runtime's end.
async fn end_of_input() {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = sender.send(());
    });
    let _ = receiver.await;
}
