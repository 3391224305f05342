//! Services among themselves.

use std::time::Duration;

use api::event::CloudEvent;
use api::problem::{Problem, ProblemKind};
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use reqwest::Client;
use serde_json::{Value, json};
use service_kit::access::{self, Access, Door, Guard};
use service_kit::deadline::Deadline;
use service_kit::error::ApiError;
use service_kit::events::{EventsUrl, PublishError, Publisher};
use service_kit::peer::{CallError, Peer};
use telemetry::http_client::HttpClient;
use telemetry::propagation::StoredContext;
use telemetry::{Env, Telemetry};

use super::issuer::{Key, SECRET, now};
use super::users::{Running, SECOND};
use crate::app::{self, config};

const NEXT: &str = "the next secret of thirty-two bytes or more";

fn guard(service: &'static str, key: Option<&str>) -> (Guard, Telemetry) {
    let env = Env::from_pairs(key.map(|key| ("SERVICE_KEY", key)));
    let telemetry = Telemetry::for_test(service);
    let access = Access::from_env(&env, Door::Services, &config()).unwrap();
    (access.guard(service, &telemetry), telemetry)
}

/// A payment service with this key, which answers whether it was shown anything.
async fn payment(key: Option<&str>) -> (String, Running) {
    let (guard, telemetry) = guard("payment-service", key);
    let seen = |headers: HeaderMap| async move { format!("{:?}", headers.contains_key("authorization")) };
    let router = Router::new()
        .route("/charges", get(move |headers: HeaderMap| async move { axum::Json(seen(headers).await) }))
        .route("/events", post(|| async { StatusCode::NO_CONTENT }));
    let app = app::start(access::services(router, &guard), 10 * SECOND, SECOND).await;
    (app.api.clone(), Running { telemetry, _app: app })
}

/// A call by an order service with this key.
async fn call(url: &str, key: Option<&str>) -> Result<String, CallError> {
    let (guard, telemetry) = guard("order-service", key);
    let http = HttpClient::new(&telemetry);
    let peer = Peer::new("payment-service", url.parse().unwrap(), &http, 5 * SECOND);
    let peer = peer.with_token(guard.token_for("payment-service"));
    peer.get("order.processPayment", "/charges", Deadline::after(5 * SECOND)).await
}

fn service_token(key: &Key, changes: &Value) -> String {
    let mut claims = json!({"iss": "order-service", "aud": "payment-service", "exp": now() + 60});
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    key.signed(&json!({"alg": "HS256", "typ": "service+jwt"}), &claims)
}

#[tokio::test]
async fn services_with_the_same_key_know_each_other() {
    let (url, _running) = payment(Some(SECRET)).await;
    for _ in 0..2 {
        assert_eq!(call(&url, Some(SECRET)).await.unwrap(), "false", "no handler sees the token");
    }
    let (open, _open) = payment(None).await;
    assert_eq!(call(&open, None).await.unwrap(), "false", "without a key nothing is sent");
}

#[tokio::test]
async fn nobody_else_comes_in() {
    let (url, running) = payment(Some(SECRET)).await;
    let key = Key::secret(SECRET);
    let reason = async |token: Option<String>| {
        let mut request = Client::new().get(format!("{url}/charges"));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let refused = request.send().await.unwrap();
        assert_eq!(refused.status(), 401);
        assert!(refused.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer "));
        refused.json::<Problem>().await.unwrap().code.unwrap()
    };
    assert_eq!(reason(None).await, "no_token");
    let of_user = key.token("1", &json!({"aud": "payment-service"}));
    assert_eq!(reason(Some(of_user)).await, "type", "not even where both have one secret");
    assert_eq!(reason(Some(service_token(&key, &json!({"aud": "inventory-service"})))).await, "audience");
    assert_eq!(reason(Some(service_token(&key, &json!({"exp": now() - 31})))).await, "expired");
    assert_eq!(reason(Some(service_token(&Key::secret(NEXT), &json!({})))).await, "signature");
    assert_eq!(reason(Some(service_token(&key, &json!({"iss": null})))).await, "issuer");
    let good = service_token(&key, &json!({}));
    let mut almost = good.clone();
    almost.pop();
    let answer = Client::new().get(format!("{url}/charges")).bearer_auth(&good).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_ne!(reason(Some(almost)).await, "", "a part of what is remembered is not enough");
    let text = running.telemetry.metrics().encode();
    assert!(text.contains("access_denied_total{reason=\"audience\"} 1 "), "{text}");
}

#[tokio::test]
async fn a_key_is_replaced_without_a_gap() {
    let both = format!("{NEXT},{SECRET}");
    let (old, _old) = payment(Some(SECRET)).await;
    let (knows_both, _both) = payment(Some(&format!("{SECRET}, {NEXT}"))).await;
    for key in [SECRET, NEXT, &both] {
        assert!(call(&knows_both, Some(key)).await.is_ok());
    }
    assert!(call(&old, Some(&both)).await.is_err(), "the first of the list signs");
}

#[tokio::test]
async fn a_key_that_is_wrong_is_our_mistake_and_not_the_clients() {
    let (url, _running) = payment(Some(SECRET)).await;
    for key in [None, Some(NEXT)] {
        let refused = call(&url, key).await.unwrap_err();
        assert!(refused.problem().is_none() && refused.is_refusal(), "as in an outage, but nothing was done");
        let told = ApiError::from(refused);
        assert_eq!(told.kind(), ProblemKind::Unavailable);
        assert!(!told.is_passed_on() && !told.to_string().contains("token"), "{told}");
    }
}

fn event() -> CloudEvent {
    CloudEvent {
        specversion: "1.0".to_owned(),
        id: "1".to_owned(),
        source: "/order-service".to_owned(),
        kind: "order.confirmed".to_owned(),
        subject: None,
        time: None,
        traceparent: None,
        tracestate: None,
        data: json!({}),
    }
}

#[tokio::test]
async fn events_are_shown_to_their_receiver_with_a_token() {
    let (url, _running) = payment(Some(SECRET)).await;
    let env = Env::from_pairs([("EVENTS_URL", format!("{url}/events"))]);
    let events = EventsUrl::from_env(&env).unwrap();
    let publish = async |key: Option<&str>| {
        let token = guard("order-service", key).0.token_for("payment-service");
        let publisher = Publisher::new(&events, Duration::from_secs(5), token).unwrap();
        publisher.publish(&event(), &StoredContext::default(), "1").await
    };
    assert_eq!(publish(Some(SECRET)).await, Ok(()));
    assert!(matches!(publish(None).await, Err(PublishError::Away(why)) if why.contains("401")));
}

#[tokio::test]
async fn only_what_is_about_an_event_counts_against_it() {
    let status = |Path(status): Path<u16>| async move { StatusCode::from_u16(status).unwrap() };
    let app = app::start(Router::new().route("/{status}", post(status)), 10 * SECOND, SECOND).await;
    for (status, is_away) in [(401, true), (403, true), (429, true), (503, true), (400, false), (500, false)]
    {
        let env = Env::from_pairs([("EVENTS_URL", format!("{}/{status}", app.api))]);
        let publisher = Publisher::new(&EventsUrl::from_env(&env).unwrap(), 5 * SECOND, None).unwrap();
        let answer = publisher.publish(&event(), &StoredContext::default(), "1").await;
        assert_eq!(matches!(answer, Err(PublishError::Away(_))), is_away, "{status}: {answer:?}");
        assert_eq!(matches!(answer, Err(PublishError::NotTaken(_))), !is_away, "{status}: {answer:?}");
    }
}
