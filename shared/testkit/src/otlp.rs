//! A trace backend in the test's hand: OTLP over gRPC and over HTTP (protobuf and JSON).

mod decode;

use crate::{Mood, eventually, listed, server::Server};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response as HttpResponse},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    trace::v1::Span,
};
use prost::Message;
use serde_json::{Map, Value};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use telemetry::testing::SpanRecord;
use tokio::net::TcpListener;
use tonic::{Code, Request, Response, Status, transport::server::TcpIncoming};
use tonic_types::{ErrorDetails, StatusExt};

/// Takes spans and keeps them all.
pub struct OtlpSink {
    grpc: Server,
    http: Server,
    kept: Arc<Kept>,
    is_strict: bool,
}

/// What one request is answered, instead of what the mood says.
#[derive(Clone, Copy, Debug)]
pub enum Verdict {
    /// Takes the spans, and says that it has not taken so many of them.
    Rejects(i64),
    /// Takes none. With this status over HTTP, and so many seconds in `Retry-After`.
    Status(u16, Option<u64>),
    /// The same over gRPC, with the time in `RetryInfo`.
    Code(Code, Option<Duration>),
}

/// One request for spans to be taken.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// When it came.
    pub at: Instant,
    /// Its headers; over gRPC its metadata.
    pub headers: HeaderMap,
}

#[derive(Default)]
struct Kept {
    mood: Mutex<Mood>,
    verdicts: Mutex<VecDeque<Verdict>>,
    attempts: Mutex<Vec<Attempt>>,
    spans: Mutex<Vec<SpanRecord>>,
    messages: Mutex<Vec<Span>>,
    resources: Mutex<Vec<Map<String, Value>>>,
    schema_urls: Mutex<Vec<[String; 2]>>,
    requests: Mutex<Vec<String>>,
}

impl OtlpSink {
    /// Listens on two free ports.
    pub fn start() -> Self {
        let kept = Arc::new(Kept::default());
        let grpc = Server::start(|listener| serve_grpc(listener, kept.clone()));
        let http = Server::start(|listener| serve_http(listener, kept.clone()));
        Self { grpc, http, kept, is_strict: false }
    }

    /// The same; and when it is dropped, the test fails if something has come that is not on the list of signals.
    pub fn strict() -> Self {
        let mut sink = Self::start();
        sink.is_strict = true;
        sink
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

    /// What it answers to the next requests, one each.
    pub fn answer_next(&self, verdicts: impl IntoIterator<Item = Verdict>) {
        lock(&self.kept.verdicts).extend(verdicts);
    }

    /// Every request that has come, whatever became of it.
    pub fn attempts(&self) -> Vec<Attempt> {
        lock(&self.kept.attempts).clone()
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

    /// What each request says its names mean: of its resource, and of its scope.
    pub fn schema_urls(&self) -> Vec<[String; 2]> {
        lock(&self.kept.schema_urls).clone()
    }

    /// Everything that came, as text: for tests that something appears nowhere.
    pub fn everything(&self) -> String {
        lock(&self.kept.requests).concat()
    }
}

impl Drop for OtlpSink {
    fn drop(&mut self) {
        if self.is_strict {
            let spans = self.spans();
            let resources = self.resources();
            let of_spans = spans.iter().flat_map(listed::span_problems);
            listed::assert_none(of_spans.chain(resources.iter().flat_map(listed::resource_problems)));
        }
    }
}

enum Answer {
    /// All but so many.
    Taken(i64),
    Refused,
    Failed(Verdict),
}

impl Kept {
    /// Hangs as long as it is told to, then takes or refuses.
    async fn take(&self, headers: HeaderMap, request: ExportTraceServiceRequest) -> Answer {
        lock(&self.attempts).push(Attempt { at: Instant::now(), headers });
        let verdict = lock(&self.verdicts).pop_front();
        let mood = *lock(&self.mood);
        match (verdict, mood) {
            (Some(Verdict::Rejects(spans)), _) => {
                self.keep(request);
                Answer::Taken(spans)
            }
            (Some(failed), _) => Answer::Failed(failed),
            (None, Mood::Hangs) => std::future::pending().await,
            (None, Mood::Refuses) => Answer::Refused,
            (None, Mood::Takes) => {
                self.keep(request);
                Answer::Taken(0)
            }
        }
    }

    fn keep(&self, request: ExportTraceServiceRequest) {
        lock(&self.requests).push(format!("{request:?}\n"));
        for group in request.resource_spans {
            let resource = group.resource.unwrap_or_default();
            let resource = decode::attributes(&resource.attributes);
            let service = resource.get("service.name").and_then(Value::as_str).unwrap_or_default();
            let of_scopes = group.scope_spans.iter().map(|scope| scope.schema_url.clone());
            lock(&self.schema_urls).extend(of_scopes.map(|of_scope| [group.schema_url.clone(), of_scope]));
            let spans: Vec<_> = group.scope_spans.into_iter().flat_map(|scope| scope.spans).collect();
            lock(&self.spans).extend(spans.iter().map(|span| decode::span(span, service)));
            lock(&self.messages).extend(spans);
            lock(&self.resources).push(resource);
        }
    }
}

fn taken(rejected_spans: i64) -> ExportTraceServiceResponse {
    let error_message = "not for me".to_owned();
    let partial_success = ExportTracePartialSuccess { rejected_spans, error_message };
    ExportTraceServiceResponse { partial_success: (rejected_spans > 0).then_some(partial_success) }
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
        let (metadata, _, request) = request.into_parts();
        match self.0.take(metadata.into_headers(), request).await {
            Answer::Taken(rejected) => Ok(Response::new(taken(rejected))),
            Answer::Failed(Verdict::Code(code, Some(after))) => {
                Err(Status::with_error_details(code, "later", ErrorDetails::with_retry_info(Some(after))))
            }
            Answer::Failed(Verdict::Code(code, None)) => Err(Status::new(code, "no")),
            Answer::Failed(_) | Answer::Refused => Err(Status::unavailable("told to refuse")),
        }
    }
}

async fn serve_http(listener: TcpListener, kept: Arc<Kept>) {
    let router = Router::new().route("/v1/traces", post(post_traces)).with_state(kept);
    let _ = axum::serve(listener, router).await;
}

async fn post_traces(State(kept): State<Arc<Kept>>, headers: HeaderMap, body: Bytes) -> HttpResponse {
    let is_json = match headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes) {
        Some(b"application/x-protobuf") => false,
        Some(b"application/json") => true,
        _ => return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response(),
    };
    let request = if is_json {
        serde_json::from_slice(&body).ok()
    } else {
        ExportTraceServiceRequest::decode(body).ok()
    };
    let Some(request) = request else { return StatusCode::BAD_REQUEST.into_response() };
    match kept.take(headers, request).await {
        Answer::Taken(rejected) if is_json => axum::Json(taken(rejected)).into_response(),
        Answer::Taken(rejected) => {
            ([(CONTENT_TYPE, "application/x-protobuf")], taken(rejected).encode_to_vec()).into_response()
        }
        Answer::Failed(Verdict::Status(status, after)) => {
            let status = StatusCode::from_u16(status).expect("a status");
            let after = after.map(|seconds| [(RETRY_AFTER, seconds.to_string())]);
            after.map_or_else(|| status.into_response(), |after| (status, after).into_response())
        }
        Answer::Failed(_) | Answer::Refused => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
