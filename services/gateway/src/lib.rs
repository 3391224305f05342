//! The gateway: the one public door. It checks what comes in and passes on what is sound; it keeps nothing.
//!
//! | module | what is there |
//! |---|---|
//! | [`config`] | settings |
//! | `http` | routes, and what a request becomes |
//! | `place`, `batch`, `list` | the use cases: have an order placed, or many; find orders |
//! | `manner` | how a client wants its order to be placed |
//! | `access` | whose orders a request may touch |
//! | `limits` | how often a client may ask |
//! | `cors`, `headers` | what browsers are told: who may ask from another origin, what they may do with answers |
//! | `openapi` | the public API described: `/api/openapi.json`, `/docs` |
//! | `clients` | the services it calls |

mod access;
mod batch;
mod clients;
pub mod config;
mod cors;
mod headers;
mod http;
mod limits;
mod list;
mod manner;
mod openapi;
mod place;

use axum::Router;
use service_kit::access as doors;
use service_kit::admin::{self, Readiness};
use service_kit::edge;
use service_kit::process::RunError;
use service_kit::server::{self, Listeners, Terms};
use service_kit::shutdown::Shutdown;
use telemetry::Telemetry;
use tower::util::MapResponseLayer;

use crate::clients::Clients;
use crate::config::{Config, Origins};
use crate::limits::Limits;

/// The service's name in telemetry (`service.name`).
pub const SERVICE: &str = "api-gateway";

/// Serves until `shutdown`, then drains. Tests start what production starts.
pub async fn run(
    config: Config,
    listeners: Listeners,
    telemetry: Telemetry,
    shutdown: Shutdown,
) -> Result<(), RunError> {
    let guard = config.access.guard(SERVICE, &telemetry);
    let gateway =
        http::Gateway { clients: Clients::new(&config, &telemetry, &guard), telemetry: telemetry.clone() };
    let readiness = Readiness::default();
    let admin = admin::router(&telemetry, &readiness, &guard, ());
    let terms = terms(&config, &telemetry);
    let limits = Limits::new(&config.rate_limits, &terms.refusals);
    let routes = limits::of_customers(http::router(gateway), limits.as_ref());
    let timeout = config.server.request_timeout;
    let api = edge::harden(doors::users(routes, &guard), &telemetry, http::OPERATIONS, timeout);
    let api = for_browsers(limits::of_addresses(api, limits.as_ref()), config.cors_origins);
    Ok(server::serve(listeners, api, admin, readiness, shutdown, terms).await?)
}

/// At home one client is all clients; elsewhere none may take all the connections there are.
fn terms(config: &Config, telemetry: &Telemetry) -> Terms {
    let mut terms = Terms::new(&config.server, telemetry);
    if !config.server.listen.ip().is_loopback() {
        terms.limits = terms.limits.shared_among_addresses(config.rate_limits.proxies.clone());
    }
    terms
}

/// Outside every layer: their refusals say it too, and a preflight has no token, no trace and no part in any limit. What
/// the server refuses before it asks the router (`service_kit::server`) has headers of its own.
fn for_browsers(api: Router, origins: Option<Origins>) -> Router {
    let api = match origins {
        Some(origins) => cors::around(api, origins),
        None => api,
    };
    api.layer(MapResponseLayer::new(headers::add))
}
