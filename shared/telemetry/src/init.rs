//! The start and the end: everything is set up in one call and flushed, in order, in another.

mod background;
mod counts;
mod panic;

use crate::{
    config::Config,
    direct::Direct,
    env::ConfigError,
    log::{self, Gate, LineSink, LogLayer, Outlet},
    metrics::Metrics,
    pipeline::Export,
    redact::{CurrentKey, CustomerRef, RefKey},
    trace::{self, BatchProcessor},
};
use background::Background;
use bytes::Bytes;
pub use counts::LossReport;
use opentelemetry_sdk::trace::SdkTracerProvider;
pub(crate) use panic::log_panics;
use std::{sync::Arc, time::Duration};
use tracing::subscriber::{NoSubscriber, SetGlobalDefaultError, set_global_default};
use tracing_subscriber::{Layer, layer::SubscriberExt};

/// The telemetry of a process. A cheap handle; [`Telemetry::shutdown`] ends it for all clones.
#[derive(Clone)]
pub struct Telemetry {
    inner: Arc<Inner>,
}

struct Inner {
    service: &'static str,
    metrics: Metrics,
    ref_key: Arc<CurrentKey>,
    /// `None` in tests, where a recorder takes everything.
    running: Option<Running>,
}

struct Running {
    provider: Option<SdkTracerProvider>,
    spans: Export,
    sinks: Vec<Arc<log::Sink>>,
    gate: Arc<Gate>,
    background: Background,
}

/// Sets up traces, logs and metrics for this process and installs the global `tracing` subscriber.
///
/// Fails when the configuration names something that cannot be built, or when the process has a subscriber already.
pub fn init(mut config: Config) -> Result<Telemetry, ConfigError> {
    config.propagators.install();
    let metrics = Metrics::new(config.resource.clone(), config.observing);
    let spans = Export::new(&config);
    let outlets = Outlet::all(&config.logs)?;
    let sinks: Vec<_> = outlets.iter().map(|outlet| outlet.sink.clone()).collect();
    let gate = Arc::new(Gate::new(&config.logs));
    counts::register(&metrics, spans.clone(), sinks.clone(), gate.clone());

    let given = config.ref_key.take();
    let is_given = given.is_some();
    let ref_key = CurrentKey::new(given.unwrap_or_else(RefKey::random));
    let background = Background::start(&config, &spans, outlets, gate.clone(), &ref_key)?;
    let lines = (!sinks.is_empty())
        .then(|| log::layer(line_writer(&config), Arc::new(sinks.clone())).behind(gate.clone()));
    let provider = install(&config, &spans, lines)
        .map_err(|error| ConfigError::new("telemetry", error, "one init call in a process"))?;

    log_panics(|_| ());
    if !is_given {
        tracing::warn!("CUSTOMER_REF_KEY is not set: customer references of this process match no other's");
    }
    Ok(Telemetry {
        inner: Arc::new(Inner {
            service: config.service,
            metrics,
            ref_key,
            running: Some(Running { provider, spans, sinks, gate, background }),
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
        // Without traces and lines nobody asks for a span.
        _ if config.disabled && lines.is_none() => set_global_default(NoSubscriber::new()).map(|()| None),
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

fn line_writer(config: &Config) -> log::Writer {
    let resource = |key: &str| {
        config.resource.iter().find(|(k, _)| k == key).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    log::Writer::new(&resource("service.name"), &resource("service.version"))
}

impl Telemetry {
    /// The service's name in docs/TELEMETRY.md.
    pub fn service(&self) -> &'static str {
        self.inner.service
    }

    /// Where instruments come from and where the exposition is read.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// What stands for a customer in telemetry.
    pub fn customer_ref(&self, customer_id: &str) -> CustomerRef {
        self.inner.ref_key.reference(customer_id)
    }

    /// Gives a finished line to every sink, whatever the level: a process whose lines are `off` has none.
    pub(crate) fn write_line(&self, line: &str) {
        let Some(running) = &self.inner.running else { return };
        running.sinks.write(Bytes::from([line, "\n"].concat()));
    }

    /// Waits until what was emitted before has been exported or counted as lost, at most `limit`: spans first,
    /// because a failed export may still write a line. A quarter of the time is kept for the lines.
    pub async fn flush(&self, limit: Duration) -> LossReport {
        let Some(running) = &self.inner.running else { return LossReport::default() };
        let end = tokio::time::Instant::now() + limit;
        running.spans.flush(limit * 3 / 4).await;
        let lines = async {
            // Twice: a sink that had trouble may have written a line about it to the others.
            for _ in 0..2 {
                log::idle(&running.sinks).await;
            }
        };
        let _ = tokio::time::timeout_at(end, lines).await;
        LossReport::of(&running.spans, &running.sinks, &running.gate)
    }

    /// Flushes, at most `limit`, then stops. What could not be delivered by then is counted as failed.
    pub async fn shutdown(&self, limit: Duration) -> LossReport {
        let Some(running) = &self.inner.running else { return LossReport::default() };
        running.gate.say();
        self.flush(limit).await;
        if let Some(provider) = &running.provider {
            // Closes the queue only: everything has been flushed above.
            let _ = provider.shutdown_with_timeout(Duration::ZERO);
        }
        running.background.stop();
        counts::abandon(&running.spans, &running.sinks);
        LossReport::of(&running.spans, &running.sinks, &running.gate)
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
        let ref_key = CurrentKey::new(RefKey::random());
        Self { inner: Arc::new(Inner { service, metrics, ref_key, running: None }) }
    }
}
