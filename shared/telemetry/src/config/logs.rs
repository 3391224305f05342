//! Which lines are written, and where they go.

use crate::env::{ConfigError, Env};
use std::{path::PathBuf, time::Duration};
use tracing::level_filters::LevelFilter;

#[derive(Clone, Debug)]
pub(crate) struct LogsConfig {
    pub(crate) level: LevelFilter,
    /// Of the traces, those whose lines below WARN are written.
    pub(crate) sample_ratio: f64,
    /// Lines a second that one place in the code may write; `None` for as many as it likes.
    pub(crate) callsite_limit: Option<u32>,
    pub(crate) file: Option<FileConfig>,
    pub(crate) ship: Vec<Receiver>,
    /// Whom TLS trusts instead of whom the system trusts.
    pub(crate) ship_ca: Option<PathBuf>,
    pub(crate) queue: usize,
}

/// A file of lines, and what is kept of the old ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileConfig {
    pub(crate) path: PathBuf,
    pub(crate) max_bytes: u64,
    pub(crate) max_age: Duration,
    pub(crate) backups: usize,
    pub(crate) compress: bool,
}

/// A receiver of JSON lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Receiver {
    pub(crate) carrier: Carrier,
    /// `host:port`; an IPv6 address in brackets.
    pub(crate) address: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    Tcp,
    Tls,
    Udp,
}

/// Lines that may wait for a receiver before the next are dropped: some 4 MiB.
const LOG_QUEUE: usize = 8192;
/// More than any line that is written once an order, and far less than what a loop writes that has gone wrong.
const CALLSITE_LIMIT: u32 = 5_000;
const MAX_BYTES: u64 = 100_000_000;
const MAX_AGE_DAYS: u32 = 28;
const BACKUPS: usize = 3;

impl LogsConfig {
    /// `service` names the file where `LOG_FILE` is a folder.
    pub(super) fn from_env(service: &str, env: &Env) -> Result<Self, ConfigError> {
        let limit = env.parse("LOG_CALLSITE_LIMIT", "a number of lines a second, or 0 for no limit")?;
        Ok(Self {
            level: level(env)?,
            sample_ratio: ratio(env)?,
            callsite_limit: Some(limit.unwrap_or(CALLSITE_LIMIT)).filter(|limit| *limit > 0),
            file: FileConfig::from_env(service, env)?,
            ship: receivers(env)?,
            ship_ca: env.get("LOG_SHIP_CA").map(PathBuf::from),
            queue: LOG_QUEUE,
        })
    }
}

impl FileConfig {
    fn from_env(service: &str, env: &Env) -> Result<Option<Self>, ConfigError> {
        let Some(held) = env.get("LOG_FILE") else { return Ok(None) };
        let mut path = PathBuf::from(held);
        if held.ends_with('/') || path.is_dir() {
            path.push(format!("{service}.log"));
        }
        let days = at_least_one(env, "LOG_FILE_MAX_AGE_DAYS", "a number of days")?.unwrap_or(MAX_AGE_DAYS);
        Ok(Some(Self {
            path,
            max_bytes: at_least_one(env, "LOG_FILE_MAX_BYTES", "a number of bytes")?.unwrap_or(MAX_BYTES),
            max_age: Duration::from_hours(24) * days,
            backups: env.parse("LOG_FILE_BACKUPS", "a number of files")?.unwrap_or(BACKUPS),
            compress: env.parse("LOG_FILE_COMPRESS", "true or false")?.unwrap_or(true),
        }))
    }
}

fn at_least_one<T>(env: &Env, name: &'static str, takes: &'static str) -> Result<Option<T>, ConfigError>
where
    T: std::str::FromStr + Default + PartialEq + std::fmt::Display,
{
    match env.parse::<T>(name, takes)? {
        Some(held) if held == T::default() => Err(ConfigError::new(name, held, takes)),
        other => Ok(other),
    }
}

fn level(env: &Env) -> Result<LevelFilter, ConfigError> {
    Ok(match env.get("LOG_LEVEL").map(str::to_ascii_lowercase).as_deref() {
        None | Some("info") => LevelFilter::INFO,
        Some("debug") => LevelFilter::DEBUG,
        Some("warn") => LevelFilter::WARN,
        Some("error") => LevelFilter::ERROR,
        Some("off") => LevelFilter::OFF,
        Some(held) => return Err(ConfigError::new("LOG_LEVEL", held, "debug, info, warn, error or off")),
    })
}

