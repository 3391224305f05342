//! The order service: owns orders and takes each one through reserve, save, charge, confirm.
//!
//! | module | what |
//! |---|---|
//! | [`config`] | settings, checked at the start |
//! | [`http`] | routes, handlers |
//! | [`place`] | the order saga |
//! | [`domain`] | an order's states and what it costs |
//! | [`store`] | the only SQL |
//! | [`clients`] | the inventory and payment services |
//! | [`events`] | the relay that publishes `order-events` from the outbox |

pub mod clients;
pub mod config;
pub mod domain;
pub mod events;
pub mod http;
mod metrics;
pub mod place;
pub mod store;

use clients::{InventoryClient, PaymentClient};
use config::Config;
use events::Relay;
use metrics::OrderMetrics;
use place::Placer;
use service_kit::{
    admin::{self, Health, Readiness},
    edge, peer,
    process::RunError,
    server::{self, Listeners},
    shutdown::Shutdown,
};
use std::sync::Arc;
use store::Store;
use telemetry::Telemetry;

/// `service.name`.
pub const SERVICE: &str = "order-service";

/// Runs until `shutdown`: requests are drained first, then the relay stops.
pub async fn run(
    config: Config,
    listeners: Listeners,
    telemetry: Telemetry,
    shutdown: Shutdown,
) -> Result<(), RunError> {
    let store = Store::open(&config.database, &telemetry).await?;
    let (relay, outbox) = Relay::new(&config, store.clone())?;
    let http_client = peer::http_client(&telemetry)?;
    let placer = Arc::new(Placer {
        inventory: InventoryClient::new(&config, &http_client),
        payment: PaymentClient::new(&config, &http_client),
        metrics: OrderMetrics::new(telemetry.metrics()),
        store: store.clone(),
        outbox,
    });
    let readiness = Readiness::default();
    let app = http::App { placer, store: store.clone(), telemetry: telemetry.clone() };
    let api = edge::harden(http::router(app), &telemetry, http::OPERATIONS, config.server.request_timeout);
    let admin = admin::router(&telemetry, &readiness, StoreHealth(store.clone()));

    let (relay_trigger, relay_stop) = Shutdown::by_hand();
    let relay = tokio::spawn(relay.run(relay_stop));
    server::serve(listeners, api, admin, readiness, shutdown, config.server.drain_timeout).await?;
    relay_trigger.stop();
    if relay.await.is_err() {
        tracing::warn!("the relay broke off; its events stay in the outbox");
    }
    store.close().await;
    Ok(())
}

struct StoreHealth(Store);

impl Health for StoreHealth {
    async fn check(&self) -> Result<(), String> {
        self.0.check().await
    }
}
