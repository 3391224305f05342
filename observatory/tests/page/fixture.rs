//! Invented orders: the span tree of docs/TELEMETRY.md as OTLP/JSON, their log lines, and the metrics they would make.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// How an order ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Confirmed,
    Declined,
    OutOfStock,
}

impl Outcome {
    pub fn status(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Declined => "declined",
            Self::OutOfStock => "rejected",
        }
    }
}

/// One order's telemetry.
pub struct Order {
    pub id: String,
    pub trace_id: String,
    pub outcome: Outcome,
    /// From the first span to the end of the order's processing.
    pub seconds: f64,
    /// Nanoseconds since the Unix epoch.
    pub start: u64,
    /// Body of `POST /v1/traces`.
    pub spans: Value,
    /// Body of `POST /api/logs`, one JSON object a line.
    pub lines: String,
}

struct Step {
    name: &'static str,
    service: &'static str,
    kind: u8,
    parent: Option<usize>,
    /// Start and end in microseconds after the order's start.
    from: u64,
    to: u64,
    attributes: Vec<(&'static str, Value)>,
    event: Option<(&'static str, &'static str, String)>,
    error: Option<(&'static str, &'static str)>,
    line: Option<(&'static str, &'static str)>,
}

const SERVER: u8 = 2;
const CLIENT: u8 = 3;
const PRODUCER: u8 = 4;
const CONSUMER: u8 = 5;

fn step(
    name: &'static str,
    service: &'static str,
    kind: u8,
    parent: Option<usize>,
    time: (u64, u64),
) -> Step {
    let (from, to) = time;
    Step {
        name,
        service,
        kind,
        parent,
        from,
        to,
        attributes: Vec::new(),
        event: None,
        error: None,
        line: None,
    }
}

impl Step {
    fn http(mut self, method: &'static str, route: &'static str, status: i64) -> Self {
        self.attributes.push(("http.request.method", json!({"stringValue": method})));
        self.attributes.push(("http.route", json!({"stringValue": route})));
        self.attributes.push(("http.response.status_code", json!({"intValue": status.to_string()})));
        self
    }

    fn db(mut self, operation: &'static str, collection: &'static str) -> Self {
        self.attributes.push(("db.system.name", json!({"stringValue": "sqlite"})));
        self.attributes.push(("db.operation.name", json!({"stringValue": operation})));
        self.attributes.push(("db.collection.name", json!({"stringValue": collection})));
        self
    }

    fn event(mut self, name: &'static str, key: &'static str, value: impl Into<String>) -> Self {
        self.event = Some((name, key, value.into()));
        self
    }

    fn line(mut self, severity: &'static str, message: &'static str) -> Self {
        self.line = Some((severity, message));
        self
    }

