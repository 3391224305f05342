//! OTLP over gRPC.

use axum::body::Body;
use axum::extract::{Request as HttpRequest, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response as HttpResponse;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::net::TcpListener;
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;
use tonic::transport::server::{Server, TcpIncoming};
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::otlp_http::inflate;
use super::room::Held;
use super::{Input, Intake, MAX_BODY, RETRY_AFTER, Refused, Signal, otlp, otlp_weight};

/// Before each message: whether it is packed, and its length.
const PREFIX: usize = 5;

/// Serves both services until `stop` resolves, and then finishes what has begun.
pub(crate) async fn serve(
    listener: TcpListener,
    intake: Intake,
    stop: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let traces = TraceServiceServer::new(Receiver(intake.clone()))
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(MAX_BODY);
    let logs = LogsServiceServer::new(Receiver(intake.clone()))
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(MAX_BODY);
    let routes = Routes::new(traces).add_service(logs).into_axum_router();
    Server::builder()
        .add_routes(routes.layer(from_fn_with_state(intake, weigh)).into())
        .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), stop)
        .await
}

/// Middleware: takes room for the request before it is decoded, which tonic does at once.
async fn weigh(State(intake): State<Intake>, request: HttpRequest, next: Next) -> HttpResponse {
    let is_traces = request.uri().path().contains("TraceService");
    let signal = if is_traces { Signal::Traces } else { Signal::Logs };
    let held = Held::new(intake.room.clone());
    let (mut parts, body) = request.into_parts();
    let refused = match held.read(body, MAX_BODY + PREFIX).await {
        Ok(Some(body)) => match weight(signal, &body).and_then(|weight| held.take(weight)) {
            Ok(()) => {
                parts.extensions.insert(held);
                return next.run(HttpRequest::from_parts(parts, Body::from(body))).await;
            }
            Err(refused) => refused,
        },
        Ok(None) => {
            intake.metrics.received(Input::OtlpGrpc, signal, 1);
            intake.metrics.malformed(Input::OtlpGrpc, signal, "incomplete", 1);
            return Status::cancelled("the request ended early").into_http();
        }
        Err(refused) => refused,
    };
    otlp::count_refused(&intake, (Input::OtlpGrpc, signal), refused, 1);
    not_taken(refused).into_http()
}

/// What the message becomes in memory. One that is no message weighs nothing, and tonic says what is wrong.
fn weight(signal: Signal, body: &[u8]) -> Result<usize, Refused> {
    match body.split_at_checked(PREFIX) {
        Some(([1, ..], packed)) => {
            let message = inflate(packed).map_err(|_| Refused::TooLarge)?;
            Ok(message.len().saturating_add(otlp_weight::of_protobuf(signal, &message)))
        }
        Some((_, message)) => Ok(otlp_weight::of_protobuf(signal, message)),
        None => Ok(0),
    }
}

struct Receiver(Intake);

impl Receiver {
    /// What the middleware has taken for this request.
    fn held<T>(&self, request: &Request<T>) -> Held {
        request.extensions().get().cloned().unwrap_or_else(|| Held::new(self.0.room.clone()))
    }
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let held = self.held(&request);
        let spans = request.into_inner().resource_spans;
        let invalid = otlp::take_spans(&self.0, &held, Input::OtlpGrpc, spans).map_err(not_taken)?;
        let partial_success = (invalid > 0).then(|| ExportTracePartialSuccess {
            rejected_spans: invalid as i64,
            error_message: otlp::INVALID_IDS.to_owned(),
        });
        Ok(Response::new(ExportTraceServiceResponse { partial_success }))
    }
}

#[tonic::async_trait]
impl LogsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let held = self.held(&request);
        let logs = request.into_inner().resource_logs;
        otlp::take_logs(&self.0, &held, Input::OtlpGrpc, logs).map_err(not_taken)?;
        Ok(Response::new(ExportLogsServiceResponse { partial_success: None }))
    }
}

/// The OTLP specification's way to say "later" is UNAVAILABLE, with the time to wait in a `RetryInfo`; what is not to come
/// again is an invalid argument.
fn not_taken(refused: Refused) -> Status {
    match refused {
        Refused::TooLarge => Status::invalid_argument(otlp::TOO_LARGE),
        Refused::Full => {
            let details = ErrorDetails::with_retry_info(Some(RETRY_AFTER));
            Status::with_error_details(Code::Unavailable, "more telemetry than can be stored", details)
        }
    }
}
