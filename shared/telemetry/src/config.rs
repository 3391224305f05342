//! Everything that can be configured, read once from the environment and checked before anything starts.
//!
//! Names are those of the OpenTelemetry specification
//! (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>) where it has one.

mod logs;
mod otlp;

pub(crate) use logs::{Carrier, FileConfig, LogsConfig};

use crate::{
    env::{ConfigError, Env},
    metrics::{Observing, Share},
    propagation::Propagators,
    redact::{KeyFile, REDACTED, RefKey, is_secret_name, scrub},
};
use http::HeaderMap;
pub(crate) use otlp::Limits;
use std::time::Duration;

/// The configuration of one process's telemetry.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name in the contract, which metrics and data streams use.
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

#[derive(Clone, Debug)]
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

/// Larger than the specification's 2048, which a short burst overflows: some 8 MiB at the worst.
const SPAN_QUEUE: usize = 8192;
/// Smaller than the specification's 512: large batches compete with requests for the processor (docs/adr/0004).
const SPAN_BATCH: usize = 128;

impl Config {
    /// Reads the environment. `service` is the name unless `OTEL_SERVICE_NAME` gives another.
    pub fn from_env(service: &'static str, env: &Env) -> Result<Self, ConfigError> {
        let traces = TracesConfig::from_env(env)?;
        let (ref_key, ref_key_file) = ref_key(env)?;
        Ok(Self {
            service,
            pipeline: pipeline(env, &traces)?,
            resource: resource(service, env)?,
            disabled: env.parse("OTEL_SDK_DISABLED", "true or false")?.unwrap_or(false),
            propagators: Propagators::from_env(env)?,
            ref_key,
            ref_key_file,
            observing: Observing { on: metrics(env)?, share: kept(env)? },
            traces,
            logs: LogsConfig::from_env(service, env)?,
        })
    }
}

impl TracesConfig {
    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let protocol = protocol(env)?;
        let queue = env.parse("OTEL_BSP_MAX_QUEUE_SIZE", "a number of spans")?.unwrap_or(SPAN_QUEUE).max(1);
        Ok(Self {
            exporters: exporters(env)?,
            endpoint: endpoint(env, protocol)?,
            protocol,
            headers: otlp::headers(env)?,
            timeout: otlp::timeout(env)?,
            zipkin_endpoint: http_url(env, "OTEL_EXPORTER_ZIPKIN_ENDPOINT")?
                .unwrap_or("http://127.0.0.1:9411/api/v2/spans")
                .to_owned(),
            zipkin_timeout: millis(env, "OTEL_EXPORTER_ZIPKIN_TIMEOUT", 10_000)?,
            export_timeout: millis(env, "OTEL_BSP_EXPORT_TIMEOUT", 30_000)?,
            sampler: sampler(env)?,
            limits: Limits::from_env(env)?,
            queue,
            batch: env
                .parse("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "a number of spans")?
                .unwrap_or(SPAN_BATCH)
                .clamp(1, queue),
            delay: millis(env, "OTEL_BSP_SCHEDULE_DELAY", 5_000)?,
        })
    }
}

/// `OTEL_METRICS_EXPORTER`: of the specification's values the two that make sense for metrics that are pulled.
fn metrics(env: &Env) -> Result<bool, ConfigError> {
    match env.get("OTEL_METRICS_EXPORTER") {
        None | Some("prometheus") => Ok(true),
        Some("none") => Ok(false),
        Some(held) => Err(ConfigError::new("OTEL_METRICS_EXPORTER", held, "prometheus or none")),
    }
}

/// What the trace backend keeps of ordinary traces; only those become exemplars.
fn kept(env: &Env) -> Result<Share, ConfigError> {
    let takes = "a percentage from 0 to 100";
    match env.parse::<f64>("KEEP_PERCENT", takes)? {
        None => Ok(Share::ALL),
        Some(percent @ 0.0..=100.0) => Ok(Share::percent(percent)),
        Some(other) => Err(ConfigError::new("KEEP_PERCENT", other, takes)),
    }
}

/// The direct one, which costs less, wherever it can do what is asked for.
fn pipeline(env: &Env, traces: &TracesConfig) -> Result<Pipeline, ConfigError> {
    const NAME: &str = "TELEMETRY_PIPELINE";
    let otlp = traces.exporters.iter().all(|exporter| *exporter == TraceExporter::Otlp);
    let is_fit = otlp && traces.exporters.len() < 2 && traces.protocol != Protocol::HttpJson;
    match env.get(NAME) {
        None | Some("direct") if is_fit => Ok(Pipeline::Direct),
        None | Some("standard") => Ok(Pipeline::Standard),
        Some("direct") => Err(ConfigError::new(
            NAME,
            "direct",
            "standard, unless spans go to one OTLP receiver as protobuf",
        )),
        Some(held) => Err(ConfigError::new(NAME, held, "standard or direct")),
    }
}

fn exporters(env: &Env) -> Result<Vec<TraceExporter>, ConfigError> {
    const NAME: &str = "OTEL_TRACES_EXPORTER";
    let Some(held) = env.get(NAME) else { return Ok(vec![TraceExporter::Otlp]) };
    let mut chosen = Vec::new();
    for name in held.split(',').map(str::trim) {
        match name {
            "otlp" => chosen.push(TraceExporter::Otlp),
            "zipkin" => chosen.push(TraceExporter::Zipkin),
            "console" => chosen.push(TraceExporter::Console),
            "none" => {}
            _ => return Err(ConfigError::new(NAME, held, "otlp, zipkin, console (comma separated) or none")),
        }
    }
    Ok(chosen)
}

