//! The payment service: charges cards through a processor, once for each order, and takes charges back.
//!
//! | module | what is there |
//! |---|---|
//! | [`config`] | settings |
//! | `http` | routes, and what a request becomes |
//! | [`cashier`] | what the use cases work with: `charge`, `refund` |
//! | [`domain`] | how a charge can end |
//! | [`processor`] | the card processor: the port, and the simulated one |
//! | [`store`] | the only SQL |

pub mod cashier;
mod charge;
pub mod config;
pub mod domain;
mod http;
pub mod processor;
mod refund;
pub mod store;

use std::sync::Arc;

use service_kit::access;
use service_kit::admin::{self, Health, Readiness};
use service_kit::edge;
use service_kit::process::RunError;
use service_kit::server::{self, Listeners, Terms};
use service_kit::shutdown::Shutdown;
use telemetry::Telemetry;

use crate::cashier::Cashier;
use crate::config::Config;
use crate::processor::Simulated;
use crate::store::Store;

/// The service's name in telemetry (`service.name`).
pub const SERVICE: &str = "payment-service";

/// Serves until `shutdown`, then drains. Tests start what production starts.
pub async fn run(
    config: Config,
    listeners: Listeners,
    telemetry: Telemetry,
    shutdown: Shutdown,
) -> Result<(), RunError> {
    let store = Store::open(&config.database, &telemetry).await?;
    let guard = config.access.guard(SERVICE, &telemetry);
    let readiness = Readiness::default();
    let admin = admin::router(&telemetry, &readiness, &guard, store.clone());
    let cashier = Cashier::new(store.clone(), Arc::new(Simulated), &telemetry);
    let timeout = config.server.request_timeout;
    let api =
        edge::harden(access::services(http::router(cashier), &guard), &telemetry, http::OPERATIONS, timeout);
    let terms = Terms::new(&config.server, &telemetry);
    server::serve(listeners, api, admin, readiness, shutdown, terms).await?;
    store.close().await;
    Ok(())
}

impl Health for Store {
    async fn check(&self) -> Result<(), String> {
        Store::check(self).await
    }
}
