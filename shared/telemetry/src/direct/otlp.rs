//! OTLP without encoding: the spans are protobuf already, so a request is a head, and then they
//! (<https://opentelemetry.io/docs/specs/otlp/>).

use super::proto::{self, Any, Read};
use crate::config::{Config, Protocol};
use bytes::{Buf, BufMut, Bytes};
use http::{StatusCode, header, uri::PathAndQuery};
use std::time::Duration;
use tokio::time::Instant;
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt;

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// What an export may take with all its tries: the specification's default for `OTEL_EXPORTER_OTLP_TIMEOUT`.
const DEADLINE: Duration = Duration::from_secs(10);
const RETRIES: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(1_600);

/// A receiver of OTLP.
pub(super) struct Otlp {
    transport: Transport,
    /// The fields `resource` of `ResourceSpans` and `scope` of `ScopeSpans`, which never change.
    resource: Vec<u8>,
    scope: Vec<u8>,
}

enum Transport {
    Grpc(Channel),
    Http { client: reqwest::Client, url: String },
}

/// Why a try failed, and how long to wait before the next one, where one makes sense.
struct Failed {
    why: String,
    again: Option<Duration>,
}

impl Otlp {
    /// Needs the runtime it will send on to be entered. The error is one line for whoever started the process.
    pub(super) fn new(config: &Config) -> Result<Self, String> {
        let endpoint = config.traces.endpoint.clone();
        let transport = match config.traces.protocol {
            Protocol::Grpc => {
                let endpoint = Endpoint::from_shared(endpoint).map_err(|error| error.to_string())?;
                Transport::Grpc(endpoint.timeout(DEADLINE).connect_lazy())
            }
            Protocol::HttpProtobuf | Protocol::HttpJson => {
                let client = reqwest::Client::builder().timeout(DEADLINE).build();
                Transport::Http { client: client.map_err(|error| error.to_string())?, url: endpoint }
            }
        };
        let mut resource = Vec::new();
        for (key, value) in &crate::trace::resource(config) {
            proto::key_value(&mut resource, 1, key.as_str(), &Any::of(value));
        }
        let mut scope = Vec::new();
        proto::bytes(&mut scope, 1, crate::trace::SCOPE.as_bytes());
        Ok(Self { transport, resource: field(1, &resource), scope: field(1, &scope) })
    }

    /// Sends finished spans, which are fields `spans` of `ScopeSpans`, and tries again where OTLP says so. Returns how
    /// many of them the receiver says it has not taken.
    pub(super) async fn send(&self, spans: &[u8]) -> Result<u64, String> {
        let request = Bytes::from(self.request(spans));
        let end = Instant::now() + DEADLINE;
        let mut pause = FIRST_PAUSE;
        let mut retries = 0;
        loop {
            let Failed { why, again } = match self.attempt(request.clone()).await {
                Ok(answer) => return Ok(rejected(&answer)),
                Err(failed) => failed,
            };
            let Some(at_least) = again.filter(|_| retries < RETRIES) else { return Err(why) };
            // Jitter, so that the services don't all come back in the same instant.
            let wait = pause.max(at_least) + FIRST_PAUSE.mul_f64(rand::random_range(0.0..1.0));
            if Instant::now() + wait >= end {
                return Err(why);
            }
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            retries += 1;
        }
    }

    fn request(&self, spans: &[u8]) -> Vec<u8> {
        let in_scope = self.scope.len() + spans.len();
        let in_resource = self.resource.len() + proto::bytes_len(in_scope);
        let mut request = Vec::with_capacity(proto::bytes_len(in_resource));
        proto::length(&mut request, 1, in_resource);
        request.extend_from_slice(&self.resource);
        proto::length(&mut request, 2, in_scope);
        request.extend_from_slice(&self.scope);
        request.extend_from_slice(spans);
        request
    }

    async fn attempt(&self, request: Bytes) -> Result<Bytes, Failed> {
        match &self.transport {
            Transport::Grpc(channel) => {
                let mut client = Grpc::new(channel.clone());
                let unavailable =
                    |error: tonic::transport::Error| Failed::of(&Status::from_error(error.into()));
                client.ready().await.map_err(unavailable)?;
                let answer =
                    client.unary(Request::new(request), PathAndQuery::from_static(EXPORT), AsItIs).await;
                answer.map(tonic::Response::into_inner).map_err(|status| Failed::of(&status))
            }
            Transport::Http { client, url } => {
                let post = client.post(url).header(header::CONTENT_TYPE, "application/x-protobuf");
                let answer = post.body(request).send().await.map_err(Failed::without_answer)?;
                if !answer.status().is_success() {
                    return Err(Failed::answered(&answer));
                }
                answer.bytes().await.map_err(Failed::without_answer)
            }
        }
    }
}

impl Failed {
    /// Which codes ask to try again is in the OTLP specification.
    fn of(status: &Status) -> Self {
        let asked = status.get_details_retry_info().and_then(|info| info.retry_delay);
        let again = match status.code() {
            Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable
            | Code::DataLoss => Some(asked.unwrap_or_default()),
            Code::ResourceExhausted => asked,
            _ => None,
        };
        Self { why: status.to_string(), again }
    }

    fn answered(answer: &reqwest::Response) -> Self {
        let status = answer.status();
        let seconds =
            answer.headers().get(header::RETRY_AFTER).and_then(|held| held.to_str().ok()?.parse().ok());
        let again = match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Some(seconds.map(Duration::from_secs).unwrap_or_default())
            }
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Some(Duration::ZERO),
            _ => None,
        };
        Self { why: format!("the receiver answered {status}"), again }
    }

    /// Without the URL, which may hold a password.
    fn without_answer(error: reqwest::Error) -> Self {
        Self { why: error.without_url().to_string(), again: Some(Duration::ZERO) }
    }
}

fn field(number: u64, message: &[u8]) -> Vec<u8> {
    let mut field = Vec::new();
    proto::bytes(&mut field, number, message);
    field
}

/// `partial_success.rejected_spans` of an `ExportTraceServiceResponse`.
pub(super) fn rejected(answer: &[u8]) -> u64 {
    let partial = proto::fields(answer).find(|found| found.number == 1).map(|found| found.value);
    let Some(Read::Bytes(partial)) = partial else { return 0 };
    let rejected = proto::fields(partial).find(|found| found.number == 1).map(|found| found.value);
    if let Some(Read::Varint(rejected)) = rejected { rejected } else { 0 }
}

/// gRPC messages as the bytes they are.
struct AsItIs;

impl Codec for AsItIs {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for AsItIs {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(message);
        Ok(())
    }
}

impl Decoder for AsItIs {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