    fn failed(mut self, error: Option<(&'static str, &'static str)>) -> Self {
        if let Some((error_type, _)) = error {
            self.attributes.push(("error.type", json!({"stringValue": error_type})));
        }
        self.error = error;
        self
    }
}

const GATEWAY: &str = "api-gateway";
const ORDER: &str = "order-service";
const PAYMENT: &str = "payment-service";
const INVENTORY: &str = "inventory-service";

/// The tree of docs/TELEMETRY.md. Parents are places in the list, so the order of these calls matters.
fn steps(outcome: Outcome) -> Vec<Step> {
    let mut steps = entrance(outcome);
    steps.extend(reservation(outcome));
    if outcome != Outcome::OutOfStock {
        steps.extend(charge(outcome));
    }
    if outcome == Outcome::Confirmed {
        steps.extend(confirmation());
    }
    steps
}

fn error(outcome: Outcome) -> Option<(&'static str, &'static str)> {
    match outcome {
        Outcome::Confirmed => None,
        Outcome::Declined => Some(("card_declined", "the card was declined")),
        Outcome::OutOfStock => Some(("out_of_stock", "TEA-EARL-GREY is out of stock")),
    }
}

/// 0 to 2.
fn entrance(outcome: Outcome) -> Vec<Step> {
    let status = match outcome {
        Outcome::Confirmed => 201,
        Outcome::Declined => 402,
        Outcome::OutOfStock => 409,
    };
    let steps = [
        step("gateway.createOrder", GATEWAY, SERVER, None, (0, 14_200)).http("POST", "/api/orders", status),
        step("gateway.forwardOrder", GATEWAY, CLIENT, Some(0), (600, 13_700)).http("POST", "/orders", status),
        step("order.create", ORDER, SERVER, Some(1), (1_100, 13_300)).http("POST", "/orders", status),
    ];
    steps.into_iter().map(|step| step.failed(error(outcome))).collect()
}

/// 3 to 6.
fn reservation(outcome: Outcome) -> Vec<Step> {
    let short = error(outcome).filter(|_| outcome == Outcome::OutOfStock);
    let status = if short.is_some() { 409 } else { 200 };
    let check = step("order.checkInventory", ORDER, CLIENT, Some(2), (1_500, 4_600));
    let reserve = step("inventory.reserve", INVENTORY, SERVER, Some(3), (2_000, 4_200));
    let hold = step("inventory.hold", INVENTORY, CLIENT, Some(4), (2_300, 3_500)).db("UPDATE", "stock");
    let save = step("order.save", ORDER, CLIENT, Some(2), (4_900, 6_300)).db("INSERT", "orders");
    let [check, reserve] =
        [check, reserve].map(|step| step.http("POST", "/reservations", status).failed(short));
    let (reserve, save) = if short.is_some() {
        let reserve = reserve.event("StockShort", "sku", "TEA-EARL-GREY");
        let line = "out of stock: TEA-EARL-GREY, wanted 2, available 0";
        (reserve.line("ERROR", line), save.line("INFO", "order rejected"))
    } else {
        let reserve =
            reserve.event("StockReserved", "reservation_id", "0193a4f2-7c31-7d10-8a11-000000000001");
        (reserve.line("INFO", "stock reserved"), save)
    };
    vec![check, reserve, hold, save]
}

/// 7 and 8, and 9 if the card is charged.
fn charge(outcome: Outcome) -> Vec<Step> {
    let declined = error(outcome);
    let status = if declined.is_some() { 402 } else { 200 };
    let process = step("order.processPayment", ORDER, CLIENT, Some(2), (6_600, 11_800));
    let charge = step("payment.charge", PAYMENT, SERVER, Some(7), (7_100, 11_400));
    let [process, charge] =
        [process, charge].map(|step| step.http("POST", "/charges", status).failed(declined));
    if declined.is_some() {
        let charge = charge.event("PaymentFailed", "error", "card_declined");
        return vec![process, charge.line("ERROR", "card declined")];
    }
    let charge = charge.event("PaymentProcessed", "transaction_id", "0193a4f2-7c31-7d10-8a11-0000000000aa");
    let record = step("payment.record", PAYMENT, CLIENT, Some(8), (9_900, 11_000)).db("INSERT", "charges");
    vec![process, charge.line("INFO", "card charged"), record]
}

/// 10 to 12.
fn confirmation() -> Vec<Step> {
    let confirm = step("order.confirm", ORDER, CLIENT, Some(2), (12_000, 12_900)).db("UPDATE", "orders");
    let process = step("order-events process", INVENTORY, CONSUMER, Some(11), (16_200, 19_100));
    vec![
        confirm.line("INFO", "order confirmed"),
        step("order-events publish", ORDER, PRODUCER, Some(2), (14_900, 15_600)),
        process.line("INFO", "reservation committed"),
    ]
}

/// An order that began at `start` (nanoseconds); `seed` makes its ids, and how fast it was.
pub fn order(seed: u64, start: u64, outcome: Outcome) -> Order {
    let random = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let id = format!(
        "{:08x}-{:04x}-7d10-8a11-{:012x}",
        start >> 32,
        (start >> 16) & 0xffff,
        random & 0xffff_ffff_ffff
    );
    let trace_id = format!("{random:016x}{start:016x}");
    // Most are about as fast as planned, a few are several times slower.
    let slow = 600 + random % 900 + if random.is_multiple_of(11) { 4_000 } else { 0 };
    let at = |micros: u64| start + micros * slow;
    let span_id = |index: usize| format!("{:016x}", random ^ (index as u64 + 1));
    let steps = steps(outcome);
    let mut by_service: Vec<(&str, Vec<Value>)> = Vec::new();
    let mut lines = String::new();
    for (index, step) in steps.iter().enumerate() {
        let span = json!({
            "traceId": trace_id, "spanId": span_id(index), "parentSpanId": step.parent.map_or(String::new(), span_id),
            "name": step.name, "kind": step.kind,
            "startTimeUnixNano": at(step.from).to_string(), "endTimeUnixNano": at(step.to).to_string(),
            "attributes": attributes(step, &id),
            "events": step.event.iter().map(|(name, key, value)| json!({
                "timeUnixNano": at(step.to - 300).to_string(), "name": name,
                "attributes": [{"key": key, "value": {"stringValue": value}}],
            })).collect::<Vec<_>>(),
            "status": step.error.map_or(json!({}), |(_, message)| json!({"code": 2, "message": message})),
        });
        match by_service.iter_mut().find(|(service, _)| *service == step.service) {
            Some((_, spans)) => spans.push(span),
            None => by_service.push((step.service, vec![span])),
        }
        if let Some((severity, message)) = step.line {
            let line = json!({
                "timestamp": rfc3339(at(step.to - 200)), "severity": severity, "message": message, "service": step.service,
                "trace_id": trace_id, "span_id": span_id(index), "trace_flags": "01", "order_id": id,
                "customer_ref": "3f0c9a5be1d24c77", "session_id": format!("s-{}", seed % 7), "version": "0.1.0",
                "target": step.name.replace('.', "::"),
            });
            writeln!(lines, "{line}").unwrap();
        }
    }
    let seconds = (steps[0].to * slow) as f64 / 1e9;
    Order { id, trace_id, outcome, seconds, start, spans: request(by_service), lines }
}

fn attributes(step: &Step, order_id: &str) -> Vec<Value> {
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let mut attributes: Vec<Value> =
        step.attributes.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    attributes.push(text("order.id", order_id));
    if step.name == "order.create" {
        attributes.push(json!({"key": "order.total_amount_minor", "value": {"intValue": "2500"}}));
        attributes.push(text("order.currency", "EUR"));
        attributes.push(json!({"key": "order.item_count", "value": {"intValue": "2"}}));
        attributes.push(text("customer.tier", "gold"));
    }
    attributes
}

/// OTLP's shape around the spans of each service.
pub fn request(by_service: Vec<(&str, Vec<Value>)>) -> Value {
    let resource = |service: &str| {
        let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
        json!({"attributes": [text("service.name", service), text("service.version", "0.1.0"), text("host.name", "tea-1")]})
    };
    let spans = by_service.into_iter().map(|(service, spans)| {
        json!({"resource": resource(service), "scopeSpans": [{"scope": {"name": "telemetry", "version": "0.1.0"}, "spans": spans}]})
    });
    json!({"resourceSpans": spans.collect::<Vec<_>>()})
}

fn rfc3339(nanos: u64) -> String {
    let time = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(nanos / 1_000 * 1_000)).unwrap();
    time.format(&time::format_description::well_known::Rfc3339).unwrap()
}

