//! Every way that the crate and `tracing` have to say something about a span, once.

use crate::CARD;
use axum::{
    Router,
    body::{Body, Bytes},
    http::Request,
    response::Response,
    routing::get,
};
use opentelemetry::StringValue;
use serde_json::{Value, json};
use std::{error::Error, fmt, time::Duration};
use telemetry::{
    Telemetry, db::Db, http_client::HttpClient, http_server, http_server::Failure, http_server::Operation,
    messaging, propagation::StoredContext, span, task,
};
use tower::ServiceExt;
use tracing::{Instrument, field::Empty, info_span};

static OPERATIONS: http_server::Operations = &[
    Operation::server(axum::http::Method::GET, "/orders/{id}", "emit.order"),
    Operation::server(axum::http::Method::GET, "/decline", "emit.decline"),
    Operation::server(axum::http::Method::GET, "/hang", "emit.hang"),
    Operation::consumer(axum::http::Method::GET, "/events", "order-events process", "order-events"),
];

/// Spans continue these, or begin traces of their own.
const SAMPLED: &str = "00-aaaa2f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNSAMPLED: &str = "00-bbbb2f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
const BAGGAGE: &str = "session_id=s-7,customer_tier=gold%20plus,card=4242424242424242,other=1;property=2";

pub(crate) async fn say(telemetry: &Telemetry) -> Value {
    requests(telemetry).await;
    values();
    order_of_things();
    work(telemetry).await;
    limits();
    json!({"done": true})
}

async fn requests(telemetry: &Telemetry) {
    let router = Router::new()
        .route("/orders/{id}", get(order))
        .route("/decline", get(decline))
        .route("/hang", get(std::future::pending::<()>))
        .route("/events", get(|| async { tracing::info!("taken") }))
        .with_state(telemetry.clone())
        .layer(http_server::layer(telemetry, OPERATIONS));
    for traceparent in [SAMPLED, UNSAMPLED, "", "00-0-0-0", "ff-not-a-trace"] {
        for path in ["/orders/7", "/decline", "/events", "/nowhere/4242424242424242"] {
            let request = Request::get(path)
                .header("host", "shop:8080")
                .header("traceparent", traceparent)
                .header("tracestate", "vendor=1,other=2")
                .header("baggage", BAGGAGE);
            let _ = router.clone().oneshot(request.body(Body::empty()).unwrap_or_default()).await;
        }
    }
    let hanging = router.oneshot(Request::get("/hang").body(Body::empty()).unwrap_or_default());
    let _ = tokio::time::timeout(std::time::Duration::from_millis(5), hanging).await;
}

async fn order(axum::extract::State(telemetry): axum::extract::State<Telemetry>) -> &'static str {
    span::order("0193f5c2-0000-7000-8000-000000000001");
    span::customer(&telemetry.customer_ref("c-1042"));
    span::set("note", format!("paid with {CARD}"));
    span::set("note", format!("paid again with {CARD}"));
    span::set("order.total_amount_minor", -1_250_i64);
    span::event("PaymentFailed", &[("error", CARD), ("card_number", "1"), ("empty", "")]);
    tracing::error!(card = CARD, "a line is not copied into the span");

    // Nobody listens there.
    let client = HttpClient::new(&telemetry);
    let request = Request::get("http://127.0.0.1:1/orders?customer_id=c-1042").body(Bytes::new());
    let _ = client.send("emit.call", request.unwrap_or_default(), Duration::from_secs(1)).await;
    let stored = StoredContext::current();
    let publish = messaging::publish_span("nats", "order-events", "event-1", &stored);
    let process =
        messaging::process_span(&telemetry, "nats", "order-events", "event-1", &StoredContext::of(&publish));
    process.in_scope(|| span::order("0193f5c2-0000-7000-8000-000000000001"));
    let spawned = task::spawn(async { info_span!("emit.spawned").in_scope(|| span::set("spawned", true)) });
    let _ = spawned.await;
    "done"
}

