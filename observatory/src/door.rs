//! Who may look: everybody on this machine, or whoever has the token.
//!
//! The inputs on ports of their own (OTLP, log lines) ask nobody: they are for a network whose senders are trusted.

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, ORIGIN, REFERRER_POLICY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use subtle::ConstantTimeEq;

use crate::api::problem::Problem;
use crate::config::Hidden;

/// How a port is guarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// Everybody may come in.
    Open,
    /// Everybody on this machine may, but no page of another site that its browser shows.
    Local,
    /// Whoever has this token: as a bearer, or as the password of Basic, for which browsers ask.
    Token(Hidden),
    /// Nobody: other machines reach it, and there is no token.
    Shut,
}

impl Door {
    /// An address that other machines reach is open only if somebody has said so.
    pub(crate) fn of(token: Option<&Hidden>, is_off: bool, address: SocketAddr) -> Self {
        match token {
            Some(token) => Self::Token(token.clone()),
            None if is_off => Self::Open,
            None if address.ip().is_loopback() => Self::Local,
            None => Self::Shut,
        }
    }

    /// Puts it around routes.
    pub(crate) fn around(&self, routes: Router) -> Router {
        let routes = match self {
            Self::Open => routes,
            Self::Local => routes.layer(from_fn(of_this_machine)),
            Self::Token(token) => routes.layer(from_fn_with_state(token.clone(), ask)),
            Self::Shut => routes.layer(from_fn(shut)),
        };
        routes.layer(map_response(for_browsers))
    }
}

/// What a browser is told to do with an answer, a refusal too: it is data, of which nothing is run, framed, guessed at or
/// kept. Pages say themselves what they may load, and assets how long they keep.
async fn for_browsers(mut response: Response) -> Response {
    const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(NOTHING);
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A page can give a name of its own our address, and then read our answers; and it can post here without leave. It cannot
/// take `localhost` or an address for its name, and a browser says whose page posts.
async fn of_this_machine(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host = headers.get(HOST).map(parsed::<Authority>);
    let is_by_address = host.is_none_or(|host| host.is_some_and(|host| is_here(host.host(), |_| true)));
    let origin = headers.get(ORIGIN).map(parsed::<Uri>);
    let is_ours = |origin: Option<Uri>| {
        origin.is_some_and(|origin| origin.host().is_some_and(|host| is_here(host, IpAddr::is_loopback)))
    };
    if is_by_address && (request.method().is_safe() || origin.is_none_or(is_ours)) {
        return next.run(request).await;
    }
    let why = "this door is open to its own machine alone: ask for localhost or an IP address, and not from a page of \
               another site; or set OBSERVATORY_TOKEN, or AUTH=off";
    Problem::new(StatusCode::FORBIDDEN, why).into_response()
}

fn parsed<T: std::str::FromStr>(value: &HeaderValue) -> Option<T> {
    value.to_str().ok()?.parse().ok()
}

fn is_here(host: &str, is_good: impl Fn(&IpAddr) -> bool) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse();
    host.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| is_good(&ip))
}

async fn ask(State(token): State<Hidden>, request: Request, next: Next) -> Response {
    let given = given(request.headers());
    // How long the comparison takes must not say how much of a guess was right.
    if given.is_some_and(|given| bool::from(given.as_bytes().ct_eq(token.0.as_bytes()))) {
        return next.run(request).await;
    }
    let why = "this needs OBSERVATORY_TOKEN: as `Authorization: Bearer …`, or as the password of any user";
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, why).into_response();
    for scheme in ["Bearer realm=\"observatory\"", "Basic realm=\"observatory\", charset=\"UTF-8\""] {
        response.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
    }
    response
}

async fn shut(_: Request, _: Next) -> Problem {
    let why = "other machines reach this port, and there is no token: set OBSERVATORY_TOKEN, or have ADMIN_ADDR on a \
               loopback address, or open all doors with AUTH=off";
    Problem::new(StatusCode::FORBIDDEN, why)
}

fn given(headers: &HeaderMap) -> Option<String> {
    let (scheme, rest) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    let basic = scheme.eq_ignore_ascii_case("basic").then(|| BASE64.decode(rest.trim()).ok()).flatten()?;
    let (_, password) = std::str::from_utf8(&basic).ok()?.split_once(':')?;
    Some(password.to_owned())
}
