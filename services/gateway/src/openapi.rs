//! The public API as OpenAPI 3.1, made from the routes and types that serve it. Paths, methods and schemas stand where
//! the code is; here is what all of them have in common.
//!
//! | module | what is there |
//! |---|---|
//! | `answers` | the headers of every answer, and the problems each operation may refuse with |
//! | `common` | parameters, headers and the token, described once |
//! | `example` | an order, as it is shown in several places |
//! | `page` | the document as a page for people |

mod answers;
mod common;
pub(crate) mod example;
mod page;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Server, Tag};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const DESCRIPTION: &str = include_str!("openapi/description.md");

/// The page needs its style sheet and nothing else: no script, no picture, nothing from elsewhere.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
                           frame-ancestors 'none'";

/// An hour; a new release has another `ETag`.
const KEPT: &str = "public, max-age=3600";

/// The document before the routes are in it.
pub(crate) fn about() -> OpenApi {
    let licence = LicenseBuilder::new().name("MIT").identifier(Some("MIT")).build();
    let info = InfoBuilder::new()
        .title("Waybill")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(licence))
        .build();
    let tag = |name: &str, description: &str| {
        let mut tag = Tag::new(name);
        tag.description = Some(description.to_owned());
        tag
    };
    let tags = [
        tag("orders", "Place orders, find them, take them back."),
        tag("products", "What can be ordered, and how much of it is there."),
        tag("about", "This description."),
    ];
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([Server::new("/")]))
        .tags(Some(tags))
        .components(Some(common::components()))
        .build()
}

/// The document and its page, as they are sent.
struct Document {
    json: Bytes,
    etag: String,
    page: Bytes,
}

/// Routes that show what `api` says. They are not behind the door: whoever writes a client reads them first.
pub(crate) fn routes(mut api: OpenApi) -> Router {
    let (router, own) =
        OpenApiRouter::new().routes(routes!(get_document)).routes(routes!(get_docs)).split_for_parts();
    api.merge(own);
    answers::complete(&mut api);
    let document = Arc::new(Document::new(&api));
    router.route(page::STYLE_PATH, get(get_style)).with_state(document)
}

impl Document {
    fn new(api: &OpenApi) -> Self {
        let value = json!(api);
        let json = Bytes::from(format!("{value:#}\n"));
        let mut hasher = DefaultHasher::new();
        json.hash(&mut hasher);
        let etag = format!("\"{:016x}\"", hasher.finish());
        Self { page: page::page(&value).into_string().into(), json, etag }
    }
}

/// This API as OpenAPI 3.1
#[utoipa::path(
    get, path = "/api/openapi.json", operation_id = "getOpenApi", tag = "about", params(common::IfNoneMatch),
    responses(
        (status = 200, description = "The document", content_type = "application/json",
            body = inline(utoipa::openapi::schema::Object), headers(("etag" = String, description = "Names this version of it"))),
        (status = 304, description = "It is still the version you have"),
    ),
)]
async fn get_document(State(document): State<Arc<Document>>, headers: HeaderMap) -> Response {
    let kept = [(CACHE_CONTROL, KEPT), (ETAG, document.etag.as_str())];
    let known = headers.get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    if known.is_some_and(|tags| tags.split(',').any(|tag| matches(tag, &document.etag))) {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    (kept, [(CONTENT_TYPE, "application/json")], document.json.clone()).into_response()
}

/// RFC 9110: `If-None-Match` compares weakly.
fn matches(tag: &str, etag: &str) -> bool {
    let tag = tag.trim();
    tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag
}

/// This API as a page
#[utoipa::path(
    get, path = "/docs", operation_id = "getDocs", tag = "about",
    responses((status = 200, description = "The page", content_type = "text/html", body = String)),
)]
async fn get_docs(State(document): State<Arc<Document>>) -> impl IntoResponse {
    let headers = [
        (CACHE_CONTROL, KEPT),
        (CONTENT_SECURITY_POLICY, PAGE_POLICY),
        (CONTENT_TYPE, "text/html; charset=utf-8"),
    ];
    (headers, document.page.clone())
}

async fn get_style() -> impl IntoResponse {
    ([(CACHE_CONTROL, KEPT), (CONTENT_TYPE, "text/css; charset=utf-8")], page::STYLE)
}
