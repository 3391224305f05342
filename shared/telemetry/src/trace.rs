//! Spans from `tracing` to a backend: sampler, bounded batch export with counted loss, destinations.

mod batch;
mod destination;
mod lane;
mod scrub;
mod zipkin;

pub(crate) use batch::{BatchProcessor, SpanCounts, SpanExport};
pub(crate) use destination::Destination;
pub(crate) use lane::report;
#[cfg(feature = "testing")]
pub(crate) use scrub::scrub_span;

use crate::{
    config::{Config, Sampler},
    names::SCHEMA_URL,
    redact::reads_as_card,
};
use opentelemetry::{
    InstrumentationScope, KeyValue,
    trace::{SpanId, TraceId, TracerProvider as _},
};
use opentelemetry_sdk::{
    Resource,
    trace::{
        IdGenerator, RandomIdGenerator, Sampler as SdkSampler, SdkTracer, SdkTracerProvider, SpanProcessor,
    },
};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

/// What OTLP calls the instrumentation scope: whose spans they are.
pub(crate) const SCOPE: &str = "waybill";

pub(crate) fn resource(config: &Config) -> Resource {
    let attributes = config.resource.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    // In this order: attributes given with the URL would give way to the SDK's own.
    Resource::builder().with_schema_url([], SCHEMA_URL).with_attributes(attributes).build()
}

pub(crate) fn provider(config: &Config, processor: impl SpanProcessor + 'static) -> SdkTracerProvider {
    SdkTracerProvider::builder()
        .with_resource(resource(config))
        .with_sampler(sampler(config.traces.sampler))
        .with_id_generator(Ids::default())
        .with_span_processor(processor)
        .build()
}

/// The SDK's, but no span id that a service would refuse because it reads as a card number.
#[derive(Debug, Default)]
struct Ids(RandomIdGenerator);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        self.0.new_trace_id()
    }

    fn new_span_id(&self) -> SpanId {
        loop {
            let id = self.0.new_span_id();
            if !reads_as_card(u64::from_be_bytes(id.to_bytes()).into()) {
                return id;
            }
        }
    }
}

/// The lean form of tracing-opentelemetry's layer: what it would add by default (source location, thread, target,
/// busy and idle times) costs more than the span itself, and log lines are not copied into spans because they are
/// found by their ids.
pub(crate) fn layer<S>(provider: &SdkTracerProvider) -> impl Layer<S> + Send + Sync + use<S>
where
    S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let scope = InstrumentationScope::builder(SCOPE).with_schema_url(SCHEMA_URL).build();
    let tracer: SdkTracer = provider.tracer_with_scope(scope);
    tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_target(false)
        .with_level(false)
        .with_filter(filter_fn(|metadata| metadata.is_span() && !is_transport(metadata)))
}

/// The libraries that carry telemetry have spans and events of their own: recording them would trace the exporter. Those
/// that carry anything else say at length what our spans say, and with it, at DEBUG, the server's URL and password.
pub(crate) fn is_transport(metadata: &Metadata<'_>) -> bool {
    const LIBRARIES: [&str; 8] =
        ["hyper", "h2", "tonic", "tower", "reqwest", "opentelemetry", "sqlx", "async_nats"];
    let target = metadata.target();
    LIBRARIES.iter().any(|library| target.starts_with(library))
}

fn sampler(sampler: Sampler) -> SdkSampler {
    let root = if sampler.ratio >= 1.0 {
        SdkSampler::AlwaysOn
    } else if sampler.ratio <= 0.0 {
        SdkSampler::AlwaysOff
    } else {
        SdkSampler::TraceIdRatioBased(sampler.ratio)
    };
    if sampler.parent_based { SdkSampler::ParentBased(Box::new(root)) } else { root }
}
