//! Settings, read from the environment.

use std::time::Duration;

use service_kit::access::{Access, Door};
use service_kit::config::{ServerConfig, millis};
use service_kit::database::{DatabaseUrl, Schema};
use service_kit::events::EventsUrl;
use service_kit::process::ServiceConfig;
use telemetry::env::Variable;
use telemetry::{ConfigError, Env};

use crate::store::SCHEMA;

telemetry::variables! {
    /// How long stock is put aside for an order that is not confirmed.
    RESERVATION_TTL_MS { takes: "a whole number of milliseconds from 1 to 3600000", default: "900000", unit: "ms" };
}

/// `DATABASE_URL` when it is not set.
const DATABASE: &str = "sqlite:data/inventory.db";

/// What the inventory service can be told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses and times.
    pub server: ServerConfig,
    /// `SERVICE_KEY`, `AUTH` and what goes with them: who may come in.
    pub access: Access,
    /// `DATABASE_URL`: stock and reservations.
    pub database: DatabaseUrl,
    /// `EVENTS_URL`: with `nats://` order events are fetched there; else they come to `POST /events`.
    pub events: EventsUrl,
    /// `RESERVATION_TTL_MS`: how long stock is put aside for an order that is not confirmed.
    pub reservation_ttl: Duration,
}

impl ServiceConfig for Config {
    const VARIABLES: &'static [Variable] = VARIABLES;

    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let server = ServerConfig::from_env(env, 8083, 9083)?;
        Ok(Self {
            access: Access::from_env(env, Door::Services, &server)?,
            server,
            database: DatabaseUrl::from_env(env, DATABASE)?,
            events: EventsUrl::from_env(env)?,
            reservation_ttl: env.read(&RESERVATION_TTL_MS, millis)?,
        })
    }

    fn server(&self) -> &ServerConfig {
        &self.server
    }

    fn database(env: &Env) -> Result<Option<(DatabaseUrl, &'static Schema)>, ConfigError> {
        Ok(Some((DatabaseUrl::from_env(env, DATABASE)?, &*SCHEMA)))
    }
}
