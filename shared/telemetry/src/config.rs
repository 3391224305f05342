//! Everything that can be configured, read once from the environment and checked before anything starts.
//!
//! Names are those of the OpenTelemetry specification
//! (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>) where it has one.

mod logs;
mod otlp;
pub mod variables;

pub(crate) use logs::{Carrier, FileConfig, LogsConfig};

use crate::{
    env::{
        ConfigError, Env,
        parse::{list, millis, share, value, within},
    },
    metrics::{Observing, Share},
    propagation::Propagators,
    redact::{KeyFile, REDACTED, RefKey, is_secret_name, scrub},
};
use http::HeaderMap;
pub(crate) use otlp::Limits;
use std::{fmt, time::Duration};
use variables::{
    CUSTOMER_REF_KEY, KEEP_PERCENT, OTEL_BSP_EXPORT_TIMEOUT, OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
    OTEL_BSP_MAX_QUEUE_SIZE, OTEL_BSP_SCHEDULE_DELAY, OTEL_EXPORTER_OTLP_ENDPOINT,
    OTEL_EXPORTER_OTLP_PROTOCOL, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_EXPORTER_ZIPKIN_ENDPOINT,
    OTEL_EXPORTER_ZIPKIN_TIMEOUT, OTEL_METRICS_EXPORTER, OTEL_RESOURCE_ATTRIBUTES, OTEL_SDK_DISABLED,
    OTEL_SERVICE_NAME, OTEL_TRACES_EXPORTER, OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG,
    TELEMETRY_PIPELINE,
};

/// The configuration of one process's telemetry.
#[derive(Clone)]
pub struct Config {
    /// The service's name in docs/TELEMETRY.md, which metrics and data streams use.
    pub(crate) service: &'static str,
    /// `service.name`, `service.version`, … in the order they are exported.
    pub(crate) resource: Vec<(String, String)>,
    pub(crate) disabled: bool,
    pub(crate) pipeline: Pipeline,
    pub(crate) propagators: Propagators,
    pub(crate) ref_key: Option<RefKey>,
    /// Where the key is from, if it may change.
    pub(crate) ref_key_file: Option<KeyFile>,
    pub(crate) observing: Observing,
    pub(crate) traces: TracesConfig,
    pub(crate) logs: LogsConfig,
}

/// Without `Debug`: a URL may hold a password.
#[derive(Clone)]
pub(crate) struct TracesConfig {
    pub(crate) exporters: Vec<TraceExporter>,
    pub(crate) endpoint: String,
    pub(crate) protocol: Protocol,
    pub(crate) headers: HeaderMap,
    pub(crate) timeout: Duration,
    pub(crate) zipkin_endpoint: String,
    pub(crate) zipkin_timeout: Duration,
    pub(crate) export_timeout: Duration,
    pub(crate) sampler: Sampler,
    pub(crate) limits: Limits,
    pub(crate) queue: usize,
    pub(crate) batch: usize,
    pub(crate) delay: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TraceExporter {
    Otlp,
    Zipkin,
    Console,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Grpc,
    HttpProtobuf,
    HttpJson,
}

/// The way of spans through this process (docs/adr/0013).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pipeline {
    Standard,
    Direct,
}

/// Decides for a whole trace at its root; everybody below follows unless `parent_based` is off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sampler {
    pub(crate) parent_based: bool,
    pub(crate) ratio: f64,
}

impl Config {
    /// Reads the environment. `service` is the name unless `OTEL_SERVICE_NAME` gives another.
    pub fn from_env(service: &'static str, env: &Env) -> Result<Self, ConfigError> {
        let traces = TracesConfig::from_env(env)?;
        let (ref_key, ref_key_file) = ref_key(env)?;
        Ok(Self {
            service,
            pipeline: pipeline(env, &traces)?,
            resource: resource(service, env)?,
            disabled: env.read(&OTEL_SDK_DISABLED, value)?,
            propagators: Propagators::from_env(env)?,
            ref_key,
            ref_key_file,
            observing: Observing {
                on: env.read(&OTEL_METRICS_EXPORTER, observing)?,
                share: env.read(&KEEP_PERCENT, kept)?,
            },
            traces,
            logs: LogsConfig::from_env(service, env)?,
        })
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("service", &self.service).finish_non_exhaustive()
    }
}

