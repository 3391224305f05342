//! Where spans go: an OTLP receiver, or standard output.

use crate::config::{Config, Protocol, TraceExporter};
use opentelemetry_otlp::{Protocol as OtlpProtocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter as _},
};
use std::fmt::Write as _;
use tokio::io::AsyncWriteExt;

/// One place that spans are exported to.
#[derive(Debug)]
pub(crate) enum Destination {
    Otlp(Box<SpanExporter>),
    Console { service: String },
}

impl Destination {
    /// Needs the runtime it will export on to be entered. The error is one line for whoever started the process.
    pub(crate) fn all(config: &Config) -> Result<Vec<Self>, String> {
        config.traces.exporters.iter().map(|exporter| Self::open(*exporter, config)).collect()
    }

    fn open(exporter: TraceExporter, config: &Config) -> Result<Self, String> {
        let mut destination = match exporter {
            TraceExporter::Otlp => Self::Otlp(Box::new(otlp(config)?)),
            TraceExporter::Console => {
                let name = config.resource.iter().find(|(key, _)| key == "service.name");
                Self::Console { service: name.map_or_else(String::new, |(_, name)| name.clone()) }
            }
        };
        if let Self::Otlp(exporter) = &mut destination {
            exporter.set_resource(&super::resource(config));
        }
        Ok(destination)
    }

    pub(crate) async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        match self {
            Self::Otlp(exporter) => exporter.export(batch).await,
            Self::Console { service } => {
                let text = batch.iter().fold(String::new(), |mut text, span| {
                    write_line(&mut text, service, span);
                    text
                });
                let mut stdout = tokio::io::stdout();
                let written = stdout.write_all(text.as_bytes()).await;
                written.map_err(|error| {
                    opentelemetry_sdk::error::OTelSdkError::InternalFailure(error.to_string())
                })
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
    built.map_err(|error| error.to_string())
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
