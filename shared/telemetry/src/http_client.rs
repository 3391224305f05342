//! The sending side of HTTP on hyper's pooled client: a CLIENT span for each attempt, context out, the duration with
//! its exemplar. Follows the OpenTelemetry semantic conventions for HTTP clients.
//!
//! For calls from service to service, over plain HTTP/1.1: no TLS, proxy, redirect or cookie. A request that finds its
//! kept connection closed by the other side, before any of it was sent, goes out once more on another one; hyper-util
//! does that by itself, and it is safe for any method.

use crate::{
    Telemetry, http_server::known_method, in_span::InSpan, metrics::HttpClientLabels, names::attribute,
    propagation, redact::scrub, span,
};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use std::{
    error::Error,
    fmt,
    time::{Duration, Instant},
};
use tracing::{Span, field::Empty};

/// A connection to a neighbour is there at once, or the neighbour is not.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Connections to one address that are kept while nothing is sent on them, and for how long: for less than the 10 s after
/// which a crowded service closes them, because a request that crosses a closing is lost.
const IDLE_CONNECTIONS: usize = 256;
const IDLE_TIMEOUT: Duration = Duration::from_secs(8);
/// The most that an answer's body may hold, in bytes: all of it is read into memory.
const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// An HTTP client that is part of the trace. A cheap handle; all clones share one pool of connections.
#[derive(Clone)]
pub struct HttpClient {
    client: legacy::Client<HttpConnector, Full<Bytes>>,
    telemetry: Telemetry,
}

