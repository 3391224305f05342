//! One wrapper on reqwest for the sending side of HTTP: a CLIENT span for each attempt, context out, the duration
//! with its exemplar. Follows the OpenTelemetry semantic conventions for HTTP clients.

use crate::{
    Telemetry, http_server::known_method, metrics::HttpClientLabels, names::attribute, propagation, span,
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use std::{borrow::Cow, time::Instant};
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
        request: reqwest::Request,
    ) -> Result<Reply, reqwest::Error> {
        self.attempt(operation, request, async |request| {
            let response = self.client.execute(request).await?;
            let (status, headers) = (response.status(), response.headers().clone());
            let span = note_status(status);
            Ok(Reply { status, headers, body: response.bytes().await?, span })
        })
        .await
    }

    /// As [`HttpClient::send`], with an empty 200 that has the headers as they would have been sent: for measuring
    /// what a call costs beside the network.
    #[cfg(feature = "testing")]
    pub async fn send_nowhere(
        &self,
        operation: &'static str,
        request: reqwest::Request,
    ) -> Result<Reply, reqwest::Error> {
        self.attempt(operation, request, async |mut request| {
            let headers = std::mem::take(request.headers_mut());
            let span = note_status(StatusCode::OK);
            Ok(Reply { status: StatusCode::OK, headers, body: Bytes::new(), span })
        })
        .await
    }

    async fn attempt(
        &self,
        operation: &'static str,
        mut request: reqwest::Request,
        exchange: impl AsyncFnOnce(reqwest::Request) -> Result<Reply, reqwest::Error>,
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
            let result = exchange(request).await;
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
}

/// On the current span, which it answers.
fn note_status(status: StatusCode) -> Span {
    let span = Span::current();
    span.record(attribute::HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16()));
    if !is_success(status) {
        span::fail(status.as_str(), status.canonical_reason().unwrap_or("error status"));
    }
    span
}

/// What the semantic conventions take for success of a client's request.
fn is_success(status: StatusCode) -> bool {
    !status.is_client_error() && !status.is_server_error()
}

fn client_span(operation: &'static str, request: &reqwest::Request) -> Span {
    let url = request.url();
    tracing::info_span!(
        target: "telemetry::http",
        "call",
        otel.name = operation,
        otel.kind = "client",
        { attribute::HTTP_REQUEST_METHOD } = known_method(request.method()),
        { attribute::HTTP_RESPONSE_STATUS_CODE } = Empty,
        { attribute::SERVER_ADDRESS } = url.host_str().unwrap_or_default(),
        { attribute::SERVER_PORT } = url.port_or_known_default().map(i64::from),
        { attribute::URL_FULL } = &*bare(url),
    )
}

/// Without the query, which may hold a customer's id, and without a password.
fn bare(url: &reqwest::Url) -> Cow<'_, str> {
    if url.username().is_empty() && url.password().is_none() {
        let text = url.as_str();
        return Cow::Borrowed(text.split_once(['?', '#']).map_or(text, |(bare, _)| bare));
    }
    Cow::Owned(format!("{}{}", url.origin().ascii_serialization(), url.path()))
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

#[cfg(test)]
mod tests {
    use super::bare;

    #[test]
    fn url_is_shown_without_query_and_password() {
        for (url, shown) in [
            ("http://order:8081/orders", "http://order:8081/orders"),
            ("http://order:80/orders?customer_id=c-1042#first", "http://order/orders"),
            ("http://clerk:hunter2@order:8081/orders?customer_id=c-1042", "http://order:8081/orders"),
        ] {
            assert_eq!(bare(&url.parse().unwrap()), shown);
        }
    }
}
