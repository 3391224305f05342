//! Settings, read from the environment.

use service_kit::access::{Access, Door};
use service_kit::config::ServerConfig;
use service_kit::database::{DatabaseUrl, Schema};
use service_kit::process::ServiceConfig;
use telemetry::env::Variable;
use telemetry::{ConfigError, Env};

use crate::store::SCHEMA;

/// `DATABASE_URL` when it is not set.
const DATABASE: &str = "sqlite:data/payment.db";

/// What the payment service can be told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses and times.
    pub server: ServerConfig,
    /// `SERVICE_KEY`, `AUTH` and what goes with them: who may come in.
    pub access: Access,
    /// `DATABASE_URL`: the charges.
    pub database: DatabaseUrl,
}

impl ServiceConfig for Config {
    const VARIABLES: &'static [Variable] = &[];

    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let server = ServerConfig::from_env(env, 8082, 9082)?;
        Ok(Self {
            access: Access::from_env(env, Door::Services, &server)?,
            server,
            database: DatabaseUrl::from_env(env, DATABASE)?,
        })
    }

    fn server(&self) -> &ServerConfig {
        &self.server
    }

    fn database(env: &Env) -> Result<Option<(DatabaseUrl, &'static Schema)>, ConfigError> {
        Ok(Some((DatabaseUrl::from_env(env, DATABASE)?, &*SCHEMA)))
    }
}
