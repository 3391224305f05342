//! `/admin/*`, and what stays open beside it.

use axum::Router;
use axum::routing::post;
use reqwest::{Client, Response};
use serde_json::json;
use service_kit::access::{Access, Caller, Door};
use service_kit::admin::{self, Readiness};
use service_kit::config::ServerConfig;
use telemetry::{Env, Telemetry};

use super::issuer::{Key, SECRET};

/// An admin port whose settings say that it listens everywhere; in truth it listens here.
async fn admin(variables: &[(&str, &str)]) -> String {
    let public = [("ADMIN_ADDR", "0.0.0.0:9081")];
    let env = Env::from_pairs(public.iter().chain(variables).copied());
    let access =
        Access::from_env(&env, Door::Services, &ServerConfig::from_env(&env, 1, 2).unwrap()).unwrap();
    let telemetry = Telemetry::for_test("order-service");
    let guard = access.guard("order-service", &telemetry);
    let act = |caller: Caller| async move { caller.subject().unwrap_or("anyone").to_owned() };
    let own = Router::new().route("/admin/act", post(act));
    let router = admin::router_with(&telemetry, &Readiness::default(), &guard, (), own);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, router).into_future());
    for path in ["/metrics", "/healthz"] {
        assert_eq!(
            reqwest::get(format!("{url}{path}")).await.unwrap().status(),
            200,
            "{path} is for everybody"
        );
    }
    url
}

async fn act(url: &str, token: &str) -> Response {
    Client::new().post(format!("{url}/admin/act")).bearer_auth(token).send().await.unwrap()
}

#[tokio::test]
async fn operators_come_in_by_name() {
    let url = admin(&[("AUTH_SECRET", SECRET)]).await;
    let token = |scope: &str| Key::secret(SECRET).token("1", &json!({"sub": "ada", "scope": scope}));
    let answer = act(&url, &token("operator")).await;
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, "ada"));
    assert_eq!(act(&url, &token("orders:read orders:write")).await.status(), 403);
    assert_eq!(act(&url, "nonsense").await.status(), 401);
}

#[tokio::test]
async fn without_keys_nobody_comes_in_and_is_told_why() {
    let url = admin(&[]).await;
    let refused = act(&url, "nonsense").await;
    assert_eq!(refused.status(), 403);
    let why = refused.text().await.unwrap();
    assert!(why.contains("AUTH_JWKS") && why.contains("ADMIN_ADDR") && why.contains("AUTH=off"), "{why}");
    assert_eq!(act(&admin(&[("AUTH", "off")]).await, "nonsense").await.text().await.unwrap(), "anyone");
}

#[tokio::test]
async fn pages_of_other_sites_do_not_act() {
    let url = admin(&[("ADMIN_ADDR", "127.0.0.1:9081")]).await;
    for (origin, status) in [
        (None, 200),
        (Some("http://localhost:3000"), 200),
        (Some("http://[::1]:3000"), 200),
        (Some("https://evil.example"), 403),
        (Some("http://203.0.113.1"), 403),
        (Some("null"), 403),
    ] {
        let act = Client::new().post(format!("{url}/admin/act"));
        let act = origin.into_iter().fold(act, |act, origin| act.header("origin", origin));
        assert_eq!(act.send().await.unwrap().status(), status, "{origin:?}");
    }
}
