//! One request from its first byte to its answer, as the layer sees it.

use super::{Failure, Known, Operation, Shared};
use crate::{
    hex::push_hex,
    metrics::HttpServerLabels,
    names::attribute,
    propagation::{RemoteContext, current_ids},
    span,
};
use axum::{
    body::Body,
    extract::{ConnectInfo, MatchedPath},
    http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header},
};
use std::{
    fmt::{self, Write},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Instant,
};
use tracing::{Span, field::Empty};

/// nginx's code for a client that went away before the answer; there is no standard one.
const CLIENT_CLOSED_REQUEST: u16 = 499;

pub(super) struct Exchange {
    shared: Arc<Shared>,
    start: Instant,
    method: &'static str,
    route: &'static str,
    ended: bool,
}

impl Exchange {
    pub(super) fn begin(shared: Arc<Shared>, request: &Request<Body>) -> (Self, Span) {
        let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        let mut of_route = shared.operations.iter().filter(|operation| Some(operation.route) == path);
        let first = of_route.next();
        let route = first.map_or("", |operation| operation.route);
        let operation = first.into_iter().chain(of_route).find(|o| o.method == request.method());
        let method = known_method(request.method());
        let context = RemoteContext::extract(request.headers());
        let known = Known::of(&context);
        let make = || match operation {
            Some(Operation { name, destination: Some(destination), .. }) => {
                consumer_span(name, destination, route, &shared.log_index, &known)
            }
            Some(Operation { name, .. }) => {
                server_span(name, method, route, &shared.log_index, &known, request)
            }
            None => server_span(method, method, route, &shared.log_index, &known, request),
        };
        let span = context.child(make);
        (Self { shared, start: Instant::now(), method, route, ended: false }, span)
    }

    /// Runs inside the span.
    pub(super) fn end(mut self, response: &mut Response<Body>) {
        self.ended = true;
        let status = response.status();
        let failure = response.extensions_mut().remove::<Failure>();
        self.observe(status.as_u16(), failure.is_some() || status.is_server_error());
        span::http_status(status);
        match failure {
            Some(failure) => {
                span::fail(&failure.error_type, &failure.description);
                if failure.log {
                    self.error_line(status, &failure);
                }
            }
            None if status.is_server_error() => {
                span::fail(status.as_str(), status.canonical_reason().unwrap_or("server error"));
            }
            None => {}
        }
        add_trace_headers(response);
    }

    /// The one line of a failure, written where it happened.
    fn error_line(&self, status: StatusCode, failure: &Failure) {
        tracing::error!(
            error_type = &*failure.error_type,
            http_status = status.as_u16(),
            duration_ms = self.start.elapsed().as_secs_f64() * 1e3,
            "{}",
            failure.description
        );
    }

    fn observe(&self, status: u16, failed: bool) {
        let labels = HttpServerLabels {
            http_request_method: self.method,
            http_route: self.route,
            http_response_status_code: status,
        };
        self.shared.telemetry.metrics().http_server.observe_ended(&labels, self.start.elapsed(), failed);
    }
}

impl Drop for Exchange {
    /// Dropped before its end: the client hung up, and hyper dropped the future (inside its span).
    fn drop(&mut self) {
        if !self.ended {
            self.observe(CLIENT_CLOSED_REQUEST, true);
            span::fail("cancelled", "the client went away before the answer");
        }
    }
}

fn server_span(
    name: &str,
    method: &str,
    route: &str,
    log_index: &str,
    known: &Known,
    request: &Request<Body>,
) -> Span {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let (address, port) = host.rsplit_once(':').unwrap_or((host, ""));
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    // All that is known goes in at once: each later `record` costs as much as several attributes.
    tracing::info_span!(
        target: "telemetry::http",
        "request",
        otel.name = name,
        otel.kind = "server",
        { attribute::HTTP_REQUEST_METHOD } = method,
        { attribute::HTTP_ROUTE } = (!route.is_empty()).then_some(route),
        { attribute::HTTP_RESPONSE_STATUS_CODE } = Empty,
        { attribute::URL_PATH } = request.uri().path(),
        { attribute::URL_SCHEME } = "http",
        { attribute::SERVER_ADDRESS } = address,
        { attribute::SERVER_PORT } = port.parse::<u16>().ok().map(i64::from),
        { attribute::CLIENT_ADDRESS } = peer.map(|peer| display(Address(peer))),
        { attribute::LOG_INDEX } = log_index,
        { attribute::ORDER_ID } = Empty,
        { attribute::CUSTOMER_REF } = Empty,
        { attribute::SESSION_ID } = known.session_id.as_deref(),
        { attribute::CUSTOMER_TIER } = known.customer_tier.as_deref(),
    )
}

fn consumer_span(name: &str, destination: &str, route: &str, log_index: &str, known: &Known) -> Span {
    tracing::info_span!(
        target: "telemetry::http",
        "message",
        otel.name = name,
        otel.kind = "consumer",
        { attribute::MESSAGING_SYSTEM } = "http",
        { attribute::MESSAGING_DESTINATION_NAME } = destination,
        { attribute::MESSAGING_OPERATION_NAME } = "process",
        { attribute::MESSAGING_OPERATION_TYPE } = "process",
        { attribute::MESSAGING_MESSAGE_ID } = Empty,
        { attribute::HTTP_ROUTE } = route,
        { attribute::HTTP_RESPONSE_STATUS_CODE } = Empty,
        { attribute::LOG_INDEX } = log_index,
        { attribute::ORDER_ID } = Empty,
        { attribute::CUSTOMER_REF } = Empty,
        { attribute::SESSION_ID } = known.session_id.as_deref(),
        { attribute::CUSTOMER_TIER } = known.customer_tier.as_deref(),
    )
}

/// As it prints by itself, at a fraction of the cost for the usual kind. Text only where somebody reads it.
struct Address(IpAddr);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let IpAddr::V4(address) = self.0 else { return self.0.fmt(f) };
        for (place, octet) in address.octets().into_iter().enumerate() {
            if place > 0 {
                f.write_char('.')?;
            }
            for unit in [100, 10, 1] {
                if octet >= unit || unit == 1 {
                    f.write_char(char::from(b'0' + octet / unit % 10))?;
                }
            }
        }
        Ok(())
    }
}

/// So that whoever gets an answer, even an error, can name its trace. `server-timing` is what browsers can read
/// (<https://www.w3.org/TR/server-timing/>).
fn add_trace_headers(response: &mut Response<Body>) {
    const X_TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");
    const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
    let Some(ids) = current_ids() else { return };
    let mut trace_id = String::with_capacity(32);
    push_hex(&mut trace_id, &ids.trace_id.to_bytes());
    let mut timing = String::with_capacity(74);
    timing.push_str("traceparent;desc=\"");
    ids.write_traceparent(&mut timing);
    timing.push('"');
    for (name, text) in [(X_TRACE_ID, trace_id), (SERVER_TIMING, timing)] {
        if let Ok(value) = HeaderValue::try_from(text) {
            response.headers_mut().insert(name, value);
        }
    }
}

/// The semantic conventions ask for `_OTHER` instead of what a caller made up: it would be an unbounded label.
pub(crate) fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}
