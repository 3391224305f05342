//! Configuration from the environment, checked at the start.

mod variable;

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::alerts::{Clock, Rules};
use crate::door::Door;
use variable::{
    ADMIN_ADDR, ALERT_RULES, ALERT_WEBHOOK, AUTH, DATA_DIR, INTAKE_RATE_LIMIT, LISTEN_ADDR, LOG_ADDR, Lookup,
    OBSERVATORY_TOKEN, OTLP_GRPC_ADDR, OTLP_HTTP_ADDR, RETENTION_BYTES, RETENTION_DAYS, SCRAPE_TARGETS,
};
pub use variable::{ConfigError, Hidden, VARIABLES, Variable};

/// `DATA_DIR` that stands for a directory which is deleted at the end.
const EPHEMERAL: &str = ":ephemeral:";
/// The least a token must have.
const SHORTEST_TOKEN: usize = 16;

/// Where day files go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// A directory that stays.
    Directory(PathBuf),
    /// A temporary directory that is deleted when the process ends.
    Ephemeral,
}

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Page, query API and `POST /api/logs` (`LISTEN_ADDR`).
    pub listen: SocketAddr,
    /// Metrics and health (`ADMIN_ADDR`).
    pub admin: SocketAddr,
    /// Who may use page and API (`OBSERVATORY_TOKEN`, `AUTH`).
    pub door: Door,
    /// Who may use `/admin/*`.
    pub admin_door: Door,
    /// OTLP over gRPC (`OTLP_GRPC_ADDR`).
    pub otlp_grpc: SocketAddr,
    /// OTLP over HTTP (`OTLP_HTTP_ADDR`).
    pub otlp_http: SocketAddr,
    /// JSON lines, over TCP and UDP (`LOG_ADDR`).
    pub log: SocketAddr,
    /// Day files (`DATA_DIR`: a directory, or `:ephemeral:`).
    pub data: Data,
    /// Day files that are kept, today's included (`RETENTION_DAYS`).
    pub retention_days: u16,
    /// Bytes that day files may take together (`RETENTION_BYTES`).
    pub retention_bytes: u64,
    /// Log lines a second that one sender may send (`INTAKE_RATE_LIMIT`: a number, or `off`).
    pub rate_limit: Option<u32>,
    /// Hosts and ports whose `/metrics` are scraped (`SCRAPE_TARGETS`: separated by commas, or `none`).
    pub scrape_targets: Vec<String>,
    /// Alerts from logs (`ALERT_RULES`: a file; the built-in rules without one).
    pub alert_rules: Rules,
    /// Who is told of alerts (`ALERT_WEBHOOK`).
    pub alert_webhook: Option<Hidden>,
    /// Bytes of memory for telemetry that waits to be stored. Not set by the environment.
    pub queue_bytes: usize,
    /// What time it is for alerts. Not set by the environment.
    pub clock: Clock,
}

impl Default for Config {
    fn default() -> Self {
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            listen: local(16686),
            admin: local(9086),
            door: Door::Local,
            admin_door: Door::Local,
            otlp_grpc: local(4317),
            otlp_http: local(4318),
            log: local(5170),
            data: Data::Directory(PathBuf::from("data/observatory")),
            retention_days: 7,
            retention_bytes: 10 * 1024 * 1024 * 1024,
            rate_limit: Some(200_000),
            scrape_targets: (9080..=9083).map(|port| format!("127.0.0.1:{port}")).collect(),
            alert_rules: Rules::default(),
            alert_webhook: None,
            queue_bytes: 16 * 1024 * 1024,
            clock: Clock::default(),
        }
    }
}

