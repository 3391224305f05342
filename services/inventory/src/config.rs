//! Settings, read from the environment.

use std::time::Duration;

use service_kit::config::{ServerConfig, millis};
use service_kit::database::DatabaseUrl;
use service_kit::events::EventsUrl;
use service_kit::process::ServiceConfig;
use telemetry::{ConfigError, Env};

/// What the inventory service can be told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses and times.
    pub server: ServerConfig,
    /// `DATABASE_URL`: stock and reservations.
    pub database: DatabaseUrl,
    /// `EVENTS_URL`: with `nats://` order events are fetched there; else they come to `POST /events`.
    pub events: EventsUrl,
    /// `RESERVATION_TTL_MS`: how long stock is put aside for an order that is not confirmed.
    pub reservation_ttl: Duration,
}

impl ServiceConfig for Config {
    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            server: ServerConfig::from_env(env, 8083, 9083)?,
            database: DatabaseUrl::from_env(env, "sqlite:data/inventory.db")?,
            events: EventsUrl::from_env(env)?,
            reservation_ttl: millis(env, "RESERVATION_TTL_MS", Duration::from_mins(15))?,
        })
    }

    fn server(&self) -> &ServerConfig {
        &self.server
    }
}