fn protocol(env: &Env) -> Result<Protocol, ConfigError> {
    const NAME: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
    match env.get(NAME) {
        None | Some("grpc") => Ok(Protocol::Grpc),
        Some("http/protobuf") => Ok(Protocol::HttpProtobuf),
        Some("http/json") => Ok(Protocol::HttpJson),
        Some(held) => Err(ConfigError::new(NAME, held, "grpc, http/protobuf or http/json")),
    }
}

/// The signal's own endpoint is used as it is; the common one is a base that HTTP appends a path to.
fn endpoint(env: &Env, protocol: Protocol) -> Result<String, ConfigError> {
    if let Some(own) = http_url(env, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")? {
        return Ok(own.to_owned());
    }
    let base = http_url(env, "OTEL_EXPORTER_OTLP_ENDPOINT")?;
    Ok(match protocol {
        Protocol::Grpc => base.unwrap_or("http://127.0.0.1:4317").to_owned(),
        Protocol::HttpProtobuf | Protocol::HttpJson => {
            format!("{}/v1/traces", base.unwrap_or("http://127.0.0.1:4318").trim_end_matches('/'))
        }
    })
}

/// Not shown when it is wrong: a URL may hold a password.
fn http_url<'e>(env: &'e Env, name: &'static str) -> Result<Option<&'e str>, ConfigError> {
    let Some(held) = env.get(name) else { return Ok(None) };
    match reqwest::Url::parse(held) {
        Ok(url) if url.scheme() == "http" && url.has_host() => Ok(Some(held)),
        _ => Err(ConfigError::secret(name, "an http URL such as http://127.0.0.1:4318")),
    }
}

fn sampler(env: &Env) -> Result<Sampler, ConfigError> {
    const NAME: &str = "OTEL_TRACES_SAMPLER";
    const TAKES: &str = "always_on, always_off, traceidratio, or one of these after parentbased_";
    let held = env.get(NAME).unwrap_or("parentbased_always_on");
    let (parent_based, kind) = match held.strip_prefix("parentbased_") {
        Some(kind) => (true, kind),
        None => (false, held),
    };
    let ratio = match kind {
        "always_on" => 1.0,
        "always_off" => 0.0,
        "traceidratio" => ratio(env)?,
        _ => return Err(ConfigError::new(NAME, held, TAKES)),
    };
    Ok(Sampler { parent_based, ratio })
}

fn ratio(env: &Env) -> Result<f64, ConfigError> {
    const NAME: &str = "OTEL_TRACES_SAMPLER_ARG";
    const TAKES: &str = "a share from 0 to 1";
    let ratio = env.parse::<f64>(NAME, TAKES)?.unwrap_or(1.0);
    if (0.0..=1.0).contains(&ratio) { Ok(ratio) } else { Err(ConfigError::new(NAME, ratio, TAKES)) }
}

/// One key, or a ring of them. One that is in a file may change.
fn ref_key(env: &Env) -> Result<(Option<RefKey>, Option<KeyFile>), ConfigError> {
    const NAME: &str = "CUSTOMER_REF_KEY";
    const TAKES: &str = "16 bytes or more, or a whole key ring";
    // Read by now where a process reads all its secrets at once.
    let read = if env.get(NAME).is_none() { Some(env.clone().with_files(&[NAME])?) } else { None };
    let Some(held) = read.as_ref().unwrap_or(env).get(NAME) else { return Ok((None, None)) };
    let key = RefKey::new(held.as_bytes()).ok_or_else(|| ConfigError::secret(NAME, TAKES))?;
    let file = env.get("CUSTOMER_REF_KEY_FILE");
    Ok((Some(key), file.map(|path| KeyFile { path: path.into(), held: held.to_owned() })))
}

fn resource(service: &'static str, env: &Env) -> Result<Vec<(String, String)>, ConfigError> {
    const NAME: &str = "OTEL_RESOURCE_ATTRIBUTES";
    let mut attributes = vec![
        ("service.name".to_owned(), service.to_owned()),
        ("service.namespace".to_owned(), "waybill".to_owned()),
        ("service.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id".to_owned(), uuid::Uuid::now_v7().to_string()),
    ];
    let mut put = |key: &str, value: &str| match attributes.iter_mut().find(|(k, _)| k == key) {
        Some((_, old)) => value.clone_into(old),
        None => attributes.push((key.to_owned(), value.to_owned())),
    };
    for pair in env.get(NAME).unwrap_or_default().split(',').filter(|pair| !pair.trim().is_empty()) {
        match pair.split_once('=').and_then(|(key, value)| Some((key, percent_decoded(value.trim())?))) {
            Some((key, value)) => put(key.trim(), &value),
            None => {
                return Err(ConfigError::new(
                    NAME,
                    pair,
                    "key=value pairs, comma separated, values percent-encoded",
                ));
            }
        }
    }
    if let Some(name) = env.get("OTEL_SERVICE_NAME") {
        put("service.name", name);
    }
    // They are on every signal.
    for (key, value) in &mut attributes {
        *value = if is_secret_name(key) { REDACTED.to_owned() } else { scrub(value).into_owned() };
    }
    Ok(attributes)
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
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = others;
    }
    String::from_utf8(bytes).ok()
}

fn millis(env: &Env, name: &'static str, default: u64) -> Result<Duration, ConfigError> {
    Ok(Duration::from_millis(env.parse(name, "a number of milliseconds")?.unwrap_or(default)))
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
