//! The settings that services share, read from the environment and checked before anything starts.

mod report;
pub mod variables;

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::Uri;
use reqwest::Url;
use telemetry::env::{Variable, parse};
use telemetry::{ConfigError, Env};

use crate::access;
use crate::server::Limits;
pub use report::Report;
use variables::{ADMIN_ADDR, DRAIN_TIMEOUT_MS, LISTEN_ADDR, REQUEST_TIMEOUT_MS};

/// All variables that a service reads, with its `own`.
pub fn known(own: &[Variable]) -> Vec<Variable> {
    [own, variables::VARIABLES, access::settings::VARIABLES, telemetry::config::variables::VARIABLES].concat()
}

/// The environment of this process, with the secrets that are in files.
pub fn environment(known: &[Variable]) -> Result<Env, ConfigError> {
    Env::from_process().with_files(known)
}

/// What is set and does nothing, though it looks as if it should: a line each.
pub fn idle(env: &Env, known: &[Variable]) -> Vec<String> {
    let misspelled = env.misspelled(known);
    let is_misspelled = |name: &&str| misspelled.iter().any(|(other, _)| other == name);
    let mut unsupported = env.unsupported(known);
    unsupported.retain(|name| !is_misspelled(name));
    let mut lines: Vec<String> =
        misspelled.iter().map(|(name, meant)| format!("{name} is not read: is {meant} meant?")).collect();
    if !unsupported.is_empty() {
        lines.push(format!("not supported, and not read: {}", unsupported.join(", ")));
    }
    lines
}

/// Where a process listens and how long it waits.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// `LISTEN_ADDR`: the HTTP API.
    pub listen: SocketAddr,
    /// `ADMIN_ADDR`: metrics and health.
    pub admin: SocketAddr,
    /// `REQUEST_TIMEOUT_MS`: what a request may take from its arrival to its answer.
    pub request_timeout: Duration,
    /// `DRAIN_TIMEOUT_MS`: what requests in flight are given when the process stops.
    pub drain_timeout: Duration,
    /// `MAX_IN_FLIGHT`, `MAX_CONNECTIONS`: how much the API takes on at a time.
    pub limits: Limits,
}

impl ServerConfig {
    /// Reads the settings; the ports are this service's default ports.
    pub fn from_env(env: &Env, api_port: u16, admin_port: u16) -> Result<Self, ConfigError> {
        let local = |port| format!("127.0.0.1:{port}");
        Ok(Self {
            listen: env.read_or(&LISTEN_ADDR, &local(api_port), parse::value)?,
            admin: env.read_or(&ADMIN_ADDR, &local(admin_port), parse::value)?,
            request_timeout: env.read(&REQUEST_TIMEOUT_MS, millis)?,
            drain_timeout: env.read(&DRAIN_TIMEOUT_MS, millis)?,
            limits: Limits::from_env(env)?,
        })
    }
}

/// A time in milliseconds, from one to an hour.
pub fn millis(text: &str) -> Option<Duration> {
    parse::millis(1..=3_600_000)(text)
}

/// Another service's base URL: `http`, host and port, nothing more.
pub fn base_url(text: &str) -> Option<Uri> {
    let url: Url = text.parse().ok()?;
    let only_a_base = url.scheme() == "http"
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none();
    only_a_base.then(|| url.as_str().parse().ok()).flatten()
}
