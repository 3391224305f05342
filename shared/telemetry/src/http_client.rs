//! One wrapper on reqwest for the sending side of HTTP: a CLIENT span for each attempt, context out, the duration
//! with its exemplar. Follows the OpenTelemetry semantic conventions for HTTP clients.

use crate::{
    Telemetry, http_server::known_method, metrics::HttpClientLabels, names::attribute, propagation, span,
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use std::time::Instant;
use tracing::{Instrument, Span, field::Empty};

/// A reqwest client that is part of the trace. A cheap handle.
#[derive(Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    telemetry: Telemetry,
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
    /// Give `client` its timeouts and pool; it is shared by all clones.
    pub fn new(client: reqwest::Client, telemetry: &Telemetry) -> Self {
        Self { client, telemetry: telemetry.clone() }
    }

    /// Sends one attempt in a CLIENT span called `operation` and reads the whole answer. Retry above this, so that
    /// every attempt has its span. An `Err` means that no answer came; the span says so already.
    pub async fn send(
        &self,
        operation: &'static str,
        mut request: reqwest::Request,
    ) -> Result<Reply, reqwest::Error> {
        let span = client_span(operation, &request);
        propagation::inject(&span, request.headers_mut());
        let mut labels = HttpClientLabels {
            http_request_method: known_method(request.method()),
            server_address: request.url().host_str().unwrap_or_default().to_owned(),
            http_response_status_code: String::new(),
            error_type: "",
        };
        async {
            let start = Instant::now();
            let result = self.exchange(request).await;
            match &result {
                Ok(reply) => reply.status.as_str().clone_into(&mut labels.http_response_status_code),
                Err(error) => labels.error_type = error_type(error),
            }
            let failed = !result.as_ref().is_ok_and(|reply| is_success(reply.status));
            self.telemetry.metrics().http_client.observe_ended(&labels, start.elapsed(), failed);
            if let Err(error) = &result {
                span::fail(labels.error_type, &describe(error));
            }
            result
        }
        .instrument(span)
        .await
    }

    async fn exchange(&self, request: reqwest::Request) -> Result<Reply, reqwest::Error> {
        let response = self.client.execute(request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let span = Span::current();
        span.record(attribute::HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16()));
        if !is_success(status) {
            span::fail(status.as_str(), status.canonical_reason().unwrap_or("error status"));
        }
        Ok(Reply { status, headers, body: response.bytes().await?, span })
    }
}

/// What the semantic conventions take for success of a client's request.
fn is_success(status: StatusCode) -> bool {
    !status.is_client_error() && !status.is_server_error()
}

fn client_span(operation: &'static str, request: &reqwest::Request) -> Span {
    let url = request.url();
    // Without the query: it may hold a customer's id.
    let full = format_args!("{}{}", url.origin().ascii_serialization(), url.path()).to_string();
    let span = tracing::info_span!(
        target: "telemetry::http",
        "call",
        otel.name = operation,
        otel.kind = "client",
        { attribute::HTTP_REQUEST_METHOD } = known_method(request.method()),
        { attribute::HTTP_RESPONSE_STATUS_CODE } = Empty,
        { attribute::SERVER_ADDRESS } = url.host_str().unwrap_or_default(),
        { attribute::SERVER_PORT } = Empty,
        { attribute::URL_FULL } = full,
    );
    if let Some(port) = url.port_or_known_default() {
        span.record(attribute::SERVER_PORT, i64::from(port));
    }
    span
}

fn error_type(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "connect"
    } else if error.is_body() || error.is_decode() {
        "body"
    } else {
        "request"
    }
}

/// The error with its causes, without the URL, whose query may hold a customer's id.
fn describe(error: &reqwest::Error) -> String {
    let mut text = match error_type(error) {
        "timeout" => "no answer in time".to_owned(),
        "connect" => "no connection".to_owned(),
        _ => "no whole answer".to_owned(),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
