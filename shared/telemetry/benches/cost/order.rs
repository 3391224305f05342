//! One order's whole telemetry, as the four services make it, without their work: the layer around handlers that
//! only say what the real ones say, the client wrapper around no network, transactions that are done at once.

use crate::scenario::Work;
use axum::{
    Extension, Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, MatchedPath},
    http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header},
    routing::post,
};
use prometheus_client::encoding::EncodeLabelSet;
use std::{
    convert::Infallible,
    future::poll_fn,
    hint::black_box,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};
use telemetry::{
    Telemetry,
    db::Db,
    http_client::HttpClient,
    http_server::{self, HttpServer, Operation, Operations},
    messaging,
    metrics::{Counter, Histogram},
    names::{attribute, event, metric, span_name},
    propagation::{self, StoredContext},
    span,
};
use tower::{Layer, Service, ServiceExt};
use tracing::Span;

pub const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
pub const BAGGAGE: &str = "session_id=s-4711,customer_tier=gold";
pub const ORDER_ID: &str = "01938f5c-7b1c-7242-8000-0242ac120002";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Status {
    pub status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

static OPERATIONS: Operations = &[
    Operation::server(Method::POST, "/api/orders", span_name::GATEWAY_CREATE_ORDER),
    Operation::server(Method::POST, "/orders", span_name::ORDER_CREATE),
    Operation::server(Method::POST, "/reservations", span_name::INVENTORY_RESERVE),
    Operation::server(Method::POST, "/charges", span_name::PAYMENT_CHARGE),
    Operation::server(Method::POST, "/refunds", span_name::PAYMENT_REFUND),
    Operation::consumer(Method::POST, "/events", span_name::ORDER_EVENTS_PROCESS, "order-events"),
];

type Http = HttpServer<Handlers>;

/// What the four services hold.
#[derive(Clone)]
struct Platform {
    telemetry: Telemetry,
    http: HttpClient,
    db: Db,
    orders: Counter<Status>,
    payments: Counter<Outcome>,
    duration: Histogram<Status>,
}

/// The requests of one order, as they come from the network.
struct Requests {
    place: Request<Body>,
    create: Request<Body>,
    reserve: Request<Body>,
    charge: Request<Body>,
    event: Request<Body>,
}

/// The requests that a handler will send, which are not to be counted as telemetry.
#[derive(Clone)]
struct Outgoing(Arc<Mutex<[Option<Request<Bytes>>; 2]>>);

/// What a handler leaves behind: the headers of the requests that it has sent.
#[derive(Clone)]
struct Sent(Vec<HeaderMap>);

pub fn orders(telemetry: &Telemetry, prepared: usize, count: usize) -> Work {
    let service = service(telemetry);
    let requests: Vec<_> = (0..prepared).map(|_| Requests::new()).collect();
    Box::pin(async move {
        for requests in requests.into_iter().take(count) {
            order(&service, requests).await;
        }
    })
}

/// All hops, one after the other, so that each service's work stands outside its caller's span, as it does in a
/// process of its own.
async fn order(service: &Http, requests: Requests) {
    let Requests { place, create, reserve, charge, event } = requests;
    let sent = answer(service, place).await;
    let sent = answer(service, with(create, &sent, 0)).await;
    answer(service, with(reserve, &sent, 0)).await;
    answer(service, with(charge, &sent, 1)).await;
    answer(service, with(event, &sent, 2)).await;
}

fn service(telemetry: &Telemetry) -> Http {
    http_server::layer(telemetry, OPERATIONS).layer(Handlers(Platform::new(telemetry)))
}

/// Of a clone, as a router gives each request its own.
async fn answer(service: &Http, request: Request<Body>) -> Vec<HeaderMap> {
    let Ok(mut response) = service.clone().call(request).await;
    black_box(&mut response).extensions_mut().remove().map(|Sent(headers)| headers).unwrap_or_default()
}

/// One request, with context from outside, that is answered at once.
pub fn server(telemetry: &Telemetry, prepared: usize, count: usize) -> Work {
    let service = service(telemetry);
    let requests: Vec<_> = (0..prepared).map(|_| incoming("/refunds", headers())).collect();
    Box::pin(async move {
        for request in requests.into_iter().take(count) {
            black_box(answer(&service, request).await);
        }
    })
}

/// One attempt of a call.
pub fn client(telemetry: &Telemetry, prepared: usize, count: usize) -> Work {
    let platform = Platform::new(telemetry);
    let requests: Vec<_> = (0..prepared).map(|_| outgoing("http://127.0.0.1:8083/reservations")).collect();
    Box::pin(async move {
        for request in requests.into_iter().take(count) {
            black_box(platform.call(span_name::ORDER_CHECK_INVENTORY, request).await);
        }
    })
}

/// With context from a caller.
pub fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "127.0.0.1:8081"),
        ("content-type", "application/json"),
        ("traceparent", TRACEPARENT),
        ("baggage", BAGGAGE),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
}

