//! The inventory service: the catalogue, the stock, and what is put aside for orders.
//!
//! | module | what is there |
//! |---|---|
//! | [`config`] | settings |
//! | `http` | routes, and what a request becomes |
//! | `reserve`, `release`, `commit` | the use cases |
//! | `events` | `order-events` that come in |
//! | `domain` | a reservation's states and what may follow on what |
//! | `store` | the only SQL |
//! | `health` | readiness, and the stock as a metric |

mod commit;
pub mod config;
mod domain;
mod events;
mod health;
mod http;
mod release;
mod reserve;
mod store;

use axum::middleware::map_request;
use service_kit::admin::{self, Readiness};
use service_kit::cloudevents;
use service_kit::edge;
use service_kit::process::RunError;
use service_kit::server::{self, Listeners};
use service_kit::shutdown::Shutdown;
use service_kit::sqlite::Sqlite;
use telemetry::Telemetry;

use crate::config::Config;
use crate::health::StockHealth;
use crate::store::Store;

/// The service's name in telemetry (`service.name`).
pub const SERVICE: &str = "inventory-service";

/// Serves until `shutdown`, then drains. Tests start what production starts.
pub async fn run(
    config: Config,
    listeners: Listeners,
    telemetry: Telemetry,
    shutdown: Shutdown,
) -> Result<(), RunError> {
    let store = Store::new(Sqlite::open(&config.database, &store::MIGRATOR).await?, &telemetry);
    let readiness = Readiness::default();
    let admin = admin::router(&telemetry, &readiness, StockHealth::new(&telemetry, store.clone()));
    let timeout = config.server.request_timeout;
    let api = edge::harden(http::router(store.clone()), &telemetry, http::OPERATIONS, timeout)
        .layer(map_request(|request| async { cloudevents::trace_of_event(request) }));
    server::serve(listeners, api, admin, readiness, shutdown, config.server.drain_timeout).await?;
    store.close().await;
    Ok(())
}
