//! Access at work: one guard a process, and the layers it stands in.

use std::sync::Arc;
use std::time::SystemTime;

use api::problem::{Problem, ProblemKind};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use telemetry::Telemetry;

use super::caller::{Caller, Scope};
use super::claims::Said;
use super::denied::{Denials, Denied, SCOPE};
use super::keys::{Jwks, UserKeys};
use super::local::{by_address, not_from_pages};
use super::services::{PeerToken, ServiceKeys};
use super::settings::{Access, KeySource, Rule};
use super::token::{SigningKey, Unverified, VerifyingKey};
use crate::error::ApiError;

/// The types (`typ`) that users' tokens may have.
const USER_KINDS: [&str; 2] = ["at+jwt", "jwt"];

/// Decides who comes in. A cheap handle.
#[derive(Clone)]
pub struct Guard(Arc<Inner>);

struct Inner {
    service: &'static str,
    users: Option<Users>,
    services: ServiceKeys,
    signing_secret: Option<Arc<[u8]>>,
    api: Rule,
    admin: Rule,
    denials: Denials,
}

struct Users {
    keys: UserKeys,
    issuer: String,
    audience: String,
}

impl Access {
    /// Takes up the guard, and says in one line how the doors are. `service` is this process's `service.name`. Within
    /// a runtime: keys are followed in the background.
    pub fn guard(&self, service: &'static str, telemetry: &Telemetry) -> Guard {
        match (self.api, self.admin) {
            (Rule::Open, _) | (_, Rule::Open) => tracing::warn!("access: {self}"),
            _ => tracing::info!("access: {self}"),
        }
        if let Some(KeySource::Jwks(place, _)) = self.users.as_ref().map(|users| &users.keys)
            && place.is_unprotected()
        {
            tracing::warn!(
                "AUTH_JWKS: {place} comes unprotected: whoever is on its way can sign tokens; use https"
            );
        }
        let users = self.users.as_ref().map(|users| Users {
            keys: match &users.keys {
                KeySource::Secret(key) => UserKeys::Secret(key.clone()),
                KeySource::Jwks(place, first) => UserKeys::Jwks(Jwks::follow(place.clone(), first.clone())),
            },
            issuer: users.issuer.clone(),
            audience: users.audience.clone(),
        });
        let verifying = self.service_keys.iter().filter_map(|key| VerifyingKey::secret(key)).collect();
        Guard(Arc::new(Inner {
            service,
            users,
            services: ServiceKeys::new(verifying, service),
            signing_secret: self.service_keys.first().cloned(),
            api: self.api,
            admin: self.admin,
            denials: Denials::new(telemetry),
        }))
    }
}

impl Guard {
    /// What calls to `peer`, another service's `service.name`, carry; `None` without `SERVICE_KEY`.
    pub fn token_for(&self, peer: &'static str) -> Option<PeerToken> {
        let secret = self.0.signing_secret.as_deref()?;
        Some(PeerToken::new(SigningKey::secret(secret)?, self.0.service, peer))
    }

    /// Whether tokens can be verified; an `Err` says why not.
    pub(crate) fn ready(&self) -> Result<(), String> {
        self.0.users.as_ref().map_or(Ok(()), |users| users.keys.ready())
    }

    async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Denied> {
        let token = Unverified::parse(bearer(headers)?)?;
        let users = self.0.users.as_ref().ok_or(Denied::NoKeys)?;
        if !USER_KINDS.contains(&token.kind()) {
            return Err(Denied::Type);
        }
        let said: Said = users.keys.verify(&token).await?;
        if said.issuer() != Some(&users.issuer) {
            return Err(Denied::Issuer);
        }
        said.check(&users.audience, SystemTime::now())?;
        Ok(Caller::Known(Arc::new(said.into_claims()?)))
    }

    fn deny(&self, denied: Denied) -> Response {
        self.0.denials.count(denied.reason());
        ApiError::from(denied).into_response()
    }
}

/// Around the routes that people use: finds out who asks, or answers 401.
pub fn users(router: Router, guard: &Guard) -> Router {
    match guard.0.api {
        Rule::Open => router.layer(Extension(Caller::Anyone)),
        Rule::Local => by_address(router.layer(Extension(Caller::Anyone))),
        Rule::Closed | Rule::Shut => router.layer(from_fn_with_state(guard.clone(), of_user)),
    }
}

/// Around the routes that only our services use: 401 for anybody else.
pub fn services(router: Router, guard: &Guard) -> Router {
    match guard.0.api {
        Rule::Open => router,
        Rule::Local => by_address(router),
        Rule::Closed | Rule::Shut => router.layer(from_fn_with_state(guard.clone(), of_service)),
    }
}

/// Around `/admin/*`: for operators.
pub(crate) fn operators(router: Router, guard: &Guard) -> Router {
    match guard.0.admin {
        Rule::Open => router.layer(Extension(Caller::Anyone)),
        Rule::Local => by_address(not_from_pages(router.layer(Extension(Caller::Anyone)))),
        Rule::Closed => {
            let with_scope =
                async |caller: Caller, request: Request, next: Next| match caller.require(Scope::Operator) {
                    Ok(()) => next.run(request).await,
                    Err(error) => error.into_response(),
                };
            router.layer(from_fn(with_scope)).layer(from_fn_with_state(guard.clone(), of_user))
        }
        Rule::Shut => router.layer(from_fn_with_state(guard.clone(), shut)),
    }
}

async fn shut(State(guard): State<Guard>, _: Request, _: Next) -> ApiError {
    guard.0.denials.count(Denied::NoKeys.reason());
    let why = "operators need a token here, and no keys are known to verify one: set AUTH_JWKS or AUTH_SECRET, or \
               have ADMIN_ADDR on a loopback address, or open all doors with AUTH=off";
    ApiError::new(ProblemKind::Forbidden, why).code(Denied::NoKeys.reason())
}

async fn of_user(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    if is_public(request.uri().path()) {
        return next.run(request).await;
    }
    match guard.caller(request.headers()).await {
        Ok(caller) => request.extensions_mut().insert(caller),
        Err(denied) => return guard.deny(denied),
    };
    // Nobody further in has any use for it.
    request.headers_mut().remove(AUTHORIZATION);
    let response = next.run(request).await;
    // Other refusals (403) are not about what the token allows.
    if response.extensions().get::<Problem>().is_some_and(|problem| problem.code.as_deref() == Some(SCOPE)) {
        guard.0.denials.count(SCOPE);
    }
    response
}

async fn of_service(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let admitted =
        bearer(request.headers()).and_then(|token| guard.0.services.admit(token, SystemTime::now()));
    if let Err(denied) = admitted {
        return guard.deny(denied);
    }
    request.headers_mut().remove(AUTHORIZATION);
    next.run(request).await
}

/// What describes the API is no secret, and read before anybody has a token.
fn is_public(path: &str) -> bool {
    path == "/api/openapi.json" || path == "/docs" || path.starts_with("/docs/")
}

fn bearer(headers: &HeaderMap) -> Result<&str, Denied> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, another) = (values.next().ok_or(Denied::NoToken)?, values.next());
    let held = value.to_str().map_err(|_| Denied::Malformed)?;
    let (scheme, token) = held.split_once(' ').ok_or(Denied::Malformed)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Denied::NoToken);
    }
    if another.is_some() { Err(Denied::Malformed) } else { Ok(token.trim()) }
}
