//! Which lines are written, and where they go.

use super::variables::{
    LOG_CALLSITE_LIMIT, LOG_FILE, LOG_FILE_BACKUPS, LOG_FILE_COMPRESS, LOG_FILE_MAX_AGE_DAYS,
    LOG_FILE_MAX_BYTES, LOG_LEVEL, LOG_SAMPLE_RATIO, LOG_SHIP, LOG_SHIP_CA,
};
use crate::env::{
    ConfigError, Env,
    parse::{list, share, value, within},
};
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
impl LogsConfig {
    /// `service` names the file where `LOG_FILE` is a folder.
    pub(super) fn from_env(service: &str, env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            level: env.read(&LOG_LEVEL, level)?,
            sample_ratio: env.read(&LOG_SAMPLE_RATIO, share)?,
            callsite_limit: Some(env.read(&LOG_CALLSITE_LIMIT, value)?).filter(|limit| *limit > 0),
            file: FileConfig::from_env(service, env)?,
            ship: env.read(&LOG_SHIP, receivers)?,
            ship_ca: env.optional(&LOG_SHIP_CA, value)?,
            queue: LOG_QUEUE,
        })
    }
}

impl FileConfig {
    fn from_env(service: &str, env: &Env) -> Result<Option<Self>, ConfigError> {
        let path = env.optional(&LOG_FILE, |held| {
            let path = PathBuf::from(held);
            let is_folder = held.ends_with('/') || path.is_dir();
            Some(if is_folder { path.join(format!("{service}.log")) } else { path })
        })?;
        let days: u32 = env.read(&LOG_FILE_MAX_AGE_DAYS, within(1..))?;
        let max_bytes = env.read(&LOG_FILE_MAX_BYTES, within(1..))?;
        let backups = env.read(&LOG_FILE_BACKUPS, value)?;
        let compress = env.read(&LOG_FILE_COMPRESS, value)?;
        let max_age = Duration::from_hours(24) * days;
        Ok(path.map(|path| Self { path, max_bytes, max_age, backups, compress }))
    }
}

fn level(held: &str) -> Option<LevelFilter> {
    Some(match held.to_ascii_lowercase().as_str() {
        "info" => LevelFilter::INFO,
        "debug" => LevelFilter::DEBUG,
        "warn" => LevelFilter::WARN,
        "error" => LevelFilter::ERROR,
        "off" => LevelFilter::OFF,
        _ => return None,
    })
}

fn receivers(held: &str) -> Option<Vec<Receiver>> {
    if held == "none" { Some(Vec::new()) } else { list(held, receiver) }
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
    let is_host = !host.is_empty() && !host.contains(['@', '/', '?']);
    (is_host && port.parse::<u16>().is_ok()).then(|| Receiver { carrier, address: address.to_owned() })
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
