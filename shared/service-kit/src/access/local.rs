//! Doors that are open because only this machine reaches them. A browser on it does what pages of the whole world tell it:
//! they can give a name of theirs our address and then read our answers, and send what needs no leave.

use std::net::IpAddr;

use api::problem::ProblemKind;
use axum::Router;
use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;

/// Around what is asked for by `localhost` or by address, and by no other name: nobody can give those to somebody else.
pub(super) fn by_address(router: Router) -> Router {
    router.layer(from_fn(async |request: Request, next: Next| {
        let host = request.headers().get(HOST);
        if host.is_none_or(|host| parsed::<Authority>(host).is_some_and(|host| is_address(host.host()))) {
            return next.run(request).await;
        }
        refused(
            "this door is open to its own machine alone: ask for localhost or an IP address, or set AUTH=off",
        )
    }))
}

/// Around what changes something without a body that a browser would first ask leave for.
pub(super) fn not_from_pages(router: Router) -> Router {
    router.layer(from_fn(async |request: Request, next: Next| {
        let origin = request.headers().get(ORIGIN);
        let is_ours = |origin: &HeaderValue| {
            parsed::<Uri>(origin).and_then(|origin| Some(is_loopback(origin.host()?))).unwrap_or_default()
        };
        if request.method().is_safe() || origin.is_none_or(is_ours) {
            return next.run(request).await;
        }
        refused("this is not for pages of other sites")
    }))
}

fn refused(why: &str) -> Response {
    ApiError::new(ProblemKind::Forbidden, why).into_response()
}

fn parsed<T: std::str::FromStr>(value: &HeaderValue) -> Option<T> {
    value.to_str().ok()?.parse().ok()
}

fn is_address(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || ip(host).is_some()
}

/// Whether it names this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || ip(host).is_some_and(|ip| ip.is_loopback())
}

fn ip(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}
