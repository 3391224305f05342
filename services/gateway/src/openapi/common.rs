//! What operations refer to by name: headers of requests and answers, and the token.

use utoipa::IntoParams;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Components, ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Header, RefOr, Required};

/// The name of the token's scheme in `security(…)`.
const BEARER: &str = "bearer";

/// Headers that continue a trace. None has a pattern: what cannot be read starts a new trace and refuses nothing.
pub(super) const TRACE_CONTEXT: [(&str, &str, &str); 3] = [
    (
        "traceparent",
        "Continues a trace (W3C Trace Context). What cannot be read starts a new one.",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
    ("tracestate", "Other vendors' state of that trace.", "vendor=value"),
    (
        "baggage",
        "`session_id` and `customer_tier` go with the order through all services.",
        "session_id=s-7,customer_tier=gold",
    ),
];

/// Headers of answers: name, meaning, pattern, example. An empty pattern is none.
const ANSWER_HEADERS: [(&str, &str, &str, &str); 8] = [
    ("x-trace-id", "The trace of this request.", "^[0-9a-f]{32}$", "4bf92f3577b34da6a3ce929d0e0e4736"),
    (
        "server-timing",
        "The same for browsers: `traceparent;desc=\"…\"`.",
        "^traceparent;desc=\"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\"$",
        "traceparent;desc=\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"",
    ),
    (
        "ratelimit-policy",
        "How much may be asked for, where there is a limit: by `address` and by `customer`, `q` in `w` seconds.",
        "",
        "\"customer\";q=100;w=2",
    ),
    ("ratelimit", "What is left of it: `r`, renewed in `t` seconds.", "", "\"customer\";r=42;t=1"),
    ("retry-after", "In how many seconds it is worth asking again.", "^[0-9]+$", "1"),
    ("www-authenticate", "How to authenticate (RFC 6750).", "^Bearer", "Bearer realm=\"waybill\""),
    (
        "location",
        "Where the order is.",
        "^/api/orders/[0-9a-f-]{36}$",
        "/api/orders/019ab2d4-7c1e-7d3a-9b52-0c6f1e2d3a4b",
    ),
    ("preference-applied", "That it was accepted, and not placed yet.", "^respond-async$", "respond-async"),
];

/// `If-None-Match` of the document itself.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct IfNoneMatch {
    /// The `ETag` you have.
    #[param(rename = "if-none-match")]
    _tag: Option<String>,
}

pub(super) fn components() -> Components {
    let mut components = Components::new();
    for (name, meaning, pattern, example) in ANSWER_HEADERS {
        components.headers.insert(name.to_owned(), answer_header(meaning, pattern, example).into());
    }
    for (name, meaning, example) in TRACE_CONTEXT {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .description(Some(meaning))
            .required(Required::False)
            .schema(Some(ObjectBuilder::new().schema_type(Type::String).examples([example])))
            .build();
        components.parameters.insert(name.to_owned(), RefOr::T(parameter));
    }
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some(
            "Needed where the door is closed. Scopes: `orders:read` finds and shows orders, `orders:write` places \
             and cancels them, `operator` does so for every customer.",
        ))
        .build();
    components.add_security_scheme(BEARER, SecurityScheme::Http(token));
    components
}

fn answer_header(meaning: &str, pattern: &str, example: &str) -> Header {
    let pattern = (!pattern.is_empty()).then_some(pattern);
    let schema = ObjectBuilder::new().schema_type(Type::String).pattern(pattern).examples([example]);
    HeaderBuilder::new().schema(Some(schema)).description(Some(meaning)).build()
}
