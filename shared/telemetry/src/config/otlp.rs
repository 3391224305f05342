//! How spans are sent by OTLP (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>), and how much of each.

use super::{
    percent_decoded,
    variables::{
        OTEL_EXPORTER_OTLP_HEADERS, OTEL_EXPORTER_OTLP_TIMEOUT, OTEL_EXPORTER_OTLP_TRACES_HEADERS,
        OTEL_EXPORTER_OTLP_TRACES_TIMEOUT, OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT, OTEL_SPAN_EVENT_COUNT_LIMIT,
        OTEL_SPAN_LINK_COUNT_LIMIT,
    },
};
use crate::env::{
    ConfigError, Env,
    parse::{list, millis, value},
};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;

/// How many of each a span may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) attributes: u32,
    pub(crate) events: u32,
    pub(crate) links: u32,
}

impl Limits {
    pub(super) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            attributes: env.read(&OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT, value)?,
            events: env.read(&OTEL_SPAN_EVENT_COUNT_LIMIT, value)?,
            links: env.read(&OTEL_SPAN_LINK_COUNT_LIMIT, value)?,
        })
    }
}

/// What an export may take with all its tries. The signal's own variable goes before the common one.
pub(super) fn timeout(env: &Env) -> Result<Duration, ConfigError> {
    let own = env.optional(&OTEL_EXPORTER_OTLP_TRACES_TIMEOUT, millis(..))?;
    let common = env.read(&OTEL_EXPORTER_OTLP_TIMEOUT, millis(..))?;
    Ok(own.unwrap_or(common))
}

/// What goes with each request. The signal's own variable takes the place of the common one. Values are secrets.
pub(super) fn headers(env: &Env) -> Result<HeaderMap, ConfigError> {
    let headers = |held: &str| list(held, header).map(HeaderMap::from_iter);
    let common = env.optional(&OTEL_EXPORTER_OTLP_HEADERS, headers)?;
    let own = env.optional(&OTEL_EXPORTER_OTLP_TRACES_HEADERS, headers)?;
    Ok(own.or(common).unwrap_or_default())
}

fn header(pair: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = pair.split_once('=')?;
    let mut value = HeaderValue::try_from(percent_decoded(value.trim())?).ok()?;
    value.set_sensitive(true);
    Some((HeaderName::try_from(name.trim()).ok()?, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        Env::from_pairs(pairs.iter().copied())
    }

    #[test]
    fn the_signals_own_variables_go_first() {
        let both = env(&[
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=tea"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "Authorization=Bearer%20s3cret , x-team = a=b,"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "250"),
        ]);
        let held = headers(&both).unwrap();
        assert_eq!((held.len(), held["authorization"].as_bytes()), (2, &b"Bearer s3cret"[..]));
        assert_eq!(held["x-team"], "a=b");
        assert!(!format!("{held:?}").contains("s3cret"));
        assert_eq!(timeout(&both).unwrap(), Duration::from_millis(250));
        let common =
            env(&[("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=tea"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "1")]);
        assert_eq!(headers(&common).unwrap()["x-tenant"], "tea");
        assert_eq!(timeout(&common).unwrap(), Duration::from_millis(1));
        assert_eq!(timeout(&env(&[])).unwrap(), Duration::from_secs(10));
        assert_eq!(Limits::from_env(&env(&[])).unwrap(), Limits { attributes: 128, events: 128, links: 128 });
    }

    #[test]
    fn what_is_wrong_is_named_and_no_secret_shown() {
        for held in ["s3cret", "authorization=s3cret%2", "a b=s3cret", "a=s3cret%0A"] {
            let told = headers(&env(&[("OTEL_EXPORTER_OTLP_HEADERS", held)])).unwrap_err().to_string();
            assert!(told.contains("OTEL_EXPORTER_OTLP_HEADERS") && !told.contains("s3cret"), "{told}");
        }
        for name in
            ["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_SPAN_EVENT_COUNT_LIMIT", "OTEL_SPAN_LINK_COUNT_LIMIT"]
        {
            let told = Limits::from_env(&env(&[(name, "-1")])).unwrap_err().to_string();
            assert!(told.starts_with(name), "{told}");
        }
        assert!(timeout(&env(&[("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "soon")])).is_err());
    }
}
