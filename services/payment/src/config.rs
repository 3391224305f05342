//! Settings, read from the environment.

use service_kit::config::ServerConfig;
use service_kit::database::DatabaseUrl;
use service_kit::process::ServiceConfig;
use telemetry::{ConfigError, Env};

/// What the payment service can be told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses and times.
    pub server: ServerConfig,
    /// `DATABASE_URL`: the charges.
    pub database: DatabaseUrl,
}

impl ServiceConfig for Config {
    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            server: ServerConfig::from_env(env, 8082, 9082)?,
            database: DatabaseUrl::from_env(env, "sqlite:data/payment.db")?,
        })
    }

    fn server(&self) -> &ServerConfig {
        &self.server
    }
}
