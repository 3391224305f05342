//! Settings of the order service.

use crate::{audit::AuditTarget, seal::Seal};
use axum::http::Uri;
use service_kit::{
    config::{ServerConfig, millis, peer_url},
    database::DatabaseUrl,
    events::{self, EventsUrl},
    process::ServiceConfig,
};
use std::time::Duration;
use telemetry::{ConfigError, Env, audit::AuditKey};

/// All of them.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens and how long it waits.
    pub server: ServerConfig,
    /// `DATABASE_URL`.
    pub database: DatabaseUrl,
    /// `INVENTORY_URL`.
    pub inventory: Uri,
    /// `PAYMENT_URL`.
    pub payment: Uri,
    /// `EVENTS_URL`: where order events are delivered.
    pub events: EventsUrl,
    /// `EVENT_ATTEMPTS`: how often an event is refused before it is a dead letter.
    pub event_attempts: u32,
    /// `PEER_TIMEOUT_MS`: what one call to another service may take.
    pub peer_timeout: Duration,
    /// `ORDER_LEASE_MS`: for so long an order belongs to whoever is at work on it; then another may take it over.
    pub lease: Duration,
    /// `RESUME_INTERVAL_MS`: how often unfinished orders are looked for.
    pub resume_interval: Duration,
    /// `PENDING_LIMIT_MS`: an order that is pending for longer is given up.
    pub pending_limit: Duration,
    /// `ASYNC_QUEUE`: accepted orders that may wait for a worker.
    pub async_queue: usize,
    /// `ASYNC_WORKERS`: accepted orders that are worked on at once.
    pub async_workers: usize,
    /// `CARD_SEAL_KEY`.
    pub seal: Seal,
    /// `AUDIT_KEY`; a key that lasts as long as the process when it is not set.
    pub audit_key: Option<AuditKey>,
    /// `AUDIT_LOG`: where audit entries are delivered; when it is not set they stay in the database, and are log lines.
    pub audit_log: Option<AuditTarget>,
}

impl ServiceConfig for Config {
    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            server: ServerConfig::from_env(env, 8081, 9081)?,
            database: DatabaseUrl::from_env(env, "sqlite:data/order.db")?,
            inventory: peer_url(env, "INVENTORY_URL", 8083)?,
            payment: peer_url(env, "PAYMENT_URL", 8082)?,
            events: EventsUrl::from_env(env)?,
            event_attempts: events::attempts(env)?,
            peer_timeout: millis(env, "PEER_TIMEOUT_MS", Duration::from_secs(3))?,
            lease: millis(env, "ORDER_LEASE_MS", Duration::from_secs(12))?,
            resume_interval: millis(env, "RESUME_INTERVAL_MS", Duration::from_secs(1))?,
            pending_limit: millis(env, "PENDING_LIMIT_MS", Duration::from_mins(1))?,
            async_queue: count(env, "ASYNC_QUEUE", 1000)?,
            async_workers: count(env, "ASYNC_WORKERS", 32)?,
            seal: Seal::from_env(env)?,
            audit_key: AuditKey::from_env(env)?,
            audit_log: AuditTarget::from_env(env)?,
        })
    }

    fn server(&self) -> &ServerConfig {
        &self.server
    }
}

fn count(env: &Env, name: &'static str, default: usize) -> Result<usize, ConfigError> {
    let takes = "a whole number from 1 to 100000";
    match env.parse::<usize>(name, takes)? {
        None => Ok(default),
        Some(count @ 1..=100_000) => Ok(count),
        Some(other) => Err(ConfigError::new(name, other, takes)),
    }
}
