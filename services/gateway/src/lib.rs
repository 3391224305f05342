//! The gateway: the one public door. It checks what comes in and passes on what is sound; it keeps nothing.
//!
//! | module | what is there |
//! |---|---|
//! | [`config`] | settings |
//! | `http` | routes, and what a request becomes |
//! | `place`, `batch`, `list` | the use cases: have an order placed, or many; find orders |
//! | `manner` | how a client wants its order to be placed |
//! | `clients` | the services it calls |

mod batch;
mod clients;
pub mod config;
mod http;
mod list;
mod manner;
mod place;

use service_kit::admin::{self, Readiness};
use service_kit::edge;
use service_kit::process::RunError;
use service_kit::server::{self, Listeners};
use service_kit::shutdown::Shutdown;
use telemetry::Telemetry;

use crate::clients::Clients;
use crate::config::Config;

/// The service's name in telemetry (`service.name`).
pub const SERVICE: &str = "api-gateway";

/// Serves until `shutdown`, then drains. Tests start what production starts.
pub async fn run(
    config: Config,
    listeners: Listeners,
    telemetry: Telemetry,
    shutdown: Shutdown,
) -> Result<(), RunError> {
    let gateway = http::Gateway { clients: Clients::new(&config, &telemetry), telemetry: telemetry.clone() };
    let readiness = Readiness::default();
    let admin = admin::router(&telemetry, &readiness, ());
    let timeout = config.server.request_timeout;
    let api = edge::harden(http::router(gateway), &telemetry, http::OPERATIONS, timeout);
    Ok(server::serve(listeners, api, admin, readiness, shutdown, config.server.drain_timeout).await?)
}