fn incoming(route: &'static str, headers: HeaderMap) -> Request<Body> {
    let mut request = Request::post(route).body(Body::empty()).unwrap();
    *request.headers_mut() = headers;
    request.extensions_mut().insert(matched(route));
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 41_234))));
    request
}

/// Only a router can make one.
fn matched(route: &'static str) -> MatchedPath {
    let tell = |path: MatchedPath| async { Extension(path) };
    let router = Router::new().route(route, post(tell));
    let asked = router.oneshot(Request::post(route).body(Body::empty()).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(asked).unwrap().extensions_mut().remove().unwrap()
}

fn outgoing(url: &str) -> Request<Bytes> {
    Request::post(url).body(Bytes::new()).unwrap()
}

fn created(sent: Vec<HeaderMap>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::CREATED;
    if !sent.is_empty() {
        response.extensions_mut().insert(Sent(sent));
    }
    response
}

impl Requests {
    fn new() -> Self {
        let mut first = headers();
        first.remove("traceparent");
        let inner = |route| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:8081"));
            incoming(route, headers)
        };
        let mut place = incoming("/api/orders", first);
        carry(&mut place, [Some("http://127.0.0.1:8081/orders"), None]);
        let mut create = inner("/orders");
        carry(
            &mut create,
            [Some("http://127.0.0.1:8083/reservations"), Some("http://127.0.0.1:8082/charges")],
        );
        Self {
            place,
            create,
            reserve: inner("/reservations"),
            charge: inner("/charges"),
            event: inner("/events"),
        }
    }
}

fn carry(request: &mut Request<Body>, urls: [Option<&str>; 2]) {
    let requests = urls.map(|url| url.map(outgoing));
    request.extensions_mut().insert(Outgoing(Arc::new(Mutex::new(requests))));
}

impl Platform {
    fn new(telemetry: &Telemetry) -> Self {
        let metrics = telemetry.metrics();
        Self {
            telemetry: telemetry.clone(),
            http: HttpClient::new(telemetry),
            db: Db::new(telemetry, "sqlite"),
            orders: metrics.counter(metric::ORDERS),
            payments: metrics.counter(metric::PAYMENTS),
            duration: metrics.histogram(metric::ORDER_PROCESSING_DURATION),
        }
    }

    async fn gateway(self, to_order: Request<Bytes>) -> Response<Body> {
        self.about_the_order();
        let sent = self.call(span_name::GATEWAY_FORWARD_ORDER, to_order).await;
        span::order(ORDER_ID);
        span::set(attribute::ORDER_TOTAL_AMOUNT_MINOR, 2_500_i64);
        span::set(attribute::ORDER_CURRENCY, "EUR".to_owned());
        tracing::info!(status = "confirmed", "order placed");
        created(vec![sent])
    }

    async fn create(self, to_stock: Request<Bytes>, to_payment: Request<Bytes>) -> Response<Body> {
        self.about_the_order();
        span::order(ORDER_ID);
        let context = StoredContext::current();
        let stock = self.call(span_name::ORDER_CHECK_INVENTORY, to_stock).await;
        span::set(attribute::ORDER_TOTAL_AMOUNT_MINOR, 2_500_i64);
        span::set(attribute::ORDER_CURRENCY, "EUR".to_owned());
        self.transaction(span_name::ORDER_SAVE, "INSERT", "orders").await;
        let payment = self.call(span_name::ORDER_PROCESS_PAYMENT, to_payment).await;
        self.transaction(span_name::ORDER_CONFIRM, "UPDATE", "orders").await;
        let confirmed = Status { status: "confirmed" };
        self.orders.inc_ended(&confirmed, false);
        self.duration.observe_ended(&confirmed, Duration::from_micros(12_345), false);
        tracing::info!(target: "order::place", duration_ms = 12.345, "order confirmed");
        created(vec![stock, payment, publish(&context)])
    }

