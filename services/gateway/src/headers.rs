//! What browsers are told to do with answers. They are data: nothing in them is run, framed, guessed at or kept.
//!
//! No `Strict-Transport-Security`: it belongs to whoever has the certificate, which is the ingress.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Response};

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Adds them. A route that says how long its answer keeps, or what its page may load, has the last word.
pub(crate) fn add<B>(mut response: Response<B>) -> Response<B> {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(CACHE_CONTROL).or_insert(NO_STORE);
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(NOTHING);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_has_the_last_word_on_its_page() {
        let page = Response::builder()
            .header("cache-control", "max-age=60")
            .header("content-security-policy", "default-src 'self'");
        let page = add(page.body(()).unwrap());
        assert_eq!(page.headers()["cache-control"], "max-age=60");
        assert_eq!(page.headers()["content-security-policy"], "default-src 'self'");
        assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    }
}