impl Config {
    /// Reads the variables that `lookup` has; the others keep their defaults.
    pub fn from_env(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let default = Self::default();
        let (listen, admin) = (LISTEN_ADDR.read(lookup, address)?, ADMIN_ADDR.read(lookup, address)?);
        let (door, admin_door) = doors(lookup, listen, admin)?;
        Ok(Self {
            listen,
            admin,
            door,
            admin_door,
            otlp_grpc: OTLP_GRPC_ADDR.read(lookup, address)?,
            otlp_http: OTLP_HTTP_ADDR.read(lookup, address)?,
            log: LOG_ADDR.read(lookup, address)?,
            data: DATA_DIR.read(lookup, |held| Some(data(held)))?,
            retention_days: RETENTION_DAYS
                .read(lookup, |held| held.parse().ok().filter(|days| (1..=3650).contains(days)))?,
            retention_bytes: RETENTION_BYTES
                .read(lookup, |held| held.parse().ok().filter(|bytes| *bytes >= 256 * 1024 * 1024))?,
            rate_limit: INTAKE_RATE_LIMIT.read(lookup, rate_limit)?,
            scrape_targets: SCRAPE_TARGETS.read(lookup, targets)?,
            alert_rules: alert_rules(lookup)?.unwrap_or(default.alert_rules),
            alert_webhook: alert_webhook(lookup)?,
            queue_bytes: default.queue_bytes,
            clock: default.clock,
        })
    }
}

/// Those of the page and of `/admin/*`. Everything that was logged is behind the first: it is never open by mistake.
fn doors(lookup: Lookup<'_>, listen: SocketAddr, admin: SocketAddr) -> Result<(Door, Door), ConfigError> {
    let token = OBSERVATORY_TOKEN.optional(lookup, |held| {
        let is_long = held.len() >= SHORTEST_TOKEN;
        is_long
            .then(|| Hidden(held.to_owned()))
            .ok_or_else(|| OBSERVATORY_TOKEN.wrong(held, OBSERVATORY_TOKEN.takes))
    })?;
    let is_off = AUTH
        .optional(lookup, |held| if held == "off" { Ok(true) } else { Err(AUTH.wrong(held, AUTH.takes)) })?;
    let door = |address| Door::of(token.as_ref(), is_off == Some(true), address);
    if door(listen) == Door::Shut {
        let takes =
            "a loopback address, unless OBSERVATORY_TOKEN says who may look, or AUTH=off that all may";
        return Err(LISTEN_ADDR.wrong(listen, takes));
    }
    Ok((door(listen), door(admin)))
}

fn address(held: &str) -> Option<SocketAddr> {
    held.parse().ok()
}

fn data(held: &str) -> Data {
    if held == EPHEMERAL { Data::Ephemeral } else { Data::Directory(held.into()) }
}

/// `None` for what is no limit, `Some(None)` for `off`.
#[allow(clippy::option_option, reason = "one is what the form of the text is, one what it says")]
fn rate_limit(held: &str) -> Option<Option<u32>> {
    if held == "off" { Some(None) } else { held.parse().ok().filter(|limit| *limit > 0).map(Some) }
}

fn targets(held: &str) -> Option<Vec<String>> {
    if held == "none" {
        return Some(Vec::new());
    }
    let is_target = |target: &str| {
        target.rsplit_once(':').is_some_and(|(host, port)| {
            port.parse::<u16>().is_ok()
                && reqwest::Url::parse(&format!("http://{target}"))
                    .is_ok_and(|url| url.host_str().is_some_and(|parsed| parsed.eq_ignore_ascii_case(host)))
        })
    };
    let targets = held.split(',').map(str::trim).filter(|target| !target.is_empty());
    targets.map(|target| is_target(target).then(|| target.to_owned())).collect()
}

/// The rules of the file that is named, if one is.
fn alert_rules(lookup: Lookup<'_>) -> Result<Option<Rules>, ConfigError> {
    ALERT_RULES.optional(lookup, |path| {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ALERT_RULES.wrong(format_args!("{path}: {error}"), ALERT_RULES.takes))?;
        Rules::read(&text)
            .map_err(|error| ALERT_RULES.wrong(format_args!("{path}: {}", error.at), error.takes))
    })
}

