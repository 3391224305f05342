//! The layers around every router, in the one right order, and what answers where no route does.

use std::any::Any;
use std::borrow::Cow;
use std::time::Duration;

use api::problem::{CONTENT_TYPE, Problem, ProblemKind};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use telemetry::Telemetry;
use telemetry::http_server::{Failure, Operations};
use telemetry::propagation::{StoredContext, current_ids};
use telemetry::redact::scrub;
use tower_http::catch_panic::CatchPanicLayer;

use crate::deadline::Deadline;
use crate::error::ApiError;

/// What a request on the admin port may take.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest path that a request's refusal repeats.
const LONGEST_INSTANCE: usize = 256;

/// A service's API, ready to be served. From the outside in: telemetry, problem documents, the deadline, panics.
/// `request_timeout` is the most a request may take here; the caller may have given it less.
pub fn harden(
    router: Router,
    telemetry: &Telemetry,
    operations: Operations,
    request_timeout: Duration,
) -> Router {
    // One layer for both: each layer costs every request a clone of what is inside it and a boxed future.
    let with_deadline = move |mut request: Request, next: Next| async move {
        let deadline = Deadline::of(request.headers(), request_timeout);
        request.extensions_mut().insert(deadline);
        write_problem(request, next).await
    };
    let router = router
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(with_deadline));
    router.layer(telemetry::http_server::layer(telemetry, operations))
}

/// The part of it that the admin port needs too: every error is a problem document.
pub(crate) fn with_problems(router: Router) -> Router {
    router
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(move |request, next| start_clock(ADMIN_TIMEOUT, request, next)))
        .layer(from_fn(write_problem))
}

async fn start_clock(limit: Duration, mut request: Request, next: Next) -> Response {
    let deadline = Deadline::of(request.headers(), limit);
    request.extensions_mut().insert(deadline);
    next.run(request).await
}

async fn not_found() -> ApiError {
    ApiError::new(ProblemKind::NotFound, "nothing has this path")
}

/// The `Allow` header is set by the router.
async fn method_not_allowed() -> ApiError {
    ApiError::new(ProblemKind::MethodNotAllowed, "this path does not take this method: see `Allow`")
}

#[allow(clippy::needless_pass_by_value, reason = "the layer hands it over by value")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let words = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    let mut response = ApiError::internal(format!("panicked: {words}")).into_response();
    // The panic has written its line itself.
    if let Some(failure) = response.extensions_mut().get_mut::<Failure>() {
        failure.log = false;
    }
    response
}

/// Writes the problem document of a response that carries one.
async fn write_problem(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let Some(mut problem) = response.extensions_mut().remove::<Problem>() else { return response };
    problem.instance.get_or_insert(path);
    problem.trace_id = current_ids().map(|ids| ids.trace_id.to_string());
    write(&mut response, problem);
    response
}

/// The only place where a problem becomes bytes.
fn write(response: &mut Response, mut problem: Problem) {
    take_cards_out(&mut problem);
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    response.headers_mut().remove(header::CONTENT_LENGTH);
    *response.body_mut() = Body::from(body);
}

/// The answer to a request that is turned away at the door, where no span is made: a flood must cost no more than it
/// has to. Its trace id is the caller's, or one that nothing is recorded under, as `server-timing` says.
pub fn turned_away(headers: &HeaderMap, uri: &Uri, error: ApiError) -> Response {
    let mut response = error.into_response();
    let Some(mut problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let ids = Unrecorded::of(headers);
    // A path may be as long as a head, and an answer should not be.
    problem.instance = Some(uri.path()).filter(|path| path.len() <= LONGEST_INSTANCE).map(str::to_owned);
    problem.trace_id = Some(ids.trace_id.clone());
    write(&mut response, problem);
    let headers = response.headers_mut();
    ids.add_to(headers);
    // Layers that say this of other answers are not asked.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The ids of a request without a span.
struct Unrecorded {
    trace_id: String,
    span_id: u64,
}

impl Unrecorded {
    fn of(headers: &HeaderMap) -> Self {
        let traceparent = headers.get("traceparent").and_then(|value| value.to_str().ok());
        let caller =
            traceparent.map(|text| StoredContext { traceparent: text.to_owned(), ..Default::default() });
        let trace_id = caller.and_then(|caller| caller.trace_id());
        Self {
            trace_id: trace_id.unwrap_or_else(|| format!("{:032x}", rand::random::<u128>().max(1))),
            span_id: rand::random::<u64>().max(1),
        }
    }

    fn add_to(&self, headers: &mut HeaderMap) {
        let Self { trace_id, span_id } = self;
        // The flags say that it was not recorded.
        let timing = format!("traceparent;desc=\"00-{trace_id}-{span_id:016x}-00\"");
        for (name, text) in [("x-trace-id", trace_id.as_str()), ("server-timing", &timing)] {
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(name, value);
            }
        }
    }
}

/// A path or another service's words may hold anything.
fn take_cards_out(problem: &mut Problem) {
    let Problem { title, detail, instance, code, errors, .. } = problem;
    let fields = errors.iter_mut().flat_map(|error| [&mut error.pointer, &mut error.detail]);
    for text in [detail, instance, code].into_iter().flatten().chain([title]).chain(fields) {
        if let Cow::Owned(clean) = scrub(text) {
            *text = clean;
        }
    }
}
