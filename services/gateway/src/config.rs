//! Settings, read from the environment.

use std::time::Duration;

use http::Uri;
use service_kit::config::{ServerConfig, millis, peer_url};
use service_kit::process::ServiceConfig;
use telemetry::{ConfigError, Env};

/// What the gateway can be told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses and times.
    pub server: ServerConfig,
    /// `ORDER_URL`: the order service.
    pub order_url: Uri,
    /// `INVENTORY_URL`: the inventory service, for the catalogue.
    pub inventory_url: Uri,
    /// `PEER_TIMEOUT_MS`: the most one call may take.
    pub peer_timeout: Duration,
}

impl ServiceConfig for Config {
    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            server: ServerConfig::from_env(env, 8080, 9080)?,
            order_url: peer_url(env, "ORDER_URL", 8081)?,
            inventory_url: peer_url(env, "INVENTORY_URL", 8083)?,
            peer_timeout: millis(env, "PEER_TIMEOUT_MS", Duration::from_secs(10))?,
        })
    }

    fn server(&self) -> &ServerConfig {
        &self.server
    }
}
