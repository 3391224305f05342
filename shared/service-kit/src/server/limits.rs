//! How much one process takes on at a time (docs/LIMITS.md).

use std::num::NonZero;
use std::time::Duration;

use telemetry::env::parse;
use telemetry::{ConfigError, Env};

use crate::address::Networks;
use crate::config::variables::{MAX_CONNECTIONS, MAX_IN_FLIGHT};

/// The longest path and query, in bytes.
pub const URI_LIMIT: usize = 8 * 1024;
/// The longest head of a request, request line and headers together, in bytes.
pub const HEAD_LIMIT: usize = 16 * 1024;

/// The bounds of one listener.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections that may be open.
    pub connections: usize,
    /// Of these, those of one client's address.
    pub connections_of_address: usize,
    /// Addresses that may take all of them: proxies, behind which there are many clients.
    pub proxies: Networks,
    /// Requests that are worked on at once.
    pub in_flight: usize,
    /// From the first byte of a request to the end of its head.
    pub head_time: Duration,
    /// What a connection may be silent, before and between requests. Longer than any usual client keeps one (60 to 90 s), so
    /// that it is the client who closes: a request that crosses a closing on the wire is lost.
    pub idle_time: Duration,
    /// From the first time that an answer finds the client not reading to the end of that answer.
    pub write_time: Duration,
}

impl Limits {
    /// Those of the API. One address may take all connections: services are called by few.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let usual = usual_connections().to_string();
        let connections = env.read_or(&MAX_CONNECTIONS, &usual, parse::within(1..=1_000_000))?;
        let usual = usual_in_flight().to_string();
        Ok(Self {
            connections,
            connections_of_address: connections,
            proxies: Networks::default(),
            in_flight: env.read_or(&MAX_IN_FLIGHT, &usual, parse::within(1..=100_000))?,
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_mins(2),
            write_time: Duration::from_secs(10),
        })
    }

    /// How often a connection is looked at. What it does may change in between, and with it how long it may take, but
    /// to nothing shorter than this.
    pub(super) fn tick(&self) -> Duration {
        self.head_time.min(self.write_time)
    }

    /// Those of the admin port: few ask there, and they must be heard while the API is full.
    pub(super) fn of_admin(&self) -> Self {
        let connections = 64;
        Self { connections, connections_of_address: connections, in_flight: connections, ..self.clone() }
    }

    /// For a door that anybody can knock at: no address but `proxies` has more than a quarter of the connections.
    #[must_use]
    pub fn shared_among_addresses(mut self, proxies: Networks) -> Self {
        self.connections_of_address = self.connections.div_ceil(4);
        self.proxies = proxies;
        self
    }
}

/// A request holds up to 256 KiB of body, and waits most of its time; beyond this many a processor they wait for each
/// other, and the memory they hold is no longer small.
fn usual_in_flight() -> usize {
    256 * std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// The other half is for files, and for the connections that this process opens itself.
fn usual_connections() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let open_files = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = open_files.and_then(|rest| rest.split_whitespace().next()?.parse::<usize>().ok());
    (soft.unwrap_or(1024) / 2).clamp(1, 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_numbers_are_sane() {
        let limits = Limits::from_env(&Env::default()).unwrap();
        assert!(limits.in_flight >= 256 && limits.in_flight.is_multiple_of(256));
        assert!((100..=10_000).contains(&limits.connections), "{}", limits.connections);
        assert_eq!(limits.connections_of_address, limits.connections);
        let shared = limits.shared_among_addresses(Networks::default());
        assert_eq!(shared.connections_of_address, shared.connections.div_ceil(4));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, held) in [("MAX_IN_FLIGHT", "0"), ("MAX_IN_FLIGHT", "many"), ("MAX_CONNECTIONS", "-1")] {
            let error = Limits::from_env(&Env::from_pairs([(name, held)])).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("{name}: `{held}` won't do; it takes a whole number")),
                "{error}"
            );
        }
    }
}