/// Why no whole answer came. The words hold no URL: its query may hold a customer's id.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Not within the time that the call was given.
    #[error("no answer in time")]
    TimedOut,
    /// Nothing was sent.
    #[error("no connection")]
    Connect(#[source] legacy::Error),
    /// The connection broke before an answer began.
    #[error("no whole answer")]
    Request(#[source] legacy::Error),
    /// The answer broke off, or its body is over 8 MiB.
    #[error("no whole answer")]
    Body(#[source] Box<dyn Error + Send + Sync>),
}

/// A whole answer. Its span is still open to what the caller finds out about it: see [`Reply::fail`].
#[derive(Debug)]
pub struct Reply {
    /// Any status: an error status is an answer, too.
    pub status: StatusCode,
    /// As received.
    pub headers: HeaderMap,
    /// All of it.
    pub body: Bytes,
    span: Span,
}

impl Reply {
    /// Says on the client span what kind of failure this answer means; without it, an error status is named by
    /// its number.
    pub fn fail(&self, error_type: &str, description: &str) {
        span::fail_span(&self.span, error_type, description);
    }
}

impl HttpClient {
    /// With a pool of its own: make one for all that a process calls.
    pub fn new(telemetry: &Telemetry) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build(connector);
        Self { client, telemetry: telemetry.clone() }
    }

    /// Sends one attempt in a CLIENT span called `operation` and reads the whole answer, both within `time`. Retry
    /// above this, so that every attempt has its span. An `Err` means that no answer came; the span says so already.
    pub async fn send(
        &self,
        operation: &'static str,
        request: Request<Bytes>,
        time: Duration,
    ) -> Result<Reply, SendError> {
        self.attempt(operation, request, async |request| {
            let answer = tokio::time::timeout(time, self.exchange(request)).await;
            answer.unwrap_or(Err(SendError::TimedOut))
        })
        .await
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Reply, SendError> {
        let response = self.client.request(request.map(Full::new)).await.map_err(SendError::of)?;
        let (parts, body) = response.into_parts();
        let span = note_status(parts.status);
        let body = Limited::new(body, BODY_LIMIT).collect().await.map_err(SendError::Body)?;
        Ok(Reply { status: parts.status, headers: parts.headers, body: body.to_bytes(), span })
    }

    /// As [`HttpClient::send`], with an empty 200 that has the headers as they would have been sent: for measuring
    /// what a call costs beside the network.
    #[cfg(feature = "testing")]
    pub async fn send_nowhere(
        &self,
        operation: &'static str,
        request: Request<Bytes>,
    ) -> Result<Reply, SendError> {
        self.attempt(operation, request, async |request| {
            let headers = request.into_parts().0.headers;
            let span = note_status(StatusCode::OK);
            Ok(Reply { status: StatusCode::OK, headers, body: Bytes::new(), span })
        })
        .await
    }

    async fn attempt(
        &self,
        operation: &'static str,
        mut request: Request<Bytes>,
        exchange: impl AsyncFnOnce(Request<Bytes>) -> Result<Reply, SendError>,
    ) -> Result<Reply, SendError> {
        let span = client_span(operation, &request);
        propagation::inject(&span, request.headers_mut());
        let mut labels = HttpClientLabels {
            http_request_method: known_method(request.method()),
            server_address: scrub(request.uri().host().unwrap_or_default()).into_owned(),
            http_response_status_code: None,
            error_type: "",
        };
        let attempt = async {
            let start = Instant::now();
            let result = exchange(request).await;
            match &result {
                Ok(reply) => labels.http_response_status_code = Some(reply.status.as_u16()),
                Err(error) => labels.error_type = error.error_type(),
            }
            let failed = !result.as_ref().is_ok_and(|reply| is_success(reply.status));
            self.telemetry.metrics().http_client.observe_ended(&labels, start.elapsed(), failed);
            if let Err(error) = &result {
                span::fail(labels.error_type, &describe(error));
            }
            result
        };
        InSpan::new(span, attempt).await
    }
}

/// On the current span, which it answers.
fn note_status(status: StatusCode) -> Span {
    let span = Span::current();
    span::http_status(status);
    if !is_success(status) {
        span::fail(status.as_str(), status.canonical_reason().unwrap_or("error status"));
    }
    span
}

/// What the semantic conventions take for success of a client's request.
fn is_success(status: StatusCode) -> bool {
    !status.is_client_error() && !status.is_server_error()
}

fn client_span(operation: &'static str, request: &Request<Bytes>) -> Span {
    let uri = request.uri();
    tracing::info_span!(
        target: "telemetry::http",
        "call",
        otel.name = operation,
        otel.kind = "client",
        { attribute::HTTP_REQUEST_METHOD } = known_method(request.method()),
        { attribute::HTTP_RESPONSE_STATUS_CODE } = Empty,
        { attribute::SERVER_ADDRESS } = uri.host().unwrap_or_default(),
        { attribute::SERVER_PORT } = i64::from(uri.port_u16().unwrap_or(80)),
        { attribute::URL_FULL } = %Bare(uri),
    )
}

/// Without the query, which may hold a customer's id, and without a password. Text only where somebody reads it.
struct Bare<'a>(&'a Uri);

impl fmt::Display for Bare<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.0.authority().map_or("", |authority| authority.as_str());
        let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
        ["http://", place, self.0.path()].into_iter().try_for_each(|part| f.write_str(part))
    }
}

impl SendError {
    fn of(error: legacy::Error) -> Self {
        if error.is_connect() { Self::Connect(error) } else { Self::Request(error) }
    }

    /// As `error.type`.
    fn error_type(&self) -> &'static str {
        match self {
            Self::TimedOut => "timeout",
            Self::Connect(_) => "connect",
            Self::Request(_) => "request",
            Self::Body(_) => "body",
        }
    }
}

/// The error with its causes.
fn describe(error: &SendError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Bare;

    #[test]
    fn url_is_shown_without_query_and_password() {
        for (url, shown) in [
            ("http://order:8081/orders", "http://order:8081/orders"),
            ("http://order/orders?customer_id=c-1042", "http://order/orders"),
            ("http://[::1]:8081?customer_id=c-1042", "http://[::1]:8081/"),
            ("http://clerk:hunter2@order:8081/orders?customer_id=c-1042", "http://order:8081/orders"),
        ] {
            assert_eq!(Bare(&url.parse().unwrap()).to_string(), shown);
        }
    }
}
