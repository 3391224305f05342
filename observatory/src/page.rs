//! The pages a person reads: orders, traces, log lines and latencies, each leading to the others.
//!
//! HTML made on the server. The only script copies ids to the clipboard; without it everything else works. All text
//! that comes from telemetry is untrusted: `maud` escapes it, and a strict Content-Security-Policy is the second wall.

mod alerts;
mod assets;
mod axis;
mod chart;
mod distribution;
mod error;
mod fields;
mod format;
mod home;
mod intake;
mod latency;
mod layout;
mod lines;
mod logs;
mod metrics;
mod order;
mod params;
mod search;
mod self_time;
mod span;
mod trace;
mod trace_list;
mod tree;
mod waterfall;

use axum::Router;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::HeaderValue;
use http::header::CONTENT_SECURITY_POLICY;

use self::error::PageError;
pub(crate) use self::format::encode;
use crate::AppState;

/// The pages: `/`, `/search`, `/trace/{id}`, `/order/{id}`, `/logs`, `/metrics-view`, `/alerts`, and their style sheet.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(home::show))
        .route("/search", get(search::show))
        .route("/trace/{id}", get(trace::show))
        .route("/order/{id}", get(order::show))
        .route("/logs", get(logs::show))
        .route("/metrics-view", get(metrics::show))
        .route("/alerts", get(alerts::show))
        .merge(assets::routes())
        .layer(map_response(with_policy))
}

/// What a path that leads nowhere answers: a page with status 404.
pub async fn not_found() -> Response {
    let missing = PageError::missing("There is no such page", "The address may have been cut short.");
    with_policy(missing.into_response()).await
}

/// What a page may load. What else browsers are told stands at the door.
async fn with_policy(mut response: Response) -> Response {
    const POLICY: HeaderValue = HeaderValue::from_static(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
    );
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY);
    response
}
