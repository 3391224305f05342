//! Settings of the order service.

use crate::{audit::AuditTarget, seal::Seal, store::SCHEMA};
use axum::http::Uri;
use service_kit::{
    access::{Access, Door},
    config::{
        ServerConfig, base_url, millis,
        variables::{INVENTORY_URL, MILLIS, PAYMENT_URL, PEER_TIMEOUT_MS},
    },
    database::{DatabaseUrl, Schema},
    events::{self, EventsUrl},
    process::ServiceConfig,
};
use std::time::Duration;
use telemetry::{
    ConfigError, Env,
    audit::AuditKey,
    env::{Secret, Variable, parse},
};

const COUNT: &str = "a whole number from 1 to 100000";
const KEY: &str = "16 bytes or more";

telemetry::variables! {
    /// For so long an order belongs to whoever is at work on it; then another may take it over.
    ORDER_LEASE_MS { takes: MILLIS, default: "12000", unit: "ms" };
    /// How often unfinished orders are looked for.
    RESUME_INTERVAL_MS { takes: MILLIS, default: "1000", unit: "ms" };
    /// An order that is pending for longer is given up.
    PENDING_LIMIT_MS { takes: MILLIS, default: "60000", unit: "ms" };
    /// Accepted orders that may wait for a worker.
    ASYNC_QUEUE { takes: COUNT, default: "1000" };
    /// Accepted orders that are worked on at once.
    ASYNC_WORKERS { takes: COUNT, default: "32" };
    /// Seals cards while their orders are under way; the same for all instances and over restarts. Made once under
    /// `waybill up`.
    CARD_SEAL_KEY { takes: KEY, without: "random at every start", secret: Secret::Whole };
    /// Seals the [audit log](AUDIT.md); the same for all instances and over restarts. Made once under `waybill up`.
    AUDIT_KEY { takes: KEY, without: "random at every start, with a warning", secret: Secret::Whole };
    /// Where audit entries are delivered: a file, or what takes JSON lines and answers 2xx once it has written them. One
    /// place for [all instances](AUDIT.md#where-it-is); `audit.log` in the data folder under `waybill up`.
    AUDIT_LOG {
        takes: "the path of a file, or a URL such as http://collector:8000/audit",
        without: "nowhere: entries wait in the database, and are log lines",
        secret: Secret::Password,
    };
}

/// `DATABASE_URL` when it is not set.
const DATABASE: &str = "sqlite:data/order.db";

/// All of them.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens and how long it waits.
    pub server: ServerConfig,
    /// `SERVICE_KEY`, `AUTH` and what goes with them: who may come in.
    pub access: Access,
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
    const VARIABLES: &'static [Variable] = VARIABLES;

    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let server = ServerConfig::from_env(env, 8081, 9081)?;
        Ok(Self {
            access: Access::from_env(env, Door::Services, &server)?,
            server,
            database: DatabaseUrl::from_env(env, DATABASE)?,
            inventory: env.read(&INVENTORY_URL, base_url)?,
            payment: env.read(&PAYMENT_URL, base_url)?,
            events: EventsUrl::from_env(env)?,
            event_attempts: events::attempts(env)?,
            peer_timeout: env.read_or(&PEER_TIMEOUT_MS, "3000", millis)?,
            lease: env.read(&ORDER_LEASE_MS, millis)?,
            resume_interval: env.read(&RESUME_INTERVAL_MS, millis)?,
            pending_limit: env.read(&PENDING_LIMIT_MS, millis)?,
            async_queue: env.read(&ASYNC_QUEUE, count)?,
            async_workers: env.read(&ASYNC_WORKERS, count)?,
            seal: env.optional(&CARD_SEAL_KEY, Seal::new)?.unwrap_or_else(Seal::random),
            audit_key: env.optional(&AUDIT_KEY, AuditKey::new)?,
            audit_log: env.optional(&AUDIT_LOG, AuditTarget::new)?,
        })
    }

    fn server(&self) -> &ServerConfig {
        &self.server
    }

    fn database(env: &Env) -> Result<Option<(DatabaseUrl, &'static Schema)>, ConfigError> {
        Ok(Some((DatabaseUrl::from_env(env, DATABASE)?, &*SCHEMA)))
    }
}

fn count(held: &str) -> Option<usize> {
    parse::within(1..=100_000)(held)
}
