//! A trace backend in the test's hand: OTLP over gRPC and over HTTP (protobuf and JSON).

mod decode;

use crate::{Mood, eventually, server::Server};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_TYPE},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    trace::v1::Span,
};
use prost::Message;
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use telemetry::testing::SpanRecord;
use tokio::net::TcpListener;
use tonic::{Request, Response, Status, transport::server::TcpIncoming};

/// Takes spans and keeps them all.
pub struct OtlpSink {
    grpc: Server,
    http: Server,
    kept: Arc<Kept>,
}

#[derive(Default)]
struct Kept {
    mood: Mutex<Mood>,
    spans: Mutex<Vec<SpanRecord>>,
    messages: Mutex<Vec<Span>>,
    resources: Mutex<Vec<Map<String, Value>>>,
    requests: Mutex<Vec<String>>,
}

impl OtlpSink {
    /// Listens on two free ports.
    pub fn start() -> Self {
        let kept = Arc::new(Kept::default());
        let grpc = Server::start(|listener| serve_grpc(listener, kept.clone()));
        let http = Server::start(|listener| serve_http(listener, kept.clone()));
        Self { grpc, http, kept }
    }

    /// For `OTEL_EXPORTER_OTLP_ENDPOINT` with the protocol `grpc`.
    pub fn grpc(&self) -> String {
        format!("http://{}", self.grpc.address())
    }

    /// For `OTEL_EXPORTER_OTLP_ENDPOINT` with the protocols `http/protobuf` and `http/json`.
    pub fn http(&self) -> String {
        format!("http://{}", self.http.address())
    }

    /// What it does from now on.
    pub fn set(&self, mood: Mood) {
        *lock(&self.kept.mood) = mood;
    }

    /// Goes away, with all connections.
    pub fn stop(&mut self) {
        self.grpc.stop();
        self.http.stop();
    }

    /// Comes back on the same ports, with what it had.
    pub fn restart(&mut self) {
        self.grpc.restart(|listener| serve_grpc(listener, self.kept.clone()));
        self.http.restart(|listener| serve_http(listener, self.kept.clone()));
    }

    /// Every span it has taken, in the order of arrival; one that was sent twice is there twice.
    pub fn spans(&self) -> Vec<SpanRecord> {
        lock(&self.kept.spans).clone()
    }

    /// The same as they came, with what [`SpanRecord`] leaves out.
    pub fn messages(&self) -> Vec<Span> {
        lock(&self.kept.messages).clone()
    }

    /// The spans of one trace.
    pub fn trace(&self, trace_id: &str) -> Vec<SpanRecord> {
        lock(&self.kept.spans).iter().filter(|span| span.trace_id == trace_id).cloned().collect()
    }

    /// Waits until a trace has at least `count` spans.
    pub async fn wait_for(&self, trace_id: &str, count: usize) -> Vec<SpanRecord> {
        let enough = async || Some(self.trace(trace_id)).filter(|spans| spans.len() >= count);
        eventually(&format!("{count} spans of the trace {trace_id}"), enough).await
    }

    /// How many spans it has taken.
    pub fn count(&self) -> usize {
        lock(&self.kept.spans).len()
    }

    /// The resource of each request, as JSON.
    pub fn resources(&self) -> Vec<Map<String, Value>> {
        lock(&self.kept.resources).clone()
    }

    /// Everything that came, as text: for tests that something appears nowhere.
    pub fn everything(&self) -> String {
        lock(&self.kept.requests).concat()
    }
}

struct Refused;

impl Kept {
    /// Hangs as long as it is told to, then takes or refuses.
    async fn take(&self, request: ExportTraceServiceRequest) -> Result<(), Refused> {
        let mood = *lock(&self.mood);
        match mood {
            Mood::Hangs => std::future::pending().await,
            Mood::Refuses => Err(Refused),
            Mood::Takes => {
                lock(&self.requests).push(format!("{request:?}\n"));
                for group in request.resource_spans {
                    let resource = group.resource.unwrap_or_default();
                    let resource = decode::attributes(&resource.attributes);
                    let service = resource.get("service.name").and_then(Value::as_str).unwrap_or_default();
                    let spans: Vec<_> = group.scope_spans.into_iter().flat_map(|scope| scope.spans).collect();
                    lock(&self.spans).extend(spans.iter().map(|span| decode::span(span, service)));
                    lock(&self.messages).extend(spans);
                    lock(&self.resources).push(resource);
                }
                Ok(())
            }
        }
    }
}

async fn serve_grpc(listener: TcpListener, kept: Arc<Kept>) {
    let service = TraceServiceServer::new(Grpc(kept)).max_decoding_message_size(usize::MAX);
    let server = tonic::transport::Server::builder().add_service(service);
    let _ = server.serve_with_incoming(TcpIncoming::from(listener)).await;
}

struct Grpc(Arc<Kept>);

#[tonic::async_trait]
impl TraceService for Grpc {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        match self.0.take(request.into_inner()).await {
            Ok(()) => Ok(Response::new(ExportTraceServiceResponse { partial_success: None })),
            Err(Refused) => Err(Status::unavailable("told to refuse")),
        }
    }
}

async fn serve_http(listener: TcpListener, kept: Arc<Kept>) {
    let router = Router::new().route("/v1/traces", post(post_traces)).with_state(kept);
    let _ = axum::serve(listener, router).await;
}

async fn post_traces(State(kept): State<Arc<Kept>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let request = match headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes) {
        Some(b"application/x-protobuf") => ExportTraceServiceRequest::decode(body).ok(),
        Some(b"application/json") => serde_json::from_slice(&body).ok(),
        _ => return StatusCode::UNSUPPORTED_MEDIA_TYPE,
    };
    match request {
        None => StatusCode::BAD_REQUEST,
        Some(request) => match kept.take(request).await {
            Ok(()) => StatusCode::OK,
            Err(Refused) => StatusCode::SERVICE_UNAVAILABLE,
        },
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
