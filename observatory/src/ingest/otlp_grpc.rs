//! OTLP over gRPC.

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message as _;
use tokio::net::TcpListener;
use tonic::codec::CompressionEncoding;
use tonic::transport::server::{Server, TcpIncoming};
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::{Input, Intake, MAX_BODY, RETRY_AFTER, Refused, otlp};

/// Serves both services until `stop` resolves, and then finishes what has begun.
pub(crate) async fn serve(
    listener: TcpListener,
    intake: Intake,
    stop: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let traces = TraceServiceServer::new(Receiver(intake.clone()))
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(MAX_BODY);
    let logs = LogsServiceServer::new(Receiver(intake))
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(MAX_BODY);
    Server::builder()
        .add_service(traces)
        .add_service(logs)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), stop)
        .await
}

struct Receiver(Intake);

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let request = request.into_inner();
        let weight = request.encoded_len();
        let invalid =
            otlp::take_spans(&self.0, Input::OtlpGrpc, request.resource_spans, weight).map_err(full)?;
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
        let request = request.into_inner();
        let weight = request.encoded_len();
        otlp::take_logs(&self.0, Input::OtlpGrpc, request.resource_logs, weight).map_err(full)?;
        Ok(Response::new(ExportLogsServiceResponse { partial_success: None }))
    }
}

/// The OTLP specification's way to say "later": UNAVAILABLE, with the time to wait in a `RetryInfo`.
fn full(Refused: Refused) -> Status {
    let details = ErrorDetails::with_retry_info(Some(RETRY_AFTER));
    Status::with_error_details(Code::Unavailable, "more telemetry than can be stored", details)
}
