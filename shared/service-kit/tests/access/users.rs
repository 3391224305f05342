//! The gateway's door, over HTTP.

use std::time::Duration;

use api::problem::{Problem, ProblemKind};
use axum::Router;
use axum::routing::{get, post};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use service_kit::access::{self, Access, Caller, Door, Scope};
use service_kit::error::ApiError;
use telemetry::{Env, Telemetry};

use super::issuer::{Key, SECRET, claims, now};
use crate::app::{self, App, config};

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// A service that runs until this goes.
pub(super) struct Running {
    pub(super) telemetry: Telemetry,
    pub(super) _app: App,
}

/// A gateway with these settings, and its base URL.
pub(super) async fn gateway(variables: &[(&str, &str)]) -> (String, Running) {
    let access =
        Access::from_env(&Env::from_pairs(variables.iter().copied()), Door::Users, &config()).unwrap();
    let telemetry = Telemetry::for_test("api-gateway");
    let guard = access.guard("api-gateway", &telemetry);
    let who = |caller: Caller| async move { caller.subject().unwrap_or("anyone").to_owned() };
    let write = |caller: Caller| async move {
        caller.require(Scope::OrdersWrite)?;
        Ok::<_, ApiError>(format!("operator: {}", caller.is_operator()))
    };
    let router = Router::new()
        .route("/api/products", get(who))
        .route("/api/orders", post(write))
        .route("/api/elsewhere", get(|| async { ApiError::new(ProblemKind::Forbidden, "not this one") }))
        .route("/api/openapi.json", get(|| async { "{}" }))
        .route("/docs", get(|| async { "docs" }));
    let app = app::start(access::users(router, &guard), 10 * SECOND, SECOND).await;
    (app.api.clone(), Running { telemetry, _app: app })
}

pub(super) async fn with(url: &str, token: &str) -> Response {
    Client::new().get(format!("{url}/api/products")).bearer_auth(token).send().await.unwrap()
}

/// The reason, when this is a whole refusal.
async fn refused(answer: Response) -> String {
    assert_eq!(answer.status(), 401);
    let challenge = answer.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert!(challenge.starts_with("Bearer realm=\"waybill\""), "{challenge}");
    let problem: Problem = answer.json().await.unwrap();
    let reason = problem.code.unwrap();
    assert_eq!(challenge.contains("error=\"invalid_token\""), reason != "no_token", "{challenge}");
    reason
}

#[tokio::test]
async fn who_asks_is_known_or_does_not_come_in() {
    let (url, running) = gateway(&[("AUTH_SECRET", SECRET)]).await;
    let issuer = Key::secret(SECRET);
    let good = with(&url, &issuer.token("1", &json!({}))).await;
    assert_eq!((good.status().as_u16(), good.text().await.unwrap().as_str()), (200, "c-1042"));
    for (changes, reason) in [
        (json!({"exp": now() - 31}), "expired"),
        (json!({"exp": 0}), "expired"),
        (json!({"exp": null}), "malformed"),
        (json!({"exp": "tomorrow"}), "malformed"),
        (json!({"nbf": now() + 60}), "not_yet"),
        (json!({"iss": "somebody"}), "issuer"),
        (json!({"iss": null}), "issuer"),
        (json!({"aud": "order-service"}), "audience"),
        (json!({"aud": []}), "audience"),
        (json!({"aud": null}), "audience"),
        (json!({"sub": null}), "malformed"),
        (json!({"sub": ""}), "malformed"),
    ] {
        assert_eq!(refused(with(&url, &issuer.token("1", &changes)).await).await, reason, "{changes}");
    }
    for changes in [
        json!({"exp": now() - 20}),
        json!({"exp": now() as f64 + 30.5}),
        json!({"nbf": now() + 20}),
        json!({"aud": ["somebody", "waybill"]}),
    ] {
        assert_eq!(with(&url, &issuer.token("1", &changes)).await.status(), 200, "{changes}");
    }
    let typ = |typ: Value| issuer.signed(&json!({"alg": "HS256", "typ": typ}), &claims(&json!({})));
    for kind in ["JWT", "at+jwt", "application/at+JWT"] {
        assert_eq!(with(&url, &typ(json!(kind))).await.status(), 200, "{kind}");
    }
    for kind in [json!("service+jwt"), json!("logout+jwt"), Value::Null] {
        assert_eq!(refused(with(&url, &typ(kind)).await).await, "type");
    }
    let stranger = Key::secret("another secret of thirty-two bytes or more");
    assert_eq!(refused(with(&url, &stranger.token("1", &json!({}))).await).await, "signature");
    assert_eq!(refused(with(&url, &Key::ed25519().token("1", &json!({}))).await).await, "algorithm");
    assert_eq!(refused(with(&url, "nonsense").await).await, "malformed");
    let text = running.telemetry.metrics().encode();
    assert!(text.contains("access_denied_total{reason=\"expired\"} 2 # {trace_id=\""), "an exemplar: {text}");
    assert!(text.contains("access_denied_total{reason=\"unknown_key\"} 0\n"), "{text}");
}

