//! One text in every place where a caller, a customer or a mistake can put text.

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderValue, Request, header::HOST},
    response::Response,
    routing::get,
};
use opentelemetry::StringValue;
use prometheus_client::encoding::EncodeLabelSet;
use serde_json::{Value, json};
use std::{error::Error, fmt, time::Duration};
use telemetry::{
    Telemetry,
    http_client::HttpClient,
    http_server::{self, Failure, Operation},
    messaging,
    metrics::Gauge,
    names::metric,
    propagation::StoredContext,
    span,
};
use tower::ServiceExt;
use tracing::{Instrument, info_span};

static OPERATIONS: http_server::Operations =
    &[Operation::server(axum::http::Method::GET, "/secrets/{text}", "emit.secrets")];

/// Labels that somebody was not careful with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Labels {
    text: String,
    api_key: String,
}

pub(crate) async fn say(telemetry: &Telemetry, texts: &Gauge<Labels>, text: &str) -> Value {
    texts.set(&Labels { text: text.to_owned(), api_key: "hunter2".to_owned() }, 1);
    request(telemetry, text).await;
    in_span(text);
    lines(text);
    numbers(text);
    elsewhere(telemetry, text).await;
    json!({"done": true})
}

/// Where instruments are made, once.
pub(crate) fn gauge(telemetry: &Telemetry) -> Gauge<Labels> {
    telemetry.metrics().gauge(metric::INVENTORY_STOCK_UNITS)
}

async fn request(telemetry: &Telemetry, text: &str) {
    let in_url: String =
        text.chars().map(|char| if char == ' ' { "%20".to_owned() } else { escaped(char) }).collect();
    let handler = {
        let text = text.to_owned();
        move || std::future::ready(refuse(text.clone()))
    };
    let router =
        Router::new().route("/secrets/{text}", get(handler)).layer(http_server::layer(telemetry, OPERATIONS));
    let mut request =
        Request::get(format!("/secrets/{in_url}?card={in_url}")).body(Body::empty()).unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    for (name, value) in [
        (HOST.as_str(), format!("{text}:8080")),
        ("user-agent", text.to_owned()),
        ("authorization", format!("Bearer hunter2 {text}")),
        ("x-request-id", text.to_owned()),
        ("traceparent", format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{digits:0>16.16}-01")),
        ("tracestate", format!("vendor={digits}")),
        (
            "baggage",
            format!("session_id={in_url},customer_tier={in_url};p={digits},{digits}=1,api_key=hunter2"),
        ),
    ] {
        if let (Ok(name), Ok(value)) =
            (http::HeaderName::try_from(name), HeaderValue::from_bytes(value.as_bytes()))
        {
            request.headers_mut().insert(name, value);
        }
    }
    let _ = router.oneshot(request).await;
}

/// What is not ASCII, in percent-encoding.
fn escaped(char: char) -> String {
    if char.is_ascii() {
        return char.to_string();
    }
    char.to_string().bytes().flat_map(|byte| [format!("%{byte:02X}")]).collect()
}

fn refuse(text: String) -> Response {
    span::order(&text);
    span::fail("early", &format!("declined {text}"));
    tracing::info!("a line within a span about an order");
    let mut response = Response::new(Body::from("no"));
    *response.status_mut() = axum::http::StatusCode::PAYMENT_REQUIRED;
    let description = format!("the card {text} was declined");
    response.extensions_mut().insert(Failure { error_type: text.into(), description, log: true });
    response
}

#[derive(Debug)]
struct Broken(String, Option<Box<Broken>>);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken by {}", self.0)
    }
}

impl Error for Broken {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

fn in_span(text: &str) {
    let error = Broken(text.to_owned(), Some(Box::new(Broken(text.to_owned(), None))));
    let span = info_span!(
        "secrets",
        otel.name = %format_args!("with {text}"),
        text,
        display = %text,
        debug = ?(text, [text]),
        error = &error as &(dyn Error + 'static),
        cardNumber = "hunter2",
        { "x-api-key" } = "hunter2",
        password = 17,
        later = tracing::field::Empty,
    );
    span.record("later", text);
    span.in_scope(|| {
        span::set("set", text.to_owned());
        span::set("list", span::Value::Array(vec![StringValue::from("a"), text.to_owned().into()].into()));
        span::event("Secret", &[("text", text), ("api_token", "hunter2")]);
        span::fail(text, text);
    });
}

fn lines(text: &str) {
    let error = Broken(text.to_owned(), Some(Box::new(Broken(text.to_owned(), None))));
    tracing::warn!(
        text,
        error = &error as &(dyn Error + 'static),
        debug = ?(text, [text]),
        cardNumber = "hunter2",
        "x-api-key" = "hunter2",
        token = 17.25,
        "paid with {text}, thanks"
    );
    tracing::info!(message = text);
}

/// As numbers, if it is one.
fn numbers(text: &str) {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let Ok(number) = digits.parse::<u64>() else { return };
    let signed = i64::try_from(number).unwrap_or_default();
    let (wide, float) = (u128::from(number), number as f64);
    // A float has room for fifteen digits; what it makes of more is another number.
    let float = if float as u64 == number { float } else { 0.0 };
    let span = info_span!("numbers", number, signed, negative = -signed, wide, float);
    span.in_scope(|| {
        tracing::info!(number, signed, negative = -signed, wide, float, "numbers");
        span::set("signed", signed);
        span::set("float", float);
        span::set("list", span::Value::Array(vec![1, signed].into()));
        span::set("floats", span::Value::Array(vec![1.5, float].into()));
    });
}

async fn elsewhere(telemetry: &Telemetry, text: &str) {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let stored = StoredContext { baggage: Some(format!("session_id={digits}")), ..StoredContext::default() };
    let process = messaging::process_span(telemetry, "nats", "order-events", text, &stored);
    drop(messaging::publish_span("http", "order-events", text, &StoredContext::of(&process)));
    let client = HttpClient::new(telemetry);
    let path = text.replace(' ', "%20");
    // Nobody listens there.
    for url in [format!("http://127.0.0.1:1/{path}?card={path}"), format!("http://{digits}.invalid:1/")] {
        if let Ok(request) = Request::get(url).body(Bytes::new()) {
            let _ = client.send("emit.call", request, Duration::from_secs(1)).await;
        }
    }
    let text = text.to_owned();
    let panics = async move { assert!(text.is_empty(), "no such card: {text}") };
    let _ = tokio::spawn(panics.instrument(info_span!("panics"))).await;
}
