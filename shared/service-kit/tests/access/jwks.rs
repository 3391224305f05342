//! Keys that change while a gateway runs.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use reqwest::Response;
use serde_json::json;
use service_kit::access::{Access, Door};
use service_kit::admin::{self, Readiness};
use telemetry::{Env, Telemetry};
use testkit::eventually;

use super::issuer::{Key, jwks};
use super::users::{gateway, with};
use crate::app::config;

/// An issuer's web server: what it answers, and how often it was asked.
#[derive(Clone, Default)]
struct Issuer {
    document: Arc<Mutex<Option<String>>>,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    async fn start() -> (Self, String) {
        let issuer = Self::default();
        let state = issuer.clone();
        let answer = move || async move {
            state.asked.fetch_add(1, Ordering::SeqCst);
            let document = state.document.lock().unwrap().clone();
            document.ok_or(StatusCode::SERVICE_UNAVAILABLE)
        };
        let router = Router::new().route("/keys", get(answer));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, router).into_future());
        (issuer, url)
    }

    fn publish(&self, keys: &[serde_json::Value]) {
        *self.document.lock().unwrap() = Some(jwks(keys));
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn reason(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let body = answer.text().await.unwrap();
    let code = serde_json::from_str::<serde_json::Value>(&body).ok();
    (status, code.and_then(|body| Some(body["code"].as_str()?.to_owned())).unwrap_or_default())
}

#[tokio::test]
async fn a_file_is_read_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    let (old, new) = (Key::rsa(), Key::ed25519());
    std::fs::write(&path, jwks(&[old.jwk("old")])).unwrap();
    let (url, _running) = gateway(&[("AUTH_JWKS", path.to_str().unwrap())]).await;
    let (of_old, of_new) = (old.token("old", &json!({})), new.token("new", &json!({})));
    assert_eq!(with(&url, &of_old).await.status(), 200);

    // Both, as in a rotation without a gap; and what is no set in between changes nothing.
    std::fs::write(&path, jwks(&[old.jwk("old"), new.jwk("new")])).unwrap();
    eventually("the new key to be known", async || (with(&url, &of_new).await.status() == 200).then_some(()))
        .await;
    assert_eq!(with(&url, &of_old).await.status(), 200);
    std::fs::write(&path, "{").unwrap();
    std::fs::write(&path, jwks(&[new.jwk("new")])).unwrap();
    eventually("the old key to be forgotten", async || {
        (with(&url, &of_old).await.status() == 401).then_some(())
    })
    .await;
    assert_eq!(with(&url, &of_new).await.status(), 200);
    no_key_at_all(&path, &url, &of_new).await;
    std::fs::write(&path, jwks(&[new.jwk("new")])).unwrap();
    eventually("the new key to be back", async || (with(&url, &of_new).await.status() == 200).then_some(()))
        .await;

    // The name of one key and the signature of another.
    let mixed = old.token("new", &json!({}));
    assert_eq!(
        reason(with(&url, &mixed).await).await,
        (401, "unknown_key".to_owned()),
        "an RSA key has no such name"
    );
    let stranger = Key::ed25519().token("new", &json!({}));
    assert_eq!(reason(with(&url, &stranger).await).await, (401, "signature".to_owned()));
    let by_secret = Key::secret("a secret of thirty-two bytes or more").token("new", &json!({}));
    assert_eq!(reason(with(&url, &by_secret).await).await, (401, "algorithm".to_owned()));
}

/// Whoever takes their last key out means it.
async fn no_key_at_all(path: &Path, url: &str, token: &str) {
    std::fs::write(path, jwks(&[])).unwrap();
    eventually("no token to be taken", async || (with(url, token).await.status() == 401).then_some(())).await;
    assert_eq!(reason(with(url, token).await).await, (401, "unknown_key".to_owned()));
}

#[tokio::test]
async fn an_unknown_key_is_asked_for_at_once_and_not_again_and_again() {
    let (issuer, keys) = Issuer::start().await;
    let (old, new) = (Key::ed25519(), Key::ed25519());
    issuer.publish(&[old.jwk("old")]);
    let (url, _running) = gateway(&[("AUTH_JWKS", &keys)]).await;
    let of_old = old.token("old", &json!({}));
    eventually("the first keys", async || (with(&url, &of_old).await.status() == 200).then_some(())).await;
    // The first token may have come before the first keys, and have asked too.
    let before = issuer.asked();
    assert!((1..=2).contains(&before), "{before}");

    issuer.publish(&[new.jwk("new")]);
    let of_new = new.token("new", &json!({}));
    let first = with(&url, &of_new).await.status().as_u16();
    let asked_at_once = issuer.asked() - before;
    // Only where the start has used up the one question in ten seconds, it waits.
    assert_eq!((first, asked_at_once), if before == 1 { (200, 1) } else { (401, 0) });
    for _ in 0..20 {
        let unknown = Key::ed25519().token("nobody's", &json!({}));
        assert_eq!(reason(with(&url, &unknown).await).await, (401, "unknown_key".to_owned()));
    }
    assert_eq!(issuer.asked(), before + asked_at_once, "whoever makes up names does not make us ask");
}

#[tokio::test]
async fn without_keys_a_gateway_is_not_ready_and_takes_nobody() {
    let (issuer, keys) = Issuer::start().await;
    let key = Key::rsa();
    let (url, _running) = gateway(&[("AUTH_JWKS", &keys)]).await;
    let access =
        Access::from_env(&Env::from_pairs([("AUTH_JWKS", keys.as_str())]), Door::Users, &config()).unwrap();
    let telemetry = Telemetry::for_test("api-gateway");
    let guard = access.guard("api-gateway", &telemetry);
    let readiness = Readiness::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let readyz = format!("http://{}/readyz", listener.local_addr().unwrap());
    let admin = admin::router(&telemetry, &readiness, &guard, ());
    tokio::spawn(axum::serve(listener, admin).into_future());

    let token = key.token("1", &json!({}));
    let early = with(&url, &token).await;
    assert_eq!((early.status().as_u16(), early.headers()["retry-after"].to_str().unwrap()), (503, "2"));
    assert_eq!(reqwest::get(&readyz).await.unwrap().status(), 503);

    issuer.publish(&[key.jwk("1")]);
    eventually("the keys to be there", async || (with(&url, &token).await.status() == 200).then_some(()))
        .await;

    // The issuer is away again: what was known is known still.
    *issuer.document.lock().unwrap() = None;
    let unknown = Key::ed25519().token("2", &json!({}));
    assert_eq!(with(&url, &unknown).await.status(), 401);
    assert_eq!(with(&url, &token).await.status(), 200);
}