impl TracesConfig {
    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let protocol = env.read(&OTEL_EXPORTER_OTLP_PROTOCOL, protocol)?;
        let queue = env.read(&OTEL_BSP_MAX_QUEUE_SIZE, value::<usize>)?.max(1);
        Ok(Self {
            exporters: env.read(&OTEL_TRACES_EXPORTER, exporters)?,
            endpoint: endpoint(env, protocol)?,
            protocol,
            headers: otlp::headers(env)?,
            timeout: otlp::timeout(env)?,
            zipkin_endpoint: env.read(&OTEL_EXPORTER_ZIPKIN_ENDPOINT, http_url)?,
            zipkin_timeout: env.read(&OTEL_EXPORTER_ZIPKIN_TIMEOUT, millis(..))?,
            export_timeout: env.read(&OTEL_BSP_EXPORT_TIMEOUT, millis(..))?,
            sampler: sampler(env)?,
            limits: Limits::from_env(env)?,
            queue,
            batch: env.read(&OTEL_BSP_MAX_EXPORT_BATCH_SIZE, value::<usize>)?.clamp(1, queue),
            delay: env.read(&OTEL_BSP_SCHEDULE_DELAY, millis(..))?,
        })
    }
}

/// Of the specification's values the two that make sense for metrics that are pulled.
fn observing(held: &str) -> Option<bool> {
    match held {
        "prometheus" => Some(true),
        "none" => Some(false),
        _ => None,
    }
}

/// What the trace backend keeps of ordinary traces; only those become exemplars.
fn kept(held: &str) -> Option<Share> {
    within(0.0..=100.0)(held)
        .map(|percent| if percent < 100.0 { Share::percent(percent) } else { Share::ALL })
}

/// The direct one, which costs less, wherever it can do what is asked for.
fn pipeline(env: &Env, traces: &TracesConfig) -> Result<Pipeline, ConfigError> {
    let otlp = traces.exporters.iter().all(|exporter| *exporter == TraceExporter::Otlp);
    let is_fit = otlp && traces.exporters.len() < 2 && traces.protocol != Protocol::HttpJson;
    let asked = env.optional(&TELEMETRY_PIPELINE, |held| match held {
        "direct" => Some(Pipeline::Direct),
        "standard" => Some(Pipeline::Standard),
        _ => None,
    })?;
    match asked {
        None | Some(Pipeline::Direct) if is_fit => Ok(Pipeline::Direct),
        None | Some(Pipeline::Standard) => Ok(Pipeline::Standard),
        Some(Pipeline::Direct) => Err(TELEMETRY_PIPELINE
            .wrong_here("direct", "standard, unless spans go to one OTLP receiver as protobuf")),
    }
}

fn exporters(held: &str) -> Option<Vec<TraceExporter>> {
    let chosen = list(held, |name| match name {
        "otlp" => Some(Some(TraceExporter::Otlp)),
        "zipkin" => Some(Some(TraceExporter::Zipkin)),
        "console" => Some(Some(TraceExporter::Console)),
        "none" => Some(None),
        _ => None,
    })?;
    Some(chosen.into_iter().flatten().collect())
}

fn protocol(held: &str) -> Option<Protocol> {
    match held {
        "grpc" => Some(Protocol::Grpc),
        "http/protobuf" => Some(Protocol::HttpProtobuf),
        "http/json" => Some(Protocol::HttpJson),
        _ => None,
    }
}

/// The signal's own endpoint is used as it is; the common one is a base that HTTP appends a path to.
fn endpoint(env: &Env, protocol: Protocol) -> Result<String, ConfigError> {
    let own = env.optional(&OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, http_url)?;
    let (default, path) = match protocol {
        Protocol::Grpc => ("http://127.0.0.1:4317", ""),
        Protocol::HttpProtobuf | Protocol::HttpJson => ("http://127.0.0.1:4318", "/v1/traces"),
    };
    let base = env.read_or(&OTEL_EXPORTER_OTLP_ENDPOINT, default, http_url)?;
    let whole = || if path.is_empty() { base } else { format!("{}{path}", base.trim_end_matches('/')) };
    Ok(own.unwrap_or_else(whole))
}

fn http_url(held: &str) -> Option<String> {
    let url = reqwest::Url::parse(held).ok()?;
    (url.scheme() == "http" && url.has_host()).then(|| held.to_owned())
}

fn sampler(env: &Env) -> Result<Sampler, ConfigError> {
    let (parent_based, fixed) = env.read(&OTEL_TRACES_SAMPLER, |held| {
        let own = held.strip_prefix("parentbased_");
        let fixed = match own.unwrap_or(held) {
            "always_on" => Some(1.0),
            "always_off" => Some(0.0),
            "traceidratio" => None,
            _ => return None,
        };
        Some((own.is_some(), fixed))
    })?;
    // Of no other sampler, so that what another one takes is no mistake.
    let ratio = fixed.map_or_else(|| env.read(&OTEL_TRACES_SAMPLER_ARG, share), Ok)?;
    Ok(Sampler { parent_based, ratio })
}

