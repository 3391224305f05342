//! Telemetry as the pages of the usual crates show it, with their defaults: what one would write at first.
//!
//! It works, in little code. What is different from `ours`, and what it costs, stands beside each part; the figures are
//! in docs/OVERHEAD.md.

use crate::{client::Client, hops::Hop, telemetry::NoAnswer};
use axum::{
    Router,
    body::Bytes,
    http::{Request, StatusCode},
};
use axum_prometheus::{PrometheusMetricLayer, metrics_exporter_prometheus::PrometheusHandle};
use axum_tracing_opentelemetry::middleware::{OtelAxumLayer, OtelInResponseLayer};
use opentelemetry::{global, trace::TracerProvider};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use std::{error::Error, time::Instant};
use tracing::{Instrument, Span, field::Empty};
use tracing_opentelemetry_instrumentation_sdk::{find_current_context, http::inject_context};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

#[derive(Clone)]
pub(crate) struct Stock {
    client: Client,
    provider: SdkTracerProvider,
    server_metrics: PrometheusMetricLayer<'static>,
    metrics: PrometheusHandle,
}

impl Stock {
    pub(crate) fn start(hop: Hop) -> Result<Self, Box<dyn Error + Send + Sync>> {
        // Trace context only. Baggage, and with it the session in every line and span, would be a second propagator.
        global::set_text_map_propagator(TraceContextPropagator::new());
        // gRPC runs on the runtime of the requests, and competes with them for its workers. The batch processor has
        // places for 2048 spans; what comes beyond is dropped, and no metric counts it.
        let exporter = opentelemetry_otlp::SpanExporter::builder().with_tonic().build()?;
        let provider = SdkTracerProvider::builder()
            .with_resource(Resource::builder().with_service_name(hop.service()).build())
            .with_batch_exporter(exporter)
            .build();
        global::set_tracer_provider(provider.clone());
        let (server_metrics, metrics) = PrometheusMetricLayer::pair();
        tracing_subscriber::registry()
            // The server's spans are of level TRACE, of this target.
            .with(EnvFilter::new("info,otel::tracing=trace"))
            // Source file, line, thread and idle time go into every span as attributes. A span that is not sampled is
            // built all the same.
            .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("stock")))
            // Each line repeats all spans around it with all their fields, which are kept as JSON text and are parsed
            // again for each; there is no trace id among them. It is written by the thread that answers the request.
            .with(tracing_subscriber::fmt::layer().json())
            .try_init()?;
        Ok(Self { client: Client::new(), provider, server_metrics, metrics })
    }

    pub(crate) fn around(&self, router: Router) -> Router {
        // Two layers and a third for the metrics: each takes the time of its own, and knows nothing of the others.
        router.layer(OtelInResponseLayer).layer(OtelAxumLayer::default()).layer(self.server_metrics.clone())
    }

    /// No middleware for a client fits this OpenTelemetry: the steps that `tracing-opentelemetry-instrumentation-sdk` tells
    /// to take, by hand.
    pub(crate) async fn call(
        &self,
        operation: &'static str,
        mut request: Request<Bytes>,
    ) -> Result<Bytes, NoAnswer> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let span = tracing::info_span!(
            "HTTP request",
            otel.name = operation,
            otel.kind = "client",
            otel.status_code = Empty,
            http.request.method = %request.method(),
            http.response.status_code = Empty,
            server.address = host,
            server.port = request.uri().port_u16().map(i64::from),
            url.full = %request.uri(),
        );
        async {
            inject_context(&find_current_context(), request.headers_mut());
            let start = Instant::now();
            let answer = self.client.send(request).await;
            let status =
                answer.as_ref().map_or_else(|_| String::new(), |(status, _)| status.as_str().to_owned());
            // The series is looked up by its name and labels, which are put together for each observation. Without
            // buckets of its own it is a summary, which cannot be added up over instances; and no exemplar leads from
            // it to a trace.
            metrics::histogram!(
                "http_client_request_duration_seconds",
                "http_request_method" => "POST",
                "server_address" => host,
                "http_response_status_code" => status,
            )
            .record(start.elapsed());
            note(answer)
        }
        .instrument(span)
        .await
    }

    pub(crate) fn confirmed() {
        metrics::counter!("orders_total", "status" => "confirmed").increment(1);
    }

    pub(crate) fn exposition(&self) -> String {
        self.metrics.render()
    }

    /// Blocks, for as long as an exporter without a receiver takes, and says nothing about what was lost.
    pub(crate) async fn stop(self) {
        let _ = tokio::task::spawn_blocking(move || self.provider.shutdown()).await;
    }
}

/// On the current span, which it answers.
fn note(answer: Result<(StatusCode, Bytes), Box<dyn Error + Send + Sync>>) -> Result<Bytes, NoAnswer> {
    let span = Span::current();
    if let Ok((status, _)) = &answer {
        span.record("http.response.status_code", i64::from(status.as_u16()));
    }
    match answer {
        Ok((status, body)) if status.is_success() => Ok(body),
        _ => {
            span.record("otel.status_code", "ERROR");
            Err(NoAnswer)
        }
    }
}
