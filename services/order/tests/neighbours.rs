//! The neighbours of the order service, as they answer when all is well, and their problems.

use api::problem::{FieldError, Problem, ProblemKind};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Answer, Peer, Received};

pub const PRICE: i64 = 1250;

/// What an order service needs around it, its database's folder included.
pub struct Neighbours {
    pub inventory: Peer,
    pub payment: Peer,
    pub receiver: Peer,
    pub folder: TempDir,
}

impl Neighbours {
    pub fn start() -> Self {
        Self {
            inventory: Peer::start(in_stock),
            payment: Peer::start(paid),
            receiver: Peer::start(|_| Answer::Empty(204)),
            folder: TempDir::new().unwrap(),
        }
    }

    /// How often an order's stock was given back.
    pub fn releases(&self, order_id: &str) -> usize {
        self.inventory.received(&format!("/reservations/{order_id}/release")).len()
    }

    /// Waits until an order's stock was given back: where a neighbour was away, a worker does it after the answer.
    pub async fn wait_for_release(&self, order_id: &str) {
        self.inventory.wait_for(&format!("/reservations/{order_id}/release"), 1).await;
    }

    /// How often an order's charge was asked to be taken back.
    pub fn refunds(&self, order_id: &str) -> usize {
        self.payment.received(&format!("/charges/{order_id}/refund")).len()
    }
}

/// Everything is in stock and costs the same.
pub fn in_stock(request: &Received) -> Answer {
    if request.path.ends_with("/release") {
        return Answer::Empty(204);
    }
    let price = json!({"amount_minor": PRICE, "currency": "EUR"});
    let priced =
        |item: &Value| json!({"sku": item["sku"], "quantity": item["quantity"], "unit_price": price});
    let items: Vec<Value> = request.body["items"].as_array().unwrap().iter().map(priced).collect();
    Answer::Json(201, json!({"order_id": request.body["order_id"], "items": items}))
}

/// Every card is good. An order's transaction has its order's id, so that there is one for each.
pub fn paid(request: &Received) -> Answer {
    if request.path.ends_with("/refund") {
        return Answer::Json(200, json!({"state": "refunded"}));
    }
    let number = request.body["card_number"].as_str().unwrap();
    let last4 = &number[number.len() - 4..];
    Answer::Json(201, json!({"transaction_id": request.body["order_id"], "card_last4": last4}))
}

pub fn declined(request: &Received) -> Answer {
    if request.path.ends_with("/refund") {
        return Answer::Json(200, json!({"state": "declined"}));
    }
    problem(ProblemKind::CardDeclined, "the card was declined", Some("card_declined"), &[])
}

pub fn processing_error(request: &Received) -> Answer {
    if request.path.ends_with("/refund") {
        return Answer::Json(200, json!({"state": "voided"}));
    }
    let detail = "the card processor cannot answer now";
    problem(ProblemKind::Unavailable, detail, Some("processing_error"), &[])
}

pub fn out_of_stock(request: &Received) -> Answer {
    without_stock(request, ProblemKind::OutOfStock, "/items/0")
}

pub fn unknown_sku(request: &Received) -> Answer {
    without_stock(request, ProblemKind::UnknownSku, "/items/0/sku")
}

fn without_stock(request: &Received, kind: ProblemKind, pointer: &str) -> Answer {
    if request.path.ends_with("/release") {
        return Answer::Empty(204);
    }
    problem(kind, "it is not there", None, &[pointer])
}

/// Our key is another one than theirs, or our clock goes wrong.
pub fn unknown_caller(_: &Received) -> Answer {
    problem(ProblemKind::Unauthenticated, "the token's signature is wrong", Some("signature"), &[])
}

/// A problem as a neighbour answers it: its `instance` is a path of its own.
fn problem(kind: ProblemKind, detail: &str, code: Option<&str>, pointers: &[&str]) -> Answer {
    let problem = Problem {
        detail: Some(detail.to_owned()),
        instance: Some("/internal/path".to_owned()),
        code: code.map(str::to_owned),
        errors: pointers.iter().map(|pointer| FieldError::new(*pointer, "not there")).collect(),
        ..Problem::new(kind)
    };
    let body = serde_json::to_value(&problem).unwrap();
    if kind == ProblemKind::Unavailable {
        Answer::RetryLater(kind.status(), body)
    } else {
        Answer::Json(kind.status(), body)
    }
}
