//! The style sheet, the script and the icon, built into the binary.

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::AppState;

pub(super) static STYLE: Asset =
    Asset::new("/assets/page.css", "text/css; charset=utf-8", include_str!("../../assets/page.css"));
pub(super) static SCRIPT: Asset =
    Asset::new("/assets/page.js", "text/javascript; charset=utf-8", include_str!("../../assets/page.js"));
pub(super) static ICON: Asset =
    Asset::new("/assets/icon.svg", "image/svg+xml", include_str!("../../assets/icon.svg"));

/// One file; its URL changes with its text, so that a browser may keep it for ever.
pub(super) struct Asset {
    path: &'static str,
    content_type: &'static str,
    text: &'static str,
    version: u64,
}

impl Asset {
    const fn new(path: &'static str, content_type: &'static str, text: &'static str) -> Self {
        Self { path, content_type, text, version: fnv1a(text.as_bytes()) }
    }

    pub(super) fn url(&self) -> String {
        format!("{}?v={:016x}", self.path, self.version)
    }

    fn answer(&self) -> impl IntoResponse + use<> {
        let headers =
            [(CONTENT_TYPE, self.content_type), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
        (headers, self.text)
    }
}

const fn fnv1a(mut bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    while let [first, rest @ ..] = bytes {
        hash = (hash ^ *first as u64).wrapping_mul(0x0100_0000_01b3);
        bytes = rest;
    }
    hash
}

pub(super) fn routes() -> Router<AppState> {
    [&STYLE, &SCRIPT, &ICON]
        .into_iter()
        .fold(Router::new(), |router, asset| router.route(asset.path, get(async || asset.answer())))
}
