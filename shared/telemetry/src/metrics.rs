//! OpenMetrics 1.0 with exemplars: an observation made inside a trace that will be kept carries that trace's id.
//!
//! `prometheus-client` is the one Rust crate that writes exemplars (docs/adr/0001).

mod exemplar;
mod instruments;
mod process;

use crate::{
    names::{
        SCHEMA_URL, label,
        metric::{self, Metric},
        twins,
    },
    redact::scrub_labels,
};
pub(crate) use exemplar::{Observing, Share};
pub use instruments::{Counter, Gauge, Histogram};
use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder},
    metrics::{MetricType, info::Info},
    registry::{self, Registry, Unit},
};
use std::{
    borrow::Cow,
    fmt::{self, Debug},
    hash::Hash,
    sync::{Arc, PoisonError, RwLock},
};

/// The content type of [`Metrics::encode`]: served as anything else, Prometheus refuses the exemplars.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the labels of a metric must be: a struct of small values from a bounded set that derives
/// `prometheus_client::encoding::EncodeLabelSet`.
pub trait Labels: EncodeLabelSet + Clone + Hash + Eq + Debug + Send + Sync + 'static {}
impl<L: EncodeLabelSet + Clone + Hash + Eq + Debug + Send + Sync + 'static> Labels for L {}