fn ratio(env: &Env) -> Result<f64, ConfigError> {
    const NAME: &str = "LOG_SAMPLE_RATIO";
    const TAKES: &str = "a share from 0 to 1";
    let ratio = env.parse::<f64>(NAME, TAKES)?.unwrap_or(1.0);
    if (0.0..=1.0).contains(&ratio) { Ok(ratio) } else { Err(ConfigError::new(NAME, ratio, TAKES)) }
}

fn receivers(env: &Env) -> Result<Vec<Receiver>, ConfigError> {
    const NAME: &str = "LOG_SHIP";
    let takes = "tcp://host:port, tls://host:port, udp://host:port (comma separated), or none";
    let Some(held) = env.get(NAME).filter(|held| *held != "none") else { return Ok(Vec::new()) };
    let urls = held.split(',').map(|url| receiver(url.trim()));
    urls.collect::<Option<Vec<_>>>().ok_or_else(|| ConfigError::new(NAME, held, takes))
}

fn receiver(url: &str) -> Option<Receiver> {
    let (scheme, address) = url.split_once("://")?;
    let carrier = match scheme {
        "tcp" => Carrier::Tcp,
        "tls" => Carrier::Tls,
        "udp" => Carrier::Udp,
        _ => return None,
    };
    let (host, port) = address.rsplit_once(':')?;
    (!host.is_empty() && port.parse::<u16>().is_ok())
        .then(|| Receiver { carrier, address: address.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(pairs: &[(&str, &str)]) -> Result<LogsConfig, ConfigError> {
        LogsConfig::from_env("order-service", &Env::from_pairs(pairs.iter().copied()))
    }

    #[test]
    fn defaults_write_everything_to_standard_output_alone() {
        let logs = logs(&[]).unwrap();
        assert_eq!((logs.level, logs.callsite_limit), (LevelFilter::INFO, Some(5_000)));
        assert!((logs.sample_ratio - 1.0).abs() < f64::EPSILON);
        assert!(logs.ship.is_empty() && logs.file.is_none());
    }

    #[test]
    fn the_environment_overrides() {
        let folder = tempfile::tempdir().unwrap();
        let logs = logs(&[
            ("LOG_SAMPLE_RATIO", "0.25"),
            ("LOG_CALLSITE_LIMIT", "0"),
            ("LOG_SHIP", "tcp://127.0.0.1:5170, udp://[::1]:5170,tls://logs:6514"),
            ("LOG_FILE", folder.path().to_str().unwrap()),
            ("LOG_FILE_MAX_BYTES", "1000"),
            ("LOG_FILE_MAX_AGE_DAYS", "2"),
            ("LOG_FILE_BACKUPS", "0"),
            ("LOG_FILE_COMPRESS", "false"),
        ])
        .unwrap();
        assert_eq!(logs.callsite_limit, None);
        let receiver = |carrier, address: &str| Receiver { carrier, address: address.to_owned() };
        let expected = [
            receiver(Carrier::Tcp, "127.0.0.1:5170"),
            receiver(Carrier::Udp, "[::1]:5170"),
            receiver(Carrier::Tls, "logs:6514"),
        ];
        assert_eq!(logs.ship, expected);
        let file = FileConfig {
            path: folder.path().join("order-service.log"),
            max_bytes: 1_000,
            max_age: Duration::from_hours(48),
            backups: 0,
            compress: false,
        };
        assert_eq!(logs.file, Some(file));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, held) in [
            ("LOG_LEVEL", "loud"),
            ("LOG_SAMPLE_RATIO", "1.5"),
            ("LOG_CALLSITE_LIMIT", "-1"),
            ("LOG_SHIP", "127.0.0.1:5170"),
            ("LOG_SHIP", "tcp://127.0.0.1:5170,carrier://pigeon:1"),
            ("LOG_FILE_MAX_BYTES", "0"),
            ("LOG_FILE_MAX_AGE_DAYS", "0"),
        ] {
            let error = logs(&[("LOG_FILE", "x.log"), (name, held)]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{name}: `{held}` won't do; it takes ")), "{error}");
        }
    }
}