async fn decline() -> Response {
    let mut response = Response::new(Body::from("no"));
    *response.status_mut() = axum::http::StatusCode::PAYMENT_REQUIRED;
    response.extensions_mut().insert(Failure {
        error_type: "card-declined".into(),
        description: format!("the card {CARD} was declined"),
        log: true,
    });
    span::fail("early", "a first error, which sorts first");
    response
}

#[derive(Debug)]
struct Broken(Option<Box<Broken>>);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken by {CARD}")
    }
}

impl Error for Broken {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

fn values() {
    let error = Broken(Some(Box::new(Broken(None))));
    let span = info_span!(
        "plain",
        otel.kind = "CLIENT",
        int = -1_i64,
        most = i64::MAX,
        least = i64::MIN,
        unsigned = 7_u64,
        large = u128::MAX,
        yes = true,
        half = 0.5,
        nothing = "",
        long = "long ".repeat(4_000),
        tea = "☕ Tee für zwei",
        debug = ?Some(CARD),
        display = %format_args!("{CARD} 12/29"),
        error = &error as &(dyn Error + 'static),
        api_token = 17,
        once = Empty,
        twice = Empty,
        set_and_recorded = "first",
        never = Empty,
    );
    span.record("once", "once").record("twice", 1).record("twice", "two");
    span.in_scope(|| {
        span::set("set_and_recorded", "second");
        span::set("half", 1.5);
        span::set("list", span::Value::Array(vec![StringValue::from("a"), CARD.into()].into()));
        span::set("numbers", span::Value::Array(vec![1_i64, -1, i64::MIN].into()));
        span::set("none", span::Value::Array(Vec::<f64>::new().into()));
        span::set("password", false);
        span::event("Empty", &[]);
    });
    span.record("set_and_recorded", "third");
    drop(info_span!("named", otel.name = %format_args!("with {CARD}"), otel.kind = "nonsense"));
}

/// Parents, links, and spans that are entered and ended in unusual order.
fn order_of_things() {
    let outer = info_span!("outer");
    let explicit = info_span!(parent: &outer, "explicit");
    let (a, b) = (info_span!("a"), info_span!("b"));
    b.follows_from(&outer);
    {
        let in_a = a.enter();
        let _in_b = b.enter();
        drop(in_a);
        drop(info_span!("below b"));
        let _again = b.enter();
        drop(info_span!(parent: None, "a root"));
    }
    drop(info_span!("after both"));
    outer.in_scope(|| drop(explicit));
    let transport = info_span!(target: "hyper::test", parent: &outer, "not ours");
    transport.in_scope(|| drop(info_span!("below what is not ours")));
    a.in_scope(|| span::fail("b", "some"));
    a.in_scope(|| span::fail("a", "another"));
    b.in_scope(|| span::fail("empty", ""));
}

async fn work(telemetry: &Telemetry) {
    let db = Db::new(telemetry, "sqlite");
    let stored = StoredContext {
        traceparent: SAMPLED.to_owned(),
        tracestate: Some("vendor=1".to_owned()),
        baggage: Some(BAGGAGE.to_owned()),
    };
    let run = task::root("emit.run");
    async {
        let _ = db.run("order.save", "INSERT", "orders", async { Ok::<_, Broken>(()) }).await;
        let _ = db.run("order.load", "SELECT", "orders", async { Err::<(), _>(Broken(None)) }).await;
        let order = task::continued("emit.resumeOrder", &stored);
        let one = async { task::linked_root("emit.batchOrder") }.instrument(order.clone()).await;
        drop(order);
        one.in_scope(|| drop(task::continued("emit.own", &StoredContext::current())));
    }
    .instrument(run)
    .await;
}

/// More attributes, events and links than a span may have.
fn limits() {
    let span = info_span!("limited");
    let other = info_span!("other");
    span.in_scope(|| {
        for number in 0..150_i64 {
            span::set(format!("key.{number}").leak(), number);
            span::event("again", &[]);
            span.follows_from(&other);
        }
    });
}