/// One key, or a ring of them. One that is in a file may change.
fn ref_key(env: &Env) -> Result<(Option<RefKey>, Option<KeyFile>), ConfigError> {
    let name = CUSTOMER_REF_KEY.name;
    // Read by now where a process reads all its secrets at once.
    let read =
        if env.get(name).is_none() { Some(env.clone().with_files([&CUSTOMER_REF_KEY])?) } else { None };
    let env = read.as_ref().unwrap_or(env);
    let Some(key) = env.optional(&CUSTOMER_REF_KEY, |held| RefKey::new(held.as_bytes()))? else {
        return Ok((None, None));
    };
    let held = env.get(name).unwrap_or_default().to_owned();
    let file = env.get(&format!("{name}_FILE"));
    Ok((Some(key), file.map(|path| KeyFile { path: path.into(), held })))
}

fn resource(service: &'static str, env: &Env) -> Result<Vec<(String, String)>, ConfigError> {
    let mut attributes = vec![
        ("service.name".to_owned(), service.to_owned()),
        ("service.namespace".to_owned(), "waybill".to_owned()),
        ("service.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id".to_owned(), uuid::Uuid::now_v7().to_string()),
    ];
    let given = env.optional(&OTEL_RESOURCE_ATTRIBUTES, |held| list(held, attribute))?;
    let name = env.optional(&OTEL_SERVICE_NAME, value)?;
    let name = name.map(|name| ("service.name".to_owned(), name));
    for (key, value) in given.into_iter().flatten().chain(name) {
        match attributes.iter_mut().find(|(k, _)| *k == key) {
            Some((_, old)) => *old = value,
            None => attributes.push((key, value)),
        }
    }
    // They are on every signal.
    for (key, value) in &mut attributes {
        *value = if is_secret_name(key) { REDACTED.to_owned() } else { scrub(value).into_owned() };
    }
    Ok(attributes)
}

fn attribute(pair: &str) -> Option<(String, String)> {
    let (key, value) = pair.split_once('=')?;
    Some((key.trim().to_owned(), percent_decoded(value.trim())?))
}

/// Percent-decoding (RFC 3986): how a value holds a comma or a space.
fn percent_decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, others) = rest.split_at_checked(2)?;
        // `from_str_radix` would take a sign, too.
        let digits =
            std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = others;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_env("order-service", &Env::from_pairs(pairs.iter().copied()))
    }

    #[test]
    fn defaults_are_the_specifications() {
        let config = config(&[]).unwrap();
        assert_eq!(config.traces.exporters, [TraceExporter::Otlp]);
        assert_eq!(config.traces.endpoint, "http://127.0.0.1:4317");
        assert_eq!(config.traces.zipkin_endpoint, "http://127.0.0.1:9411/api/v2/spans");
        assert_eq!(config.traces.zipkin_timeout, Duration::from_secs(10));
        assert_eq!(config.traces.sampler, Sampler { parent_based: true, ratio: 1.0 });
    }

    #[test]
    fn two_hex_digits_follow_a_percent_sign() {
        assert_eq!(percent_decoded("a%20b%2C%2c").as_deref(), Some("a b,,"));
        for wrong in ["%", "%2", "%+F", "%-1", "%g0", "% 2", "%é", "%ff"] {
            assert_eq!(percent_decoded(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_environment_overrides() {
        let config = config(&[
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.version=9.9,team=tea"),
            ("OTEL_TRACES_EXPORTER", "otlp, zipkin,console"),
            ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", "http://zipkin:9411/api/v2/spans"),
            ("OTEL_EXPORTER_ZIPKIN_TIMEOUT", "250"),
            ("OTEL_TRACES_SAMPLER", "traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ])
        .unwrap();
        assert_eq!(config.traces.endpoint, "http://collector:4318/v1/traces");
        assert_eq!(config.traces.sampler, Sampler { parent_based: false, ratio: 0.25 });
        assert_eq!(
            config.traces.exporters,
            [TraceExporter::Otlp, TraceExporter::Zipkin, TraceExporter::Console]
        );
        assert_eq!(config.traces.zipkin_endpoint, "http://zipkin:9411/api/v2/spans");
        assert_eq!(config.traces.zipkin_timeout, Duration::from_millis(250));
        assert!(config.resource.contains(&("service.version".to_owned(), "9.9".to_owned())));
        assert!(config.resource.contains(&("team".to_owned(), "tea".to_owned())));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, held) in [
            ("OTEL_TRACES_EXPORTER", "carrier-pigeon"),
            ("OTEL_TRACES_SAMPLER", "sometimes"),
            ("OTEL_PROPAGATORS", "b3"),
            ("OTEL_SDK_DISABLED", "perhaps"),
            ("TELEMETRY_PIPELINE", "sideways"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "-1"),
            ("OTEL_EXPORTER_ZIPKIN_TIMEOUT", "soon"),
        ] {
            let error = config(&[(name, held)]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{name}: `{held}` won't do; it takes ")), "{error}");
        }
        let error = config(&[("CUSTOMER_REF_KEY", "waybill-ref-ring 1\nhunter2")]).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
        let error = config(&[("CUSTOMER_REF_KEY", "hunter2")]).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