    async fn reserve(self) -> Response<Body> {
        span::order(ORDER_ID);
        span::set(attribute::ORDER_ITEM_COUNT, 1_i64);
        self.transaction(span_name::RESERVATION_SAVE, "INSERT", "reservations").await;
        span::event(event::STOCK_RESERVED, &[]);
        tracing::info!(item_count = 1, "stock reserved");
        created(vec![])
    }

    async fn charge(self) -> Response<Body> {
        span::order(ORDER_ID);
        span::set(attribute::PAYMENT_METHOD, "card");
        self.transaction(span_name::CHARGE_OPEN, "INSERT", "charges").await;
        self.transaction(span_name::CHARGE_CLOSE, "UPDATE", "charges").await;
        self.payments.inc(&Outcome { outcome: "approved" });
        span::event(event::PAYMENT_PROCESSED, &[(event::TRANSACTION_ID, ORDER_ID)]);
        tracing::info!(transaction_id = ORDER_ID, amount_minor = 2_500, "payment processed");
        created(vec![])
    }

    async fn event(self) -> Response<Body> {
        span::set(attribute::MESSAGING_MESSAGE_ID, ORDER_ID.to_owned());
        span::order(ORDER_ID);
        self.transaction(span_name::RESERVATION_SELL, "UPDATE", "reservations").await;
        tracing::info!("stock sold");
        created(vec![])
    }

    fn about_the_order(&self) {
        span::customer(&self.telemetry.customer_ref("c-1042"));
        span::set(attribute::ORDER_ITEM_COUNT, 1_i64);
        span::set(attribute::PAYMENT_METHOD, "card");
    }

    async fn transaction(&self, name: &'static str, operation: &'static str, collection: &'static str) {
        black_box(self.db.run(name, operation, collection, statements()).await).unwrap();
    }

    async fn call(&self, operation: &'static str, request: Request<Bytes>) -> HeaderMap {
        self.http.send_nowhere(operation, request).await.unwrap().headers
    }
}

/// What stands where the services have their router.
#[derive(Clone)]
struct Handlers(Platform);

impl Service<Request<Body>> for Handlers {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let platform = self.0.clone();
        Box::pin(async move {
            let outgoing = request.extensions().get::<Outgoing>();
            let outgoing = outgoing.map(|Outgoing(requests)| std::mem::take(&mut *requests.lock().unwrap()));
            Ok(match (request.uri().path(), outgoing) {
                ("/api/orders", Some([Some(to_order), None])) => platform.gateway(to_order).await,
                ("/orders", Some([Some(to_stock), Some(to_payment)])) => {
                    platform.create(to_stock, to_payment).await
                }
                ("/reservations", _) => platform.reserve().await,
                ("/charges", _) => platform.charge().await,
                ("/events", _) => platform.event().await,
                _ => created(vec![]),
            })
        })
    }
}

/// What sqlx does with spans in a transaction on SQLite: each statement takes the current one along to a thread that
/// enters it, and all the futures around it are polled again when that thread has answered.
pub async fn statements() -> Result<(), std::fmt::Error> {
    for _ in 0..7 {
        let taken = Span::current();
        let mut asked = false;
        poll_fn(|context| {
            if std::mem::replace(&mut asked, true) {
                return Poll::Ready(());
            }
            taken.in_scope(|| context.waker().wake_by_ref());
            Poll::Pending
        })
        .await;
    }
    Ok(())
}

/// The outbox's relay.
fn publish(context: &StoredContext) -> HeaderMap {
    let span = messaging::publish_span("http", "order-events", ORDER_ID, context);
    let mut headers = HeaderMap::new();
    propagation::inject(&span, &mut headers);
    span.in_scope(|| span::order(ORDER_ID));
    headers
}

fn with(mut request: Request<Body>, sent: &[HeaderMap], which: usize) -> Request<Body> {
    let headers = sent[which].iter().map(|(name, value)| (name.clone(), value.clone()));
    request.headers_mut().extend(headers);
    request
}
