//! OTLP without encoding: the spans are protobuf already, so a request is a head, and then they
//! (<https://opentelemetry.io/docs/specs/otlp/>).

use super::proto::{self, Any, Read};
use crate::{
    config::{Config, Protocol, TracesConfig},
    names::SCHEMA_URL,
};
use bytes::{Buf, BufMut, Bytes};
use http::{HeaderMap, StatusCode, header, uri::PathAndQuery};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataMap,
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt;

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const RETRIES: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(1_600);

/// A receiver of OTLP.
pub(super) struct Otlp {
    transport: Transport,
    headers: HeaderMap,
    /// What an export may take with all its tries.
    timeout: Duration,
    /// The fields `resource` of `ResourceSpans` and `scope` of `ScopeSpans`, each with its `schema_url`. They never
    /// change.
    resource: Vec<u8>,
    scope: Vec<u8>,
}

enum Transport {
    Grpc(Channel),
    Http { client: reqwest::Client, url: String },
}

/// A request in two parts, so that the spans are not copied to stand behind their head.
#[derive(Clone)]
struct Message {
    head: Bytes,
    spans: Bytes,
}

/// Why a try failed, and how long to wait before the next one, where one makes sense.
struct Failed {
    why: String,
    again: Option<Duration>,
}

impl Otlp {
    /// Needs the runtime it will send on to be entered. The error is one line for whoever started the process.
    pub(super) fn new(config: &Config) -> Result<Self, String> {
        let TracesConfig { endpoint, protocol, headers, timeout, .. } = config.traces.clone();
        let transport = match protocol {
            Protocol::Grpc => {
                let endpoint = Endpoint::from_shared(endpoint).map_err(|error| error.to_string())?;
                Transport::Grpc(endpoint.connect_lazy())
            }
            Protocol::HttpProtobuf | Protocol::HttpJson => {
                let client = reqwest::Client::builder().build();
                Transport::Http { client: client.map_err(|error| error.to_string())?, url: endpoint }
            }
        };
        let mut resource = Vec::new();
        for (key, value) in &crate::trace::resource(config) {
            proto::key_value(&mut resource, 1, key.as_str(), &Any::of(value));
        }
        let mut scope = Vec::new();
        proto::bytes(&mut scope, 1, crate::trace::SCOPE.as_bytes());
        Ok(Self { transport, headers, timeout, resource: with_schema(&resource), scope: with_schema(&scope) })
    }

    /// Sends finished spans, which are fields `spans` of `ScopeSpans`, and tries again where OTLP says so. Returns how
    /// many of them the receiver says it has not taken.
    pub(super) async fn send(&self, spans: Bytes) -> Result<u64, String> {
        let request = Message { head: self.head(spans.len()).into(), spans };
        let end = Instant::now() + self.timeout;
        let mut pause = FIRST_PAUSE;
        let mut retries = 0;
        loop {
            let Failed { why, again } = match timeout_at(end, self.attempt(request.clone())).await {
                Ok(Ok(answer)) => return Ok(rejected(&answer)),
                Ok(Err(failed)) => failed,
                Err(_) => return Err(format!("no answer within {:?}", self.timeout)),
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

    /// What comes before so many bytes of spans.
    fn head(&self, spans: usize) -> Vec<u8> {
        let in_scope = self.scope.len() + spans;
        let in_resource = self.resource.len() + proto::bytes_len(in_scope);
        let mut head = Vec::new();
        proto::length(&mut head, 1, in_resource);
        head.extend_from_slice(&self.resource);
        proto::length(&mut head, 2, in_scope);
        head.extend_from_slice(&self.scope);
        head
    }

    async fn attempt(&self, request: Message) -> Result<Bytes, Failed> {
        match &self.transport {
            Transport::Grpc(channel) => {
                let mut client = Grpc::new(channel.clone());
                let unavailable =
                    |error: tonic::transport::Error| Failed::of(&Status::from_error(error.into()));
                client.ready().await.map_err(unavailable)?;
                let mut request = Request::new(request);
                *request.metadata_mut() = MetadataMap::from_headers(self.headers.clone());
                let answer = client.unary(request, PathAndQuery::from_static(EXPORT), AsItIs).await;
                answer.map(tonic::Response::into_inner).map_err(|status| Failed::of(&status))
            }
            Transport::Http { client, url } => {
                let post = client.post(url).headers(self.headers.clone());
                let post = post.header(header::CONTENT_TYPE, "application/x-protobuf");
                let body = [request.head, request.spans].concat();
                let answer = post.body(body).send().await.map_err(Failed::without_answer)?;
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

/// A resource or scope as the field that it is, with the one that says what its names mean.
fn with_schema(message: &[u8]) -> Vec<u8> {
    let mut fields = Vec::new();
    proto::bytes(&mut fields, 1, message);
    proto::bytes(&mut fields, 3, SCHEMA_URL.as_bytes());
    fields
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
    type Encode = Message;
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
    type Item = Message;
    type Error = Status;

    fn encode(&mut self, message: Message, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.reserve(message.head.len() + message.spans.len());
        into.put(message.head);
        into.put(message.spans);
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
