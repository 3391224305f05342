//! The layers around every router, in the one right order, and what answers where no route does.

use std::any::Any;
use std::borrow::Cow;
use std::time::Duration;

use api::problem::{CONTENT_TYPE, Problem, ProblemKind};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use telemetry::Telemetry;
use telemetry::http_server::{Failure, Operations};
use telemetry::propagation::current_ids;
use telemetry::redact::scrub;
use tower_http::catch_panic::CatchPanicLayer;

use crate::deadline::Deadline;
use crate::error::ApiError;

/// What a request on the admin port may take.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(10);

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

/// Writes the problem document of a response that carries one: the only place where one becomes bytes.
async fn write_problem(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let Some(mut problem) = response.extensions_mut().remove::<Problem>() else { return response };
    problem.instance.get_or_insert(path);
    take_cards_out(&mut problem);
    problem.trace_id = current_ids().map(|ids| ids.trace_id.to_string());
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    response.headers_mut().remove(header::CONTENT_LENGTH);
    *response.body_mut() = Body::from(body);
    response
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