/// The metrics of one process. A cheap handle.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<RwLock<Registry>>,
    observing: Observing,
    pub(crate) http_server: Histogram<HttpServerLabels>,
    pub(crate) http_client: Histogram<HttpClientLabels>,
    pub(crate) db: Histogram<DbLabels>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct HttpServerLabels {
    pub(crate) http_request_method: &'static str,
    pub(crate) http_route: &'static str,
    pub(crate) http_response_status_code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct HttpClientLabels {
    pub(crate) http_request_method: &'static str,
    pub(crate) server_address: String,
    /// Empty when no answer came.
    pub(crate) http_response_status_code: Option<u16>,
    /// Empty when nothing went wrong.
    pub(crate) error_type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct DbLabels {
    pub(crate) db_system_name: &'static str,
    pub(crate) db_operation_name: &'static str,
    pub(crate) db_collection_name: &'static str,
}

impl Metrics {
    /// A registry with the instruments every process has. `target` are the resource's attributes, which become
    /// `target_info`, with the version of the list of signals.
    pub(crate) fn new(target: Vec<(String, String)>, observing: Observing) -> Self {
        let mut registry = Registry::default();
        let target = target.into_iter().map(|(key, value)| (key.replace(['.', '-'], "_"), value));
        // OTLP has a place for it beside the resource's attributes; here there is none but a label.
        let target: Vec<_> = target.chain([(label::SCHEMA_URL.to_owned(), SCHEMA_URL.to_owned())]).collect();
        registry.register(metric::TARGET.family(), metric::TARGET.help, Info::new(target));
        registry.register_collector(Box::new(process::ProcessCollector));
        let registry = Arc::new(RwLock::new(registry));
        Self {
            http_server: histogram(&registry, metric::HTTP_SERVER_DURATION, observing),
            http_client: histogram(&registry, metric::HTTP_CLIENT_DURATION, observing),
            db: histogram(&registry, metric::DB_CLIENT_DURATION, observing),
            registry,
            observing,
        }
    }

    /// A counter of the list in [`metric`].
    pub fn counter<L: Labels>(&self, metric: Metric) -> Counter<L> {
        let counter = Counter::new(self.observing);
        register(&self.registry, metric, counter.family());
        counter
    }

    /// A histogram of durations, of the list in [`metric`].
    pub fn histogram<L: Labels>(&self, metric: Metric) -> Histogram<L> {
        histogram(&self.registry, metric, self.observing)
    }

    /// A gauge of whole numbers, of the list in [`metric`].
    pub fn gauge<L: Labels>(&self, metric: Metric) -> Gauge<L> {
        let gauge = Gauge::default();
        register(&self.registry, metric, gauge.family());
        gauge
    }

    pub(crate) fn register_collector(&self, collector: impl prometheus_client::collector::Collector) {
        write(&self.registry).register_collector(Box::new(collector));
    }

    /// Everything as OpenMetrics text, ending in `# EOF`; nothing but that when metrics are off.
    pub fn encode(&self) -> String {
        if !self.observing.on {
            return "# EOF\n".to_owned();
        }
        let mut text = String::with_capacity(16 * 1024);
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        match prometheus_client::encoding::text::encode(&mut text, &registry) {
            Ok(()) => {
                let text = match scrub_labels(&text) {
                    Cow::Owned(clean) => clean,
                    Cow::Borrowed(_) => text,
                };
                if metric::HAS_TWINS { twins::in_exposition(&text, &twins::METRICS) } else { text }
            }
            // Writing to a String does not fail; an empty exposition is still a valid one.
            Err(_) => "# EOF\n".to_owned(),
        }
    }
}

fn histogram<L: Labels>(registry: &RwLock<Registry>, metric: Metric, observing: Observing) -> Histogram<L> {
    let histogram = Histogram::new(observing);
    register(registry, metric, histogram.family());
    histogram
}

fn register(registry: &RwLock<Registry>, metric: Metric, instrument: impl registry::Metric) {
    let mut registry = write(registry);
    match name_and_unit(&metric) {
        (name, Some(unit)) => registry.register_with_unit(name, metric.help, unit.clone(), instrument),
        (name, None) => registry.register(name, metric.help, instrument),
    }
}

/// As `prometheus-client` wants to be told: it appends the unit itself.
fn name_and_unit(metric: &Metric) -> (&'static str, Option<&'static Unit>) {
    let (name, unit) = match metric.unit() {
        Some("seconds") => (metric.family().strip_suffix("_seconds"), Some(&Unit::Seconds)),
        Some("bytes") => (metric.family().strip_suffix("_bytes"), Some(&Unit::Bytes)),
        _ => (None, None),
    };
    (name.unwrap_or(metric.family()), unit)
}

/// Begins a metric of the list whose values a collector reads at every scrape.
pub(crate) fn descriptor<'a>(
    encoder: &'a mut DescriptorEncoder<'_>,
    metric: Metric,
) -> Result<MetricEncoder<'a>, fmt::Error> {
    let (name, unit) = name_and_unit(&metric);
    let kind = match metric.kind {
        metric::Kind::Counter => MetricType::Counter,
        metric::Kind::Gauge => MetricType::Gauge,
        metric::Kind::Histogram => MetricType::Histogram,
        metric::Kind::Info => MetricType::Info,
    };
    encoder.encode_descriptor(name, metric.help, unit, kind)
}

fn write(registry: &RwLock<Registry>) -> std::sync::RwLockWriteGuard<'_, Registry> {
    registry.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
    struct Status {
        status: &'static str,
    }

    #[test]
    fn exposition_is_open_metrics() {
        let metrics = Metrics::new(vec![("service.name".into(), "order-service".into())], Observing::ALL);
        let orders = metrics.counter::<Status>(metric::ORDERS);
        orders.inc(&Status { status: "confirmed" });
        let duration = metrics.histogram::<Status>(metric::ORDER_PROCESSING_DURATION);
        duration.observe(&Status { status: "confirmed" }, Duration::from_millis(12));
        let text = metrics.encode();
        assert!(text.contains("orders_total{status=\"confirmed\"} 1\n"), "{text}");
        assert!(text.contains("# UNIT order_processing_duration_seconds seconds"), "{text}");
        assert!(text.contains("order_processing_duration_seconds_count{status=\"confirmed\"} 1"), "{text}");
        let target = format!("target_info{{service_name=\"order-service\",schema_url=\"{SCHEMA_URL}\"}} 1");
        assert!(text.contains(&target), "{text}");
        assert!(text.contains("process_start_time_seconds"), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
