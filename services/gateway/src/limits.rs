//! How often a client may ask (docs/LIMITS.md). An address is checked before anything else is done for it, a customer
//! as soon as the token has said who it is.

mod client;
mod rate;
mod table;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use api::problem::ProblemKind;
use axum::Router;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use service_kit::access::Caller;
use service_kit::address::{Networks, holder};
use service_kit::edge;
use service_kit::error::ApiError;
use service_kit::server::{Reason, Refusals};

pub use rate::RateLimits;
use rate::{Rate, seconds};
use table::{Client, Table, Taken};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The limits at work.
pub(crate) struct Limits {
    addresses: Limit,
    customers: Limit,
    proxies: Networks,
    refusals: Refusals,
}

/// One of them.
struct Limit {
    name: &'static str,
    reason: Reason,
    policy: HeaderValue,
    table: Table,
}

impl Limits {
    /// `None` where there is no limit.
    pub(crate) fn new(settings: &RateLimits, refusals: &Refusals) -> Option<Arc<Self>> {
        let customer = settings.customer?;
        Some(Arc::new(Self {
            addresses: Limit::new("address", Reason::RateAddress, customer.of_address()),
            customers: Limit::new("customer", Reason::RateToken, customer),
            proxies: settings.proxies.clone(),
            refusals: refusals.clone(),
        }))
    }

    fn take(&self, limit: &Limit, client: Client, count: u64, paid: u64) -> Result<(), Refused> {
        let taken = limit.table.take(client, count, paid);
        if taken.is_admitted {
            return Ok(());
        }
        self.refusals.count(limit.reason);
        let name = limit.name;
        let why = format!("this {name} asks too often: see `RateLimit`, and ask again after `Retry-After`");
        let error = ApiError::new(ProblemKind::TooManyRequests, why).retry_after(seconds(taken.wait));
        Err(Refused { error, taken })
    }
}

struct Refused {
    error: ApiError,
    taken: Taken,
}

impl Limit {
    fn new(name: &'static str, reason: Reason, rate: Rate) -> Self {
        let policy = format!("\"{name}\";q={};w={}", rate.burst, rate.window());
        let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("\"limit\";q=1"));
        Self { name, reason, policy, table: Table::new(rate) }
    }

    /// Says what is left, as draft-ietf-httpapi-ratelimit-headers has it. Another limit may have its own line.
    fn tell(&self, taken: Taken, response: &mut Response) {
        let left = format!("\"{}\";r={};t={}", self.name, taken.left, seconds(taken.wait));
        response.headers_mut().append(POLICY, self.policy.clone());
        if let Ok(left) = HeaderValue::from_str(&left) {
            response.headers_mut().append(LIMIT, left);
        }
    }
}

/// Around everything that costs something: how often an address may ask.
pub(crate) fn of_addresses(router: Router, limits: Option<&Arc<Limits>>) -> Router {
    match limits {
        Some(limits) => router.layer(from_fn_with_state(limits.clone(), of_address)),
        None => router,
    }
}

/// Around the routes, inside what verifies tokens: how often a customer may ask.
pub(crate) fn of_customers(router: Router, limits: Option<&Arc<Limits>>) -> Router {
    match limits {
        Some(limits) => router.layer(from_fn_with_state(limits.clone(), of_customer)),
        None => router,
    }
}

async fn of_address(State(limits): State<Arc<Limits>>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let peer = peer.unwrap_or(IpAddr::from([0, 0, 0, 0]));
    let address = client::address(peer, request.headers(), &limits.proxies);
    let limit = &limits.addresses;
    let client = limit.table.client(holder(address));
    let (taken, mut response) = match limits.take(limit, client, 1, 0) {
        Ok(()) => {
            let more = More(Some(Taker { limits: limits.clone(), address: client, customer: None }));
            request.extensions_mut().insert(more);
            let response = next.run(request).await;
            // A batch has taken more since.
            (limit.table.left(client), response)
        }
        Err(Refused { error, taken }) => (taken, edge::turned_away(request.headers(), request.uri(), error)),
    };
    limit.tell(taken, &mut response);
    response
}

async fn of_customer(State(limits): State<Arc<Limits>>, mut request: Request, next: Next) -> Response {
    let extensions = request.extensions_mut();
    let Some(caller) = extensions.get::<Caller>() else { return next.run(request).await };
    let Some(subject) = caller.subject() else { return next.run(request).await };
    let limit = &limits.customers;
    let client = limit.table.client((caller.is_operator(), subject));
    if let Some(More(Some(taker))) = extensions.get_mut() {
        taker.customer = Some(client);
    }
    let (taken, mut response) = match limits.take(limit, client, 1, 0) {
        Ok(()) => {
            let response = next.run(request).await;
            (limit.table.left(client), response)
        }
        Err(Refused { error, taken }) => (taken, error.into_response()),
    };
    limit.tell(taken, &mut response);
    response
}

/// What a handler takes that does more than one request's work. Nothing where there is no limit.
#[derive(Clone, Default)]
pub(crate) struct More(Option<Taker>);

#[derive(Clone)]
struct Taker {
    limits: Arc<Limits>,
    address: Client,
    customer: Option<Client>,
}

impl More {
    /// Takes as many requests more from the customer and the address, beside the one that they have paid for; 429 when
    /// one of them has not as many left. Then neither pays more than that one.
    pub(crate) fn take(&self, count: usize) -> Result<(), ApiError> {
        let Some(Taker { limits, address, customer }) = &self.0 else { return Ok(()) };
        let count = count as u64;
        if let Some(customer) = customer {
            limits.take(&limits.customers, *customer, count, 1).map_err(|refused| refused.error)?;
        }
        limits.take(&limits.addresses, *address, count, 1).map_err(|refused| {
            if let Some(customer) = customer {
                limits.customers.table.give_back(*customer, count, 1);
            }
            refused.error
        })
    }
}

impl<S: Sync> FromRequestParts<S> for More {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}
