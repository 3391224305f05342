//! Settings, read from the environment.

use std::time::Duration;

use http::Uri;
use service_kit::access::{Access, Door};
use service_kit::config::variables::{INVENTORY_URL, ORDER_URL, PEER_TIMEOUT_MS};
use service_kit::config::{ServerConfig, base_url, millis};
use service_kit::process::ServiceConfig;
use telemetry::env::{Variable, parse};
use telemetry::{ConfigError, Env};

pub use crate::cors::Origins;
pub use crate::limits::RateLimits;

telemetry::variables! {
    /// The origins whose pages may ask from a browser.
    CORS_ORIGINS { takes: "origins such as https://shop.example, comma separated", without: "none" };
    /// How many requests a customer may make, on average; an address may make four times as many. Every order of a
    /// batch counts ([LIMITS.md](LIMITS.md)).
    RATE_LIMIT {
        takes: "a number of requests and a time, such as 50/s or 600/m, or off",
        without: "50/s; off on a loopback address without keys",
    };
    /// How many of them a customer may make at once, after a rest.
    RATE_LIMIT_BURST { takes: "a whole number from 1 to 1000000", default: "100" };
    /// The proxies and balancers before the gateway: they say whose requests they bring (`X-Forwarded-For`,
    /// `Forwarded`).
    TRUSTED_PROXIES { takes: "networks such as 10.0.0.0/8, comma separated", without: "none" };
}

/// What the gateway can be told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses and times.
    pub server: ServerConfig,
    /// `AUTH`, `AUTH_JWKS` and what goes with them: who may come in.
    pub access: Access,
    /// `ORDER_URL`: the order service.
    pub order_url: Uri,
    /// `INVENTORY_URL`: the inventory service, for the catalogue.
    pub inventory_url: Uri,
    /// `PEER_TIMEOUT_MS`: the most one call may take.
    pub peer_timeout: Duration,
    /// `CORS_ORIGINS`: the origins whose pages may ask from a browser.
    pub cors_origins: Option<Origins>,
    /// `RATE_LIMIT`, `RATE_LIMIT_BURST`, `TRUSTED_PROXIES`: how often a client may ask.
    pub rate_limits: RateLimits,
}

impl ServiceConfig for Config {
    const VARIABLES: &'static [Variable] = VARIABLES;

    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let server = ServerConfig::from_env(env, 8080, 9080)?;
        Ok(Self {
            access: Access::from_env(env, Door::Users, &server)?,
            rate_limits: RateLimits::from_env(env, &server)?,
            server,
            order_url: env.read(&ORDER_URL, base_url)?,
            inventory_url: env.read(&INVENTORY_URL, base_url)?,
            peer_timeout: env.read_or(&PEER_TIMEOUT_MS, "10000", millis)?,
            cors_origins: env.optional(&CORS_ORIGINS, parse::value)?,
        })
    }

    fn server(&self) -> &ServerConfig {
        &self.server
    }
}
