//! A service with one route for each behaviour, and a client without telemetry to ask it.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode},
    routing::{get, post},
};
use std::{net::SocketAddr, time::Duration};
use telemetry::{
    Telemetry,
    http_client::HttpClient,
    http_server::{self, Failure, Operation, Operations},
    names::attribute,
    propagation::StoredContext,
    span,
};

static OPERATIONS: Operations = &[
    Operation::server(Method::GET, "/orders/{id}", "tea.getOrder"),
    Operation::server(Method::POST, "/orders", "tea.order"),
    Operation::server(Method::GET, "/decline", "tea.decline"),
    Operation::server(Method::GET, "/hang", "tea.hang"),
    Operation::consumer(Method::POST, "/events", "order-events process", "order-events"),
];

#[derive(Clone)]
struct App {
    telemetry: Telemetry,
    client: HttpClient,
    own: SocketAddr,
}

pub struct Service {
    pub address: SocketAddr,
    pub telemetry: Telemetry,
}

impl Service {
    pub async fn start() -> Self {
        let telemetry = Telemetry::for_test("tea-service");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = HttpClient::new(&telemetry);
        let app = App { telemetry: telemetry.clone(), client, own: address };
        let router = Router::new()
            .route("/orders/{id}", get(get_order))
            .route("/orders", post(order))
            .route("/decline", get(decline))
            .route("/hang", get(std::future::pending::<()>))
            .route("/events", post(event))
            .with_state(app)
            .layer(http_server::layer(&telemetry, OPERATIONS));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, telemetry }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

pub async fn get_with(url: String, headers: &[(&'static str, &str)]) -> reqwest::Response {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| ((*name).try_into().unwrap(), HeaderValue::from_str(value).unwrap()))
        .collect();
    reqwest::Client::new().get(url).headers(headers).send().await.unwrap()
}

pub fn trace_id(response: &reqwest::Response) -> String {
    response.headers()["x-trace-id"].to_str().unwrap().to_owned()
}

async fn get_order(State(app): State<App>) -> StatusCode {
    span::order("0193f5c2-0000-7000-8000-000000000001");
    span::customer(&app.telemetry.customer_ref("c-1042"));
    span::set("note", "paid with 4242 4242 4242 4242");
    span::set("note", "paid again with 4242424242424242");
    span::event("StockReserved", &[("card_number", "1"), ("sku", "TEA")]);
    tracing::info!(card = "4242424242424242", quantity = 3, "looked up 4000-0000-0000-0002");
    StatusCode::OK
}

/// Calls itself, so that a trace has a client, a producer and a consumer.
async fn order(State(app): State<App>) -> StatusCode {
    let call = |path: &str| format!("http://{}{path}", app.own);
    let request = Request::get(call("/orders/7?customer_id=c-1042")).body(Bytes::new()).unwrap();
    let reply = app.client.send("tea.lookUp", request, Duration::from_secs(5)).await.unwrap();

    let stored = StoredContext::current();
    let publish = telemetry::messaging::publish_span("http", "order-events", "event-1", &stored);
    let mut headers = HeaderMap::new();
    telemetry::propagation::inject(&publish, &mut headers);
    reqwest::Client::new().post(call("/events")).headers(headers).send().await.unwrap();
    reply.status
}

async fn event() -> StatusCode {
    StatusCode::NO_CONTENT
}

async fn decline() -> Response<Body> {
    let mut response = Response::new(Body::from("no"));
    *response.status_mut() = StatusCode::PAYMENT_REQUIRED;
    response.extensions_mut().insert(Failure {
        error_type: "card-declined".into(),
        description: "the card 4000000000000002 was declined".to_owned(),
        log: true,
    });
    span::set(attribute::PAYMENT_METHOD, "card");
    response
}