/// What it holds may be a secret.
fn alert_webhook(lookup: Lookup<'_>) -> Result<Option<Hidden>, ConfigError> {
    ALERT_WEBHOOK.optional(lookup, |held| {
        let url = reqwest::Url::parse(held).ok().filter(|url| url.scheme() == "http" && url.has_host());
        url.map(|url| Hidden(url.into())).ok_or_else(|| ALERT_WEBHOOK.wrong(held, ALERT_WEBHOOK.takes))
    })
}

/// An address that could not be bound, with the variable that sets it.
#[derive(Debug, thiserror::Error)]
#[error("{variable}: {address} {}", reason(.source))]
pub struct BindError {
    variable: &'static str,
    address: SocketAddr,
    source: std::io::Error,
}

impl BindError {
    pub(crate) fn new(variable: &'static str, address: SocketAddr, source: std::io::Error) -> Self {
        Self { variable, address, source }
    }
}

fn reason(source: &std::io::Error) -> Box<dyn Display + '_> {
    match source.kind() {
        std::io::ErrorKind::AddrInUse => Box::new("is taken by another process"),
        _ => Box::new(format!("cannot be listened on: {source}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variable: &str, held: &str) -> Result<Config, ConfigError> {
        Config::from_env(&|name| (name == variable).then(|| held.to_owned()))
    }

    #[test]
    fn reads_what_is_set_and_defaults_the_rest() {
        assert_eq!(config("DATA_DIR", " "), Ok(Config::default()));
        assert_eq!(config("LISTEN_ADDR", "127.0.0.1:80").unwrap().listen.port(), 80);
        assert_eq!(config("DATA_DIR", ":ephemeral:").unwrap().data, Data::Ephemeral);
        assert_eq!(config("DATA_DIR", "/tmp/x").unwrap().data, Data::Directory("/tmp/x".into()));
        assert_eq!(config("INTAKE_RATE_LIMIT", "off").unwrap().rate_limit, None);
        assert_eq!(config("INTAKE_RATE_LIMIT", "500").unwrap().rate_limit, Some(500));
        assert_eq!(config("SCRAPE_TARGETS", "none").unwrap().scrape_targets, Vec::<String>::new());
        let targets = config("SCRAPE_TARGETS", "order:9081, [::1]:9082").unwrap().scrape_targets;
        assert_eq!(targets, ["order:9081", "[::1]:9082"]);
    }

    #[test]
    fn the_webhook_is_an_address_and_may_be_a_secret() {
        let url = "http://127.0.0.1:9095/alerts";
        let held = config("ALERT_WEBHOOK", url).unwrap();
        assert_eq!(held.alert_webhook, Some(Hidden(url.to_owned())));
        assert!(!format!("{held:?}").contains("9095"), "{held:?}");
        for held in ["https://me:hunter2@x/hunter2", "hunter2", "ftp://hunter2/"] {
            let error = config("ALERT_WEBHOOK", held).unwrap_err().to_string();
            assert!(
                error.starts_with("ALERT_WEBHOOK: its value (hidden)") && error.contains("it takes "),
                "{error}"
            );
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn says_in_one_line_what_is_wrong() {
        for (variable, held) in [
            ("LISTEN_ADDR", "16686"),
            ("RETENTION_DAYS", "0"),
            ("RETENTION_DAYS", "week"),
            ("RETENTION_BYTES", "1000"),
            ("INTAKE_RATE_LIMIT", "0"),
            ("INTAKE_RATE_LIMIT", "many"),
            ("SCRAPE_TARGETS", "http://x:1"),
            ("SCRAPE_TARGETS", "x"),
            ("SCRAPE_TARGETS", "x:1/y:2"),
        ] {
            let error = config(variable, held).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{variable}: `{held}` won't do; it takes ")), "{error}");
            assert!(!error.contains('\n'));
        }
    }
}
