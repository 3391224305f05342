//! The work: the gateway hands an order to the order service, which prices it, reserves the stock and charges the card.
//! Nothing is stored, so that what telemetry adds is not hidden behind a disk.

use crate::telemetry::{NoAnswer, Telemetry};
use axum::{
    Json, Router,
    extract::State,
    http::{Request, StatusCode, Uri, header},
    routing::post,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    env,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tracing::{info, info_span};

pub(crate) const PLACED: &str = "/api/orders";
pub(crate) const ORDERS: &str = "/orders";
pub(crate) const RESERVATIONS: &str = "/reservations";
pub(crate) const CHARGES: &str = "/charges";

/// One of the four.
#[derive(Clone, Copy)]
pub(crate) enum Hop {
    Inventory,
    Payment,
    Order,
    Gateway,
}

impl Hop {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "inventory" => Some(Self::Inventory),
            "payment" => Some(Self::Payment),
            "order" => Some(Self::Order),
            "gateway" => Some(Self::Gateway),
            _ => None,
        }
    }

    /// Its `service.name`.
    pub(crate) fn service(self) -> &'static str {
        match self {
            Self::Inventory => "inventory-service",
            Self::Payment => "payment-service",
            Self::Order => "order-service",
            Self::Gateway => "api-gateway",
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Item {
    sku: String,
    quantity: u64,
}

#[derive(Serialize, Deserialize)]
struct NewOrder {
    customer_id: String,
    items: Vec<Item>,
    payment: Card,
}

#[derive(Serialize, Deserialize)]
struct Card {
    method: String,
    card_number: String,
}

#[derive(Serialize, Deserialize)]
struct Order {
    order_id: String,
    status: String,
    total_cents: u64,
}

#[derive(Serialize, Deserialize)]
struct Reserve {
    order_id: String,
    items: Vec<Item>,
}

#[derive(Serialize, Deserialize)]
struct Charge {
    order_id: String,
    amount_cents: u64,
    card_number: String,
}

/// What inventory and payment answer.
#[derive(Serialize, Deserialize)]
struct Done {
    id: String,
}

/// Another service, by the calls that are made to it.
struct Peer {
    uri: Uri,
    operation: &'static str,
}

struct App {
    telemetry: Telemetry,
    order: Peer,
    inventory: Peer,
    payment: Peer,
    orders: AtomicU64,
}

type Answer<T> = Result<(StatusCode, Json<T>), StatusCode>;

/// The routes of one of the four, with its telemetry around them.
pub(crate) fn router(hop: Hop, telemetry: &Telemetry) -> Result<Router, Box<dyn Error + Send + Sync>> {
    let peer = |variable: &str, path: &str, operation| {
        let uri = format!("{}{path}", env::var(variable)?).parse()?;
        Ok::<_, Box<dyn Error + Send + Sync>>(Peer { uri, operation })
    };
    let app = Arc::new(App {
        telemetry: telemetry.clone(),
        order: peer("ORDER_URL", ORDERS, "forward order")?,
        inventory: peer("INVENTORY_URL", RESERVATIONS, "reserve stock")?,
        payment: peer("PAYMENT_URL", CHARGES, "charge card")?,
        orders: AtomicU64::new(0),
    });
    let router = match hop {
        Hop::Gateway => Router::new().route(PLACED, post(place)),
        Hop::Order => Router::new().route(ORDERS, post(create)),
        Hop::Inventory => Router::new().route(RESERVATIONS, post(reserve)),
        Hop::Payment => Router::new().route(CHARGES, post(charge)),
    };
    Ok(telemetry.around(router.with_state(app)))
}

async fn place(State(app): State<Arc<App>>, Json(new): Json<NewOrder>) -> Answer<Order> {
    if new.items.is_empty() {
        return Err(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let order: Order = call(&app, &app.order, &new).await?;
    info!(order.id = order.order_id, http_status = 201, "order answered");
    Ok((StatusCode::CREATED, Json(order)))
}

async fn create(State(app): State<Arc<App>>, Json(new): Json<NewOrder>) -> Answer<Order> {
    let order_id = format!("o-{}", app.orders.fetch_add(1, Relaxed));
    let items = new.items;
    let total_cents = info_span!("price", otel.name = "price order", order.item_count = items.len() as i64)
        .in_scope(|| items.iter().map(price).sum());
    let reserve = Reserve { order_id: order_id.clone(), items };
    let _: Done = call(&app, &app.inventory, &reserve).await?;
    let card_number = new.payment.card_number;
    let charge = Charge { order_id: order_id.clone(), amount_cents: total_cents, card_number };
    let _: Done = call(&app, &app.payment, &charge).await?;
    app.telemetry.confirmed();
    info!(order.id = order_id, total_cents, "order confirmed");
    Ok((StatusCode::CREATED, Json(Order { order_id, status: "confirmed".to_owned(), total_cents })))
}

fn price(item: &Item) -> u64 {
    item.quantity * (100 + item.sku.len() as u64)
}

async fn reserve(Json(reserve): Json<Reserve>) -> Answer<Done> {
    let pieces: u64 = reserve.items.iter().map(|item| item.quantity).sum();
    info!(order.id = reserve.order_id, pieces, "stock reserved");
    Ok((StatusCode::CREATED, Json(Done { id: reserve.order_id })))
}

async fn charge(Json(charge): Json<Charge>) -> Answer<Done> {
    info!(order.id = charge.order_id, amount_cents = charge.amount_cents, "card charged");
    Ok((StatusCode::CREATED, Json(Done { id: charge.order_id })))
}

async fn call<B: Serialize, T: DeserializeOwned>(app: &App, peer: &Peer, body: &B) -> Result<T, StatusCode> {
    let body = serde_json::to_vec(body).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let request = Request::post(peer.uri.clone()).header(header::CONTENT_TYPE, "application/json");
    let request = request.body(body.into()).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let answer = app.telemetry.call(peer.operation, request).await;
    let answer = answer.map_err(|NoAnswer| StatusCode::BAD_GATEWAY)?;
    serde_json::from_slice(&answer).map_err(|_| StatusCode::BAD_GATEWAY)
}
