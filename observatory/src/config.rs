//! Configuration from the environment, checked at the start.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::alerts::{Clock, Rules};

/// `DATA_DIR` that stands for a directory which is deleted at the end.
const EPHEMERAL: &str = ":ephemeral:";

/// A variable that holds what it cannot. Shown as one line that names it, what it held and what it takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: `{held}` won't do; it takes {takes}")]
pub struct ConfigError {
    variable: &'static str,
    held: String,
    takes: &'static str,
}

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
    pub alert_webhook: Option<String>,
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
        const ADDRESS: &str = "an IP address and a port, like 127.0.0.1:16686";
        let default = Self::default();
        let address = |variable, otherwise| parse(lookup, variable, ADDRESS, otherwise, |_| true);
        Ok(Self {
            listen: address("LISTEN_ADDR", default.listen)?,
            admin: address("ADMIN_ADDR", default.admin)?,
            otlp_grpc: address("OTLP_GRPC_ADDR", default.otlp_grpc)?,
            otlp_http: address("OTLP_HTTP_ADDR", default.otlp_http)?,
            log: address("LOG_ADDR", default.log)?,
            data: match lookup("DATA_DIR").filter(|held| !held.trim().is_empty()) {
                Some(held) if held.trim() == EPHEMERAL => Data::Ephemeral,
                Some(held) => Data::Directory(PathBuf::from(held.trim())),
                None => default.data,
            },
            retention_days: parse(
                lookup,
                "RETENTION_DAYS",
                "a number of days from 1 to 3650",
                default.retention_days,
                |days| (1..=3650).contains(days),
            )?,
            retention_bytes: parse(
                lookup,
                "RETENTION_BYTES",
                "a number of bytes, 268435456 or more",
                default.retention_bytes,
                |bytes| *bytes >= 256 * 1024 * 1024,
            )?,
            rate_limit: parse(
                lookup,
                "INTAKE_RATE_LIMIT",
                "a number of log lines a second, or off",
                RateLimit(default.rate_limit),
                |limit| limit.0 != Some(0),
            )?
            .0,
            scrape_targets: parse(
                lookup,
                "SCRAPE_TARGETS",
                "hosts with ports separated by commas, like 127.0.0.1:9080,127.0.0.1:9081, or none",
                Targets(default.scrape_targets),
                |_| true,
            )?
            .0,
            alert_rules: alert_rules(lookup)?.unwrap_or(default.alert_rules),
            alert_webhook: alert_webhook(lookup)?,
            queue_bytes: default.queue_bytes,
            clock: default.clock,
        })
    }
}

fn parse<T: FromStr>(
    lookup: &dyn Fn(&str) -> Option<String>,
    variable: &'static str,
    takes: &'static str,
    otherwise: T,
    allowed: impl Fn(&T) -> bool,
) -> Result<T, ConfigError> {
    let Some(held) = lookup(variable).map(|held| held.trim().to_owned()).filter(|held| !held.is_empty())
    else {
        return Ok(otherwise);
    };
    held.parse().ok().filter(allowed).ok_or(ConfigError { variable, held, takes })
}

/// The rules of the file that is named, if one is.
fn alert_rules(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Option<Rules>, ConfigError> {
    let variable = "ALERT_RULES";
    let Some(path) = lookup(variable).filter(|path| !path.trim().is_empty()) else { return Ok(None) };
    let path = path.trim();
    let wrong = |at: &str, takes| ConfigError { variable, held: format!("{path}: {at}"), takes };
    let text = std::fs::read_to_string(path)
        .map_err(|error| wrong(&error.to_string(), "a file of rules that can be read"))?;
    Rules::read(&text).map(Some).map_err(|error| wrong(&error.at, error.takes))
}

fn alert_webhook(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Option<String>, ConfigError> {
    let variable = "ALERT_WEBHOOK";
    let Some(held) = lookup(variable).filter(|held| !held.trim().is_empty()) else { return Ok(None) };
    let url = reqwest::Url::parse(held.trim()).ok().filter(|url| url.scheme() == "http" && url.has_host());
    // What it held may be a secret; the scheme is not.
    let scheme = held.split_once("://").map_or("", |(scheme, _)| scheme.trim());
    let held = format!("{scheme}…");
    let takes = "an address that begins with http://, like http://127.0.0.1:9095/alerts";
    url.map(|url| Some(url.into())).ok_or(ConfigError { variable, held, takes })
}

struct RateLimit(Option<u32>);

impl FromStr for RateLimit {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" { Ok(Self(None)) } else { text.parse().map(|limit| Self(Some(limit))) }
    }
}

struct Targets(Vec<String>);

impl FromStr for Targets {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text == "none" {
            return Ok(Self(Vec::new()));
        }
        let is_target = |target: &str| {
            target.rsplit_once(':').is_some_and(|(host, port)| {
                port.parse::<u16>().is_ok()
                    && reqwest::Url::parse(&format!("http://{target}")).is_ok_and(|url| {
                        url.host_str().is_some_and(|parsed| parsed.eq_ignore_ascii_case(host))
                    })
            })
        };
        let targets = text.split(',').map(str::trim).filter(|target| !target.is_empty());
        targets
            .map(|target| is_target(target).then(|| target.to_owned()).ok_or(()))
            .collect::<Result<_, _>>()
            .map(Self)
    }
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
        assert_eq!(config("LISTEN_ADDR", "0.0.0.0:80").unwrap().listen.port(), 80);
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
        assert_eq!(config("ALERT_WEBHOOK", url).unwrap().alert_webhook.as_deref(), Some(url));
        for held in ["https://me:hunter2@x/hunter2", "hunter2", "ftp://hunter2/"] {
            let error = config("ALERT_WEBHOOK", held).unwrap_err().to_string();
            assert!(error.starts_with("ALERT_WEBHOOK: `") && error.contains("it takes "), "{error}");
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
