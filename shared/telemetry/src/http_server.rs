//! One tower layer for the receiving side of HTTP: context in, a SERVER (or CONSUMER) span, its attributes, the
//! duration with its exemplar, `x-trace-id` and `server-timing` out, and the one error line of a failed request.
//!
//! Follows the OpenTelemetry semantic conventions for HTTP servers. Put it outermost on an axum router with
//! `Router::layer`, so that even rejected requests have a trace id.

mod exchange;

use crate::{Telemetry, in_span::InSpan, propagation::RemoteContext, redact};
use axum::{
    body::Body,
    http::{Method, Request, Response},
};
use exchange::Exchange;
pub(crate) use exchange::known_method;
use std::{
    borrow::Cow,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tower::{Layer, Service};

/// A route with its name in traces. A service lists all of its routes in one table.
#[derive(Debug)]
pub struct Operation {
    method: Method,
    route: &'static str,
    name: &'static str,
    /// Set when the request delivers a message: the span is a CONSUMER's.
    destination: Option<&'static str>,
}

/// The routes of a service.
pub type Operations = &'static [Operation];

impl Operation {
    /// A request that asks for something: its span is a SERVER span called `name`.
    pub const fn server(method: Method, route: &'static str, name: &'static str) -> Self {
        Self { method, route, name, destination: None }
    }

    /// A request that delivers a message of `destination`: its span is a CONSUMER span called `name`.
    pub const fn consumer(
        method: Method,
        route: &'static str,
        name: &'static str,
        destination: &'static str,
    ) -> Self {
        Self { method, route, name, destination: Some(destination) }
    }
}

/// What went wrong, from the code that knows to the layer that tells. A handler puts it into the extensions of
/// its answer; the layer marks the span and, where the failure happened, writes its one error line.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The `error.type`: a word or two, few values.
    pub error_type: Cow<'static, str>,
    /// For the engineer who looks at the trace; never part of the answer.
    pub description: String,
    /// True where the failure happened; false where it is only passed on, because it has its line already.
    pub log: bool,
}

/// The layer for a service with these routes.
pub fn layer(telemetry: &Telemetry, operations: Operations) -> HttpServerLayer {
    HttpServerLayer {
        shared: Arc::new(Shared {
            telemetry: telemetry.clone(),
            operations,
            log_index: format!("logs-waybill.{}-default", telemetry.service()),
        }),
    }
}

/// See [`layer`].
#[derive(Clone)]
pub struct HttpServerLayer {
    shared: Arc<Shared>,
}

struct Shared {
    telemetry: Telemetry,
    operations: Operations,
    log_index: String,
}

impl<S> Layer<S> for HttpServerLayer {
    type Service = HttpServer<S>;

    fn layer(&self, inner: S) -> Self::Service {
        HttpServer { inner, shared: self.shared.clone() }
    }
}

/// See [`layer`].
#[derive(Clone)]
pub struct HttpServer<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Service<Request<Body>> for HttpServer<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (exchange, span) = Exchange::begin(self.shared.clone(), &request);
        // The service that was polled ready is the one to call; its clone stays for the next request.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let answer = async move {
            let mut response = inner.call(request).await?;
            exchange.end(&mut response);
            Ok(response)
        };
        Box::pin(InSpan::new(span, answer))
    }
}

/// The two baggage entries that every span and line carries. They come from outside: bounded and scrubbed.
pub(crate) struct Known<'a> {
    pub(crate) session_id: Option<Cow<'a, str>>,
    pub(crate) customer_tier: Option<Cow<'a, str>>,
}

impl<'a> Known<'a> {
    pub(crate) fn of(context: &'a RemoteContext) -> Self {
        let entries = context.baggage(["session_id", "customer_tier"]);
        let [session_id, customer_tier] = entries.map(|value| value.map(bounded));
        Self { session_id, customer_tier }
    }
}

/// The first 64 characters.
fn bounded(value: Cow<'_, str>) -> Cow<'_, str> {
    const MOST: usize = 64;
    let cut = |value: &str| value.chars().take(MOST).collect::<String>();
    let value = if value.len() <= MOST { value } else { Cow::Owned(cut(&value)) };
    match redact::scrub(&value) {
        Cow::Borrowed(_) => value,
        Cow::Owned(clean) => Cow::Owned(clean),
    }
}