/// What the order service's `/metrics` would say after these orders.
pub fn metrics(orders: &[Order]) -> String {
    let mut text = String::from(
        "# TYPE order_processing_duration_seconds histogram\n# UNIT order_processing_duration_seconds seconds\n",
    );
    for outcome in [Outcome::Confirmed, Outcome::Declined, Outcome::OutOfStock] {
        histogram(
            &mut text,
            "order_processing_duration_seconds",
            &format!("status=\"{}\"", outcome.status()),
            orders,
            |order| (order.outcome == outcome).then_some(order.seconds),
        );
    }
    text.push_str("# TYPE http_server_request_duration_seconds histogram\n# UNIT http_server_request_duration_seconds seconds\n");
    for (outcome, status) in [(Outcome::Confirmed, 201), (Outcome::Declined, 402), (Outcome::OutOfStock, 409)]
    {
        let labels = format!(
            "http_request_method=\"POST\",http_route=\"/orders\",http_response_status_code=\"{status}\""
        );
        histogram(&mut text, "http_server_request_duration_seconds", &labels, orders, |order| {
            (order.outcome == outcome).then_some(order.seconds * 0.86)
        });
    }
    text.push_str("# TYPE target info\ntarget_info{service_name=\"order-service\"} 1\n# EOF\n");
    text
}

fn histogram(
    text: &mut String,
    name: &str,
    labels: &str,
    orders: &[Order],
    value: impl Fn(&Order) -> Option<f64>,
) {
    const BOUNDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, f64::INFINITY];
    let values: Vec<(&Order, f64)> = orders.iter().filter_map(|order| Some((order, value(order)?))).collect();
    let mut lower = 0.0;
    for bound in BOUNDS {
        let count = values.iter().filter(|(_, value)| *value <= bound).count();
        let le = if bound.is_finite() { bound.to_string() } else { "+Inf".to_owned() };
        write!(text, "{name}_bucket{{{labels},le=\"{le}\"}} {count}").unwrap();
        if let Some((order, value)) = values.iter().rev().find(|(_, value)| *value > lower && *value <= bound)
        {
            let time = order.start as f64 / 1e9;
            write!(text, " # {{trace_id=\"{}\"}} {value} {time:.3}", order.trace_id).unwrap();
        }
        text.push('\n');
        lower = bound;
    }
    let sum: f64 = values.iter().map(|(_, value)| value).sum();
    write!(text, "{name}_sum{{{labels}}} {sum}\n{name}_count{{{labels}}} {}\n", values.len()).unwrap();
}
