//! Settings of the order service.

use reqwest::Url;
use service_kit::{
    config::{ServerConfig, millis, peer_url},
    process::ServiceConfig,
    sqlite::DatabaseUrl,
};
use std::time::Duration;
use telemetry::{ConfigError, Env};

/// All of them.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens and how long it waits.
    pub server: ServerConfig,
    /// `DATABASE_URL`.
    pub database: DatabaseUrl,
    /// `INVENTORY_URL`.
    pub inventory: Url,
    /// `PAYMENT_URL`.
    pub payment: Url,
    /// `EVENTS_URL`: where order events are delivered.
    pub events: Url,
    /// `PEER_TIMEOUT_MS`: what one call to another service may take.
    pub peer_timeout: Duration,
}

impl ServiceConfig for Config {
    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            server: ServerConfig::from_env(env, 8081, 9081)?,
            database: DatabaseUrl::from_env(env, "sqlite:data/order.db")?,
            inventory: peer_url(env, "INVENTORY_URL", 8083)?,
            payment: peer_url(env, "PAYMENT_URL", 8082)?,
            events: events_url(env)?,
            peer_timeout: millis(env, "PEER_TIMEOUT_MS", Duration::from_secs(3))?,
        })
    }

    fn server(&self) -> &ServerConfig {
        &self.server
    }
}

fn events_url(env: &Env) -> Result<Url, ConfigError> {
    const NAME: &str = "EVENTS_URL";
    let held = env.get(NAME).unwrap_or("http://127.0.0.1:8083/events");
    match Url::parse(held) {
        Ok(url) if url.scheme() == "http" && url.has_host() && url.password().is_none() => Ok(url),
        _ => Err(ConfigError::secret(
            NAME,
            "the URL of a CloudEvents receiver such as http://127.0.0.1:8083/events",
        )),
    }
}
