//! Where spans go: an OTLP receiver, Zipkin, or standard output.

use super::zipkin::Zipkin;
use crate::config::{Config, Protocol, TraceExporter};
use opentelemetry_otlp::{Protocol as OtlpProtocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use std::{fmt::Write as _, sync::Arc};
use tokio::io::AsyncWriteExt;

/// One place that spans are exported to.
pub(crate) enum Destination {
    Otlp(Box<SpanExporter>),
    Zipkin(Zipkin),
    Console { service: String },
}

impl Destination {
    /// Needs the runtime it will export on to be entered. The error is one line for whoever started the process.
    pub(crate) fn all(config: &Config) -> Result<Vec<Self>, String> {
        config.traces.exporters.iter().map(|exporter| Self::open(*exporter, config)).collect()
    }

    fn open(exporter: TraceExporter, config: &Config) -> Result<Self, String> {
        Ok(match exporter {
            TraceExporter::Otlp => Self::Otlp(Box::new(otlp(config)?)),
            TraceExporter::Zipkin => Self::Zipkin(Zipkin::new(config)?),
            TraceExporter::Console => {
                let name = config.resource.iter().find(|(key, _)| key == "service.name");
                Self::Console { service: name.map_or_else(String::new, |(_, name)| name.clone()) }
            }
        })
    }

    /// Its name in `OTEL_TRACES_EXPORTER`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Otlp(_) => "otlp",
            Self::Zipkin(_) => "zipkin",
            Self::Console { .. } => "console",
        }
    }

    /// Exports a batch. It is cloned only where an exporter wants it for itself and another destination has it too.
    pub(crate) async fn export(&self, batch: Arc<Vec<SpanData>>) -> Result<(), String> {
        match self {
            Self::Otlp(exporter) => {
                let answer = exporter.export(Arc::unwrap_or_clone(batch)).await;
                answer.map_err(|error| error.to_string())
            }
            Self::Zipkin(zipkin) => zipkin.export(&batch).await,
            Self::Console { service } => {
                let text = batch.iter().fold(String::new(), |mut text, span| {
                    write_line(&mut text, service, span);
                    text
                });
                let mut stdout = tokio::io::stdout();
                stdout.write_all(text.as_bytes()).await.map_err(|error| error.to_string())
            }
        }
    }
}

fn otlp(config: &Config) -> Result<SpanExporter, String> {
    let endpoint = config.traces.endpoint.clone();
    let built = match config.traces.protocol {
        Protocol::Grpc => SpanExporter::builder().with_tonic().with_endpoint(endpoint).build(),
        Protocol::HttpProtobuf => SpanExporter::builder()
            .with_http()
            .with_protocol(OtlpProtocol::HttpBinary)
            .with_endpoint(endpoint)
            .build(),
        Protocol::HttpJson => SpanExporter::builder()
            .with_http()
            .with_protocol(OtlpProtocol::HttpJson)
            .with_endpoint(endpoint)
            .build(),
    };
    let mut exporter = built.map_err(|error| error.to_string())?;
    exporter.set_resource(&super::resource(config));
    Ok(exporter)
}

/// One span on one line, for eyes and `grep`.
fn write_line(text: &mut String, service: &str, span: &SpanData) {
    let duration = span.end_time.duration_since(span.start_time).unwrap_or_default();
    let attributes: serde_json::Map<_, _> = span
        .attributes
        .iter()
        .map(|attribute| (attribute.key.to_string(), attribute.value.to_string().into()))
        .collect();
    let line = serde_json::json!({
        "span": span.name, "kind": format!("{:?}", span.span_kind), "service": service,
        "trace_id": span.span_context.trace_id().to_string(), "span_id": span.span_context.span_id().to_string(),
        "parent_span_id": span.parent_span_id.to_string(), "duration_ms": duration.as_secs_f64() * 1e3,
        "status": format!("{:?}", span.status), "attributes": attributes,
    });
    let _ = writeln!(text, "{line}");
}
