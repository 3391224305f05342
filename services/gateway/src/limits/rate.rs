//! `RATE_LIMIT` and what goes with it.

use std::time::Duration;

use service_kit::access::settings::{AUTH_JWKS, AUTH_SECRET};
use service_kit::address::Networks;
use service_kit::config::ServerConfig;
use telemetry::env::parse;
use telemetry::{ConfigError, Env};

use crate::config::{RATE_LIMIT, RATE_LIMIT_BURST, TRUSTED_PROXIES};

/// People behind one address: as many times the requests of one customer.
const CUSTOMERS_OF_ADDRESS: u32 = 4;

/// How fast one client may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Between two requests, on average.
    pub(crate) interval: Duration,
    /// Requests at once.
    pub(crate) burst: u32,
}

/// What the gateway was told.
#[derive(Debug, Clone)]
pub struct RateLimits {
    /// `None`: no limit.
    pub(crate) customer: Option<Rate>,
    /// `TRUSTED_PROXIES`: who may say whose requests they bring.
    pub(crate) proxies: Networks,
}

impl RateLimits {
    /// Reads the settings. On a loopback address without keys there is nobody to protect from: a load test is the more
    /// likely client.
    pub(crate) fn from_env(env: &Env, server: &ServerConfig) -> Result<Self, ConfigError> {
        let asks_for_tokens = [AUTH_JWKS, AUTH_SECRET].iter().any(|keys| env.get(keys.name).is_some());
        let usual = if server.listen.ip().is_loopback() && !asks_for_tokens { "off" } else { "50/s" };
        let interval = env.read_or(&RATE_LIMIT, usual, interval)?;
        let burst = env.read(&RATE_LIMIT_BURST, parse::within(1..=1_000_000))?;
        Ok(Self {
            customer: interval.map(|interval| Rate { interval, burst }),
            proxies: env.optional(&TRUSTED_PROXIES, Networks::parse)?.unwrap_or_default(),
        })
    }
}

impl Rate {
    /// What an address may ask, behind which there are several customers.
    pub(crate) fn of_address(self) -> Self {
        Self {
            interval: self.interval / CUSTOMERS_OF_ADDRESS,
            burst: self.burst.saturating_mul(CUSTOMERS_OF_ADDRESS),
        }
    }

    /// The time in which a whole burst comes back, in seconds, rounded up.
    pub(crate) fn window(self) -> u64 {
        seconds(self.interval.saturating_mul(self.burst))
    }
}

/// Rounded up, and at least one: headers know no shorter time.
pub(crate) fn seconds(time: Duration) -> u64 {
    (time.as_nanos().div_ceil(1_000_000_000) as u64).max(1)
}

/// `None` for what is no rate, `Some(None)` for `off`.
#[allow(clippy::option_option, reason = "one is what the form of the text is, one what it says")]
fn interval(text: &str) -> Option<Option<Duration>> {
    if text == "off" {
        return Some(None);
    }
    let (number, unit) = text.split_once('/')?;
    let number = parse::within(1..=1_000_000_u32)(number)?;
    let time = match unit {
        "s" => Duration::from_secs(1),
        "m" => Duration::from_mins(1),
        _ => return None,
    };
    Some(Some(time / number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<RateLimits, String> {
        let env = Env::from_pairs(pairs.iter().copied());
        let server = ServerConfig::from_env(&env, 8080, 9080).unwrap();
        RateLimits::from_env(&env, &server).map_err(|error| error.to_string())
    }

    #[test]
    fn off_at_home_and_on_where_others_are() {
        let usual = Some(Rate { interval: Duration::from_millis(20), burst: 100 });
        assert_eq!(read(&[]).unwrap().customer, None);
        assert_eq!(read(&[("LISTEN_ADDR", "0.0.0.0:8080")]).unwrap().customer, usual);
        assert_eq!(read(&[("AUTH_JWKS", "keys.json")]).unwrap().customer, usual);
        assert_eq!(read(&[("LISTEN_ADDR", "0.0.0.0:8080"), ("RATE_LIMIT", "off")]).unwrap().customer, None);
        let slow = read(&[("RATE_LIMIT", "6/m"), ("RATE_LIMIT_BURST", "3")]).unwrap().customer.unwrap();
        assert_eq!(slow, Rate { interval: Duration::from_secs(10), burst: 3 });
        assert_eq!((slow.window(), slow.of_address().window()), (30, 30));
        assert_eq!(slow.of_address(), Rate { interval: Duration::from_millis(2_500), burst: 12 });
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, held) in [
            ("RATE_LIMIT", "50"),
            ("RATE_LIMIT", "0/s"),
            ("RATE_LIMIT", "50/h"),
            ("RATE_LIMIT", "-1/s"),
            ("RATE_LIMIT_BURST", "0"),
            ("TRUSTED_PROXIES", "proxy"),
        ] {
            let error = read(&[(name, held)]).unwrap_err();
            assert!(error.starts_with(&format!("{name}: `{held}` won't do; it takes ")), "{error}");
        }
    }
}
