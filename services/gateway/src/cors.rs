//! Pages of other origins that may ask from a browser: those that `CORS_ORIGINS` names, and otherwise none.

use std::str::FromStr;
use std::time::Duration;

use api::Invalid;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::{HeaderName, HeaderValue, Method, Uri};
use tower::ServiceExt;
use tower_http::cors::CorsLayer;

/// The origins, as browsers write them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins(Vec<HeaderValue>);

impl FromStr for Origins {
    type Err = Invalid;

    /// Origins such as `https://shop.example`, comma-separated. No `*`: who may ask is named.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let origins: Option<_> = text.split(',').map(|origin| read(origin.trim())).collect();
        origins.map(Self).ok_or(Invalid::new("origins such as https://shop.example, comma-separated"))
    }
}

/// Scheme, host and port as a browser writes them: lower case, without the scheme's own port.
fn read(text: &str) -> Option<HeaderValue> {
    let (scheme, _) = text.split_once("://")?;
    let uri: Uri = text.parse().ok()?;
    let usual_port = match scheme.to_ascii_lowercase().as_str() {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let authority = uri.authority()?;
    if uri.path() != "/" || text.ends_with('/') || uri.query().is_some() || authority.as_str().contains('@') {
        return None;
    }
    let port = authority.port_u16().filter(|port| *port != usual_port);
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    format!("{scheme}://{}{port}", authority.host()).to_ascii_lowercase().parse().ok()
}

/// What a page may send.
const SENT: [&str; 7] =
    ["authorization", "content-type", "idempotency-key", "prefer", "traceparent", "tracestate", "baggage"];

/// What a page may read, beside the body.
const READ: [&str; 7] = [
    "x-trace-id",
    "server-timing",
    "location",
    "preference-applied",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
];

/// Answers the preflights of these origins. The layer of the library would answer every `OPTIONS`, with no part in any
/// limit: whatever is no such preflight goes past it.
pub(crate) fn around(api: Router, origins: Origins) -> Router {
    let (plain, named) = (api.clone(), origins.clone());
    api.layer(layer(origins)).layer(from_fn(move |request: Request, next: Next| {
        let past = (request.method() == Method::OPTIONS && !named.preflight(&request)).then(|| plain.clone());
        async move {
            let Some(plain) = past else { return next.run(request).await };
            let Ok(response) = plain.oneshot(request).await;
            response
        }
    }))
}

impl Origins {
    fn preflight(&self, request: &Request) -> bool {
        let headers = request.headers();
        headers.get(ORIGIN).is_some_and(|origin| self.0.contains(origin))
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    }
}

/// Answers preflights, without a token: a browser sends none with them. Tokens are headers that a page sets itself, so
/// no browser needs to send credentials of its own.
fn layer(Origins(origins): Origins) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(SENT.map(HeaderName::from_static))
        .expose_headers(READ.map(HeaderName::from_static))
        .max_age(Duration::from_hours(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_browsers_write_them() {
        for (text, origins) in [
            ("https://shop.example", vec!["https://shop.example"]),
            (
                "https://Shop.Example:443, http://localhost:3000",
                vec!["https://shop.example", "http://localhost:3000"],
            ),
            ("http://[::1]:80", vec!["http://[::1]"]),
        ] {
            let Origins(read) = text.parse().unwrap();
            assert_eq!(read, origins, "{text}");
        }
    }

    #[tokio::test]
    async fn only_preflights_of_named_origins_are_answered_here() {
        let api = Router::new().fallback(|| async { http::StatusCode::METHOD_NOT_ALLOWED });
        let api = around(api, "https://shop.example".parse().unwrap());
        for (origin, asks, status) in [
            ("https://shop.example", true, 200),
            ("https://shop.example", false, 405),
            ("https://evil.example", true, 405),
        ] {
            let mut request = Request::builder().method(Method::OPTIONS).header(ORIGIN, origin);
            if asks {
                request = request.header(ACCESS_CONTROL_REQUEST_METHOD, "POST");
            }
            let request = request.body(axum::body::Body::empty()).unwrap();
            let answer = api.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), status, "{origin} {asks}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "*",
            "null",
            "",
            "shop.example",
            "https://shop.example/",
            "https://shop.example/page",
            "https://shop.example?x",
            "https://*.example,",
            "https://ada@shop.example",
            "ftp://shop.example",
            "https://shop.example,",
        ] {
            assert!(text.parse::<Origins>().is_err(), "{text}");
        }
    }
}
