//! The settings that services share, read from the environment and checked before anything starts.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::Uri;
use reqwest::Url;
use telemetry::{ConfigError, Env};

/// The variables that a file may hold instead: `DATABASE_URL_FILE` and so on, as containers are given secrets.
const SECRETS: [&str; 4] = ["DATABASE_URL", "CUSTOMER_REF_KEY", "CARD_SEAL_KEY", "AUDIT_KEY"];

/// The environment of this process, with the secrets that are in files.
pub fn environment() -> Result<Env, ConfigError> {
    Env::from_process().with_files(&SECRETS)
}

/// Where a process listens and how long it waits.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// `LISTEN_ADDR`: the HTTP API.
    pub listen: SocketAddr,
    /// `ADMIN_ADDR`: metrics and health, which are never on a public port.
    pub admin: SocketAddr,
    /// `REQUEST_TIMEOUT_MS`: what a request may take from its arrival to its answer, unless the caller gives less.
    pub request_timeout: Duration,
    /// `DRAIN_TIMEOUT_MS`: what requests in flight are given when the process stops.
    pub drain_timeout: Duration,
}

impl ServerConfig {
    /// Reads the settings; the ports are what the contract gives this service.
    pub fn from_env(env: &Env, api_port: u16, admin_port: u16) -> Result<Self, ConfigError> {
        Ok(Self {
            listen: address(env, "LISTEN_ADDR", api_port)?,
            admin: address(env, "ADMIN_ADDR", admin_port)?,
            request_timeout: millis(env, "REQUEST_TIMEOUT_MS", Duration::from_secs(10))?,
            drain_timeout: millis(env, "DRAIN_TIMEOUT_MS", Duration::from_secs(10))?,
        })
    }
}

/// An address to listen on; 127.0.0.1 and `port` when the variable is unset.
pub fn address(env: &Env, name: &'static str, port: u16) -> Result<SocketAddr, ConfigError> {
    let takes = "an IP address and a port such as 127.0.0.1:8080";
    Ok(env.parse(name, takes)?.unwrap_or(SocketAddr::from(([127, 0, 0, 1], port))))
}

/// A time in milliseconds, at least one.
pub fn millis(env: &Env, name: &'static str, default: Duration) -> Result<Duration, ConfigError> {
    let takes = "a whole number of milliseconds from 1 to 3600000";
    match env.parse::<u64>(name, takes)? {
        None => Ok(default),
        Some(ms @ 1..=3_600_000) => Ok(Duration::from_millis(ms)),
        Some(other) => Err(ConfigError::new(name, other, takes)),
    }
}

/// Another service's base URL: `http`, host and port, nothing more.
pub fn peer_url(env: &Env, name: &'static str, port: u16) -> Result<Uri, ConfigError> {
    let takes = "a base URL such as http://127.0.0.1:8081";
    let default = format!("http://127.0.0.1:{port}");
    let held = env.get(name).unwrap_or(&default);
    let url: Url = held.parse().map_err(|_| ConfigError::new(name, held, takes))?;
    let only_a_base = url.scheme() == "http"
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none();
    // What is refused may carry a password, so it is not shown.
    let base = only_a_base.then(|| url.as_str().parse().ok()).flatten();
    base.ok_or_else(|| ConfigError::secret(name, takes))
}
