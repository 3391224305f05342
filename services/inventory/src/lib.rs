//! The inventory service: the catalogue, the stock, and what is put aside for orders.
//!
//! | module | what is there |
//! |---|---|
//! | [`config`] | settings |
//! | `http` | routes, and what a request becomes |
//! | `reserve`, `release`, `sell`, `take_back`, `expire` | the use cases |
//! | `events` | `order-events` that come in |
//! | [`domain`] | a reservation's states and what may follow on what |
//! | [`store`] | the only SQL |
//! | `health` | readiness, and the stock as a metric |

pub mod config;
pub mod domain;
mod events;
mod expire;
mod health;
mod http;
mod release;
mod reserve;
mod sell;
pub mod store;
mod take_back;

use api::event::CloudEvent;
use axum::middleware::map_request;
use service_kit::access;
use service_kit::admin::{self, Readiness};
use service_kit::cloudevents;
use service_kit::edge;
use service_kit::events::EventsUrl;
use service_kit::events::nats::{self, NatsServer};
use service_kit::process::RunError;
use service_kit::server::{self, Listeners, Terms};
use service_kit::shutdown::Shutdown;
use telemetry::Telemetry;
use tokio::task::JoinSet;

use crate::config::Config;
use crate::expire::Expiry;
use crate::health::StockHealth;
use crate::http::Stock;
use crate::store::Store;

/// The service's name in telemetry (`service.name`).
pub const SERVICE: &str = "inventory-service";

/// Serves until `shutdown`, then drains: requests first, then what works in the background.
pub async fn run(
    config: Config,
    listeners: Listeners,
    telemetry: Telemetry,
    shutdown: Shutdown,
) -> Result<(), RunError> {
    let store = Store::open(&config.database, &telemetry).await?;
    let guard = config.access.guard(SERVICE, &telemetry);
    let readiness = Readiness::default();
    let admin = admin::router(&telemetry, &readiness, &guard, StockHealth::new(&telemetry, store.clone()));
    let stock = Stock { store: store.clone(), reservation_ttl: config.reservation_ttl };
    let timeout = config.server.request_timeout;
    let api =
        edge::harden(access::services(http::router(stock), &guard), &telemetry, http::OPERATIONS, timeout)
            .layer(map_request(|request| async { cloudevents::trace_of_event(request) }));
    let terms = Terms::new(&config.server, &telemetry);

    let mut background = JoinSet::new();
    let expiry = Expiry::new(store.clone(), config.reservation_ttl, &telemetry);
    background.spawn(expiry.run(shutdown.clone()));
    if let EventsUrl::Nats(server) = config.events {
        background.spawn(consume(server, store.clone(), telemetry, shutdown.clone()));
    }
    server::serve(listeners, api, admin, readiness, shutdown, terms).await?;
    while background.join_next().await.is_some() {}
    store.close().await;
    Ok(())
}

/// Order events from NATS, until `shutdown`.
async fn consume(server: NatsServer, store: Store, telemetry: Telemetry, shutdown: Shutdown) {
    let handle = move |event: CloudEvent| {
        let store = store.clone();
        async move { events::handle(&store, &event).await }
    };
    nats::consume(&server, &telemetry, events::DURABLE, handle, shutdown).await;
}
