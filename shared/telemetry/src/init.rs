//! The start and the end: everything is set up in one call and flushed, in order, in another.

mod background;
mod counts;

use crate::{
    config::Config,
    direct::Direct,
    env::ConfigError,
    log::{self, LogLayer},
    metrics::Metrics,
    pipeline::Export,
    redact::{CustomerRef, RefKey},
    trace::{self, BatchProcessor},
};
use background::Background;
pub use counts::LossReport;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::{sync::Arc, time::Duration};
use tracing::{
    level_filters::LevelFilter,
    subscriber::{SetGlobalDefaultError, set_global_default},
};
use tracing_subscriber::{Layer, layer::SubscriberExt};

/// The telemetry of a process. A cheap handle; [`Telemetry::shutdown`] ends it for all clones.
#[derive(Clone)]
pub struct Telemetry {
    inner: Arc<Inner>,
}

struct Inner {
    service: &'static str,
    metrics: Metrics,
    ref_key: RefKey,
    /// `None` in tests, where a recorder takes everything.
    running: Option<Running>,
}

struct Running {
    provider: Option<SdkTracerProvider>,
    spans: Export,
    sinks: Vec<Arc<log::Sink>>,
    background: Background,
}

/// Sets up traces, logs and metrics for this process and installs the global `tracing` subscriber.
///
/// Fails when the configuration names something that cannot be built, or when the process has a subscriber already.
pub fn init(config: Config) -> Result<Telemetry, ConfigError> {
    config.propagators.install();
    let metrics = Metrics::new(config.resource.clone(), config.observing);
    let spans = Export::new(&config);
    let sinks = sinks(&config);
    counts::register(&metrics, spans.clone(), sinks.clone());

    let background = Background::start(&config, &spans, &sinks)?;
    let lines = (!sinks.is_empty()).then(|| log::layer(line_writer(&config), Arc::new(sinks.clone())));
    let provider = install(&config, &spans, lines)
        .map_err(|error| ConfigError::new("telemetry", error, "one init call in a process"))?;

    if config.ref_key.is_none() {
        tracing::warn!("CUSTOMER_REF_KEY is not set: customer references of this process match no other's");
    }
    Ok(Telemetry {
        inner: Arc::new(Inner {
            service: config.service,
            metrics,
            ref_key: config.ref_key.unwrap_or_else(RefKey::random),
            running: Some(Running { provider, spans, sinks, background }),
        }),
    })
}

/// Installs the global subscriber. Returns what the standard pipeline needs to stop.
fn install(
    config: &Config,
    spans: &Export,
    lines: Option<LogLayer>,
) -> Result<Option<SdkTracerProvider>, SetGlobalDefaultError> {
    let (registry, wanted) = (tracing_subscriber::registry(), log::wanted(config.logs.level));
    match spans {
        _ if config.disabled => set_global_default(registry.with(lines).with(wanted)).map(|()| None),
        Export::Standard(export) => {
            let provider = trace::provider(config, BatchProcessor(export.clone()));
            let lines = lines.map(|lines| lines.with_filter(wanted));
            let layers = registry.with(trace::layer(&provider)).with(lines);
            set_global_default(layers).map(|()| Some(provider))
        }
        Export::Direct(export) => {
            set_global_default(Direct::new(config, export.clone(), lines)).map(|()| None)
        }
    }
}

/// Standard output, and the receiver when one is named; none when no line is wanted.
fn sinks(config: &Config) -> Vec<Arc<log::Sink>> {
    if config.logs.level == LevelFilter::OFF {
        return Vec::new();
    }
    let mut sinks = vec![log::Sink::new("stdout", config.logs.queue, Duration::from_millis(10))];
    if config.logs.ship.is_some() {
        sinks.push(log::Sink::new("tcp", config.logs.queue, Duration::from_millis(100)));
    }
    sinks
}

fn line_writer(config: &Config) -> log::Writer {
    let resource = |key: &str| {
        config.resource.iter().find(|(k, _)| k == key).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    log::Writer::new(&resource("service.name"), &resource("service.version"))
}

impl Telemetry {
    /// The service's name in the contract.
    pub fn service(&self) -> &'static str {
        self.inner.service
    }

    /// Where instruments come from and where the exposition is read.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// What stands for a customer in telemetry.
    pub fn customer_ref(&self, customer_id: &str) -> CustomerRef {
        CustomerRef::of(&self.inner.ref_key, customer_id)
    }

    /// Waits until what was emitted before has been exported or counted as lost, at most `limit`: spans first,
    /// because a failed export may still write a line.
    pub async fn flush(&self, limit: Duration) -> LossReport {
        let Some(running) = &self.inner.running else { return LossReport::default() };
        let end = tokio::time::Instant::now() + limit;
        running.spans.flush(limit).await;
        for sink in &running.sinks {
            sink.queue.flush(end.saturating_duration_since(tokio::time::Instant::now())).await;
        }
        LossReport::of(&running.spans, &running.sinks)
    }

    /// Flushes, at most `limit`, then stops. What could not be delivered by then is counted as failed.
    pub async fn shutdown(&self, limit: Duration) -> LossReport {
        let Some(running) = &self.inner.running else { return LossReport::default() };
        self.flush(limit).await;
        if let Some(provider) = &running.provider {
            // Closes the queue only: everything has been flushed above.
            let _ = provider.shutdown_with_timeout(Duration::ZERO);
        }
        running.background.stop();
        counts::abandon(&running.spans, &running.sinks);
        LossReport::of(&running.spans, &running.sinks)
    }

    /// Telemetry of a test: its own metrics; spans and lines of the whole test process go to
    /// [`crate::testing::recorder`].
    #[cfg(feature = "testing")]
    pub fn for_test(service: &'static str) -> Self {
        crate::testing::install(service);
        let metrics = Metrics::new(
            vec![("service.name".to_owned(), service.to_owned())],
            crate::metrics::Observing::ALL,
        );
        Self { inner: Arc::new(Inner { service, metrics, ref_key: RefKey::random(), running: None }) }
    }
}