#[tokio::test]
async fn one_token_in_one_header() {
    let (url, _running) = gateway(&[("AUTH_SECRET", SECRET)]).await;
    let token = Key::secret(SECRET).token("1", &json!({}));
    let send = |headers: &[String]| {
        let mut request = Client::new().get(format!("{url}/api/products"));
        for held in headers {
            request = request.header("authorization", held);
        }
        request.send()
    };
    assert_eq!(refused(send(&[]).await.unwrap()).await, "no_token");
    assert_eq!(refused(send(&["Basic YTpi".to_owned()]).await.unwrap()).await, "no_token");
    assert_eq!(refused(send(&["Bearer".to_owned()]).await.unwrap()).await, "malformed");
    let bearer = format!("bearer {token}");
    assert_eq!(send(std::slice::from_ref(&bearer)).await.unwrap().status(), 200);
    assert_eq!(refused(send(&[bearer.clone(), bearer]).await.unwrap()).await, "malformed");
}

#[tokio::test]
async fn a_token_allows_what_its_scopes_say() {
    let (url, running) = gateway(&[("AUTH_SECRET", SECRET)]).await;
    let place = async |changes: &Value| {
        let token = Key::secret(SECRET).token("1", changes);
        Client::new().post(format!("{url}/api/orders")).bearer_auth(token).send().await.unwrap()
    };
    for (changes, answer) in [
        (json!({}), "operator: false"),
        (json!({"scope": "operator"}), "operator: true"),
        (json!({"scope": null, "scp": ["orders:write"]}), "operator: false"),
        (json!({"scope": "email", "scp": "openid operator"}), "operator: true"),
    ] {
        let placed = place(&changes).await;
        assert_eq!(
            (placed.status().as_u16(), placed.text().await.unwrap().as_str()),
            (200, answer),
            "{changes}"
        );
    }
    for changes in
        [json!({"scope": "orders:read"}), json!({"scope": null}), json!({"scope": "ORDERS:WRITE operators"})]
    {
        let refused = place(&changes).await;
        assert_eq!(refused.status(), 403, "{changes}");
        let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.contains("error=\"insufficient_scope\", scope=\"orders:write\""), "{challenge}");
        let problem: Problem = refused.json().await.unwrap();
        assert!(problem.kind_uri.ends_with("/forbidden"), "{problem:?}");
        assert_eq!(problem.code.as_deref(), Some("scope"));
    }
    let other = Client::new().get(format!("{url}/api/elsewhere"));
    let token = Key::secret(SECRET).token("1", &json!({}));
    assert_eq!(other.bearer_auth(token).send().await.unwrap().status(), 403);
    let text = running.telemetry.metrics().encode();
    assert!(text.contains("access_denied_total{reason=\"scope\"} 3 "), "no other 403 is counted: {text}");
}

#[tokio::test]
async fn the_description_of_the_api_is_for_everybody() {
    let (url, _running) = gateway(&[("AUTH_SECRET", SECRET)]).await;
    for path in ["/api/openapi.json", "/docs"] {
        assert_eq!(reqwest::get(format!("{url}{path}")).await.unwrap().status(), 200, "{path}");
    }
}

#[tokio::test]
async fn an_open_door_asks_nobody() {
    let (url, _running) = gateway(&[]).await;
    let answer = with(&url, "nonsense").await;
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, "anyone"));
}

#[tokio::test]
async fn a_door_open_to_this_machine_is_not_open_to_other_names_for_it() {
    for (variables, of_others) in [(&[][..], 403), (&[("AUTH", "off")], 200)] {
        let (url, _running) = gateway(variables).await;
        let status = async |host: &str| {
            let request = Client::new().get(format!("{url}/api/products")).header("host", host);
            request.send().await.unwrap().status().as_u16()
        };
        for host in ["localhost:8080", "LOCALHOST", "127.0.0.1:8080", "192.0.2.1", "[::1]:8080"] {
            assert_eq!(status(host).await, 200, "{host}");
        }
        for host in ["evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "a b"] {
            assert_eq!(status(host).await, of_others, "{host}");
        }
    }
}

#[tokio::test]
async fn another_issuer_and_another_audience() {
    let settings = [("AUTH_SECRET", SECRET), ("AUTH_ISSUER", "https://id.example"), ("AUTH_AUDIENCE", "tea")];
    let (url, _running) = gateway(&settings).await;
    let issuer = Key::secret(SECRET);
    let theirs = issuer.token("1", &json!({"iss": "https://id.example", "aud": "tea"}));
    assert_eq!(with(&url, &theirs).await.status(), 200);
    assert_eq!(refused(with(&url, &issuer.token("1", &json!({}))).await).await, "issuer");
}

/// A handler that asks who calls, on a router without the layer.
#[tokio::test]
async fn a_forgotten_layer_is_no_open_door() {
    let router = Router::new().route("/api/products", get(|caller: Caller| async move { drop(caller) }));
    let app = app::start(router, 10 * SECOND, SECOND).await;
    assert_eq!(with(&app.api, "nonsense").await.status(), 500);
}
