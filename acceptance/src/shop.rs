//! Customers who know what they want: each order has an idempotency key and is asked for until it is answered.

use crate::{Answered, CARD, DECLINED_CARD, EARL_GREY, NOT_IN_STOCK, Stack, new_order};
use rand::random;
use reqwest::{Client, RequestBuilder};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    time::{Duration, Instant},
};
use uuid::Uuid;

/// The longest that one customer asks for one thing.
const PATIENCE: Duration = Duration::from_secs(90);
/// The pause before asking again.
const PAUSE: Duration = Duration::from_millis(50);

/// What a customer wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// To have it.
    Good,
    /// To have it later.
    GoodLater,
    /// To have it, and then not.
    Cancelled,
    /// To pay with a card that is declined.
    Declined,
    /// The same, later.
    DeclinedLater,
    /// What is not in stock.
    OutOfStock,
}

/// What a customer was told.
#[derive(Debug)]
pub struct Placed {
    /// What was wanted.
    pub kind: Kind,
    /// The order's id.
    pub order_id: String,
    /// The order's trace.
    pub trace_id: String,
    /// The status of the answer; 503 when the order was given up.
    pub answered: u16,
}

/// Several customers at the gateway of a stack.
pub struct Shop {
    gateway: String,
    client: Client,
    begun: AtomicUsize,
    closed: AtomicBool,
}

impl Shop {
    /// At this stack's gateway.
    pub fn at(stack: &Stack) -> Self {
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(15));
        Self {
            gateway: stack.url("gateway"),
            client: client.build().expect("a client"),
            begun: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        }
    }

    /// Serves this many customers at a time, with every kind of order, until it is closed or `orders` are placed.
    pub async fn serve(&self, customers: usize, orders: usize) -> Vec<Placed> {
        let customers = (0..customers).map(|_| self.customer(orders));
        futures_util::future::join_all(customers).await.into_iter().flatten().collect()
    }

    /// Lets customers finish what they have begun.
    pub fn close(&self) {
        self.closed.store(true, Relaxed);
    }

    /// How many orders have been begun.
    pub fn begun(&self) -> usize {
        self.begun.load(Relaxed)
    }

    async fn customer(&self, orders: usize) -> Vec<Placed> {
        let mut placed = Vec::new();
        while !self.closed.load(Relaxed) {
            let number = self.begun.fetch_add(1, Relaxed);
            if number >= orders {
                break;
            }
            placed.push(self.order(kind(number)).await);
        }
        placed
    }

    /// Places one order and goes on until its end is known.
    pub async fn order(&self, kind: Kind) -> Placed {
        let key = Uuid::now_v7().to_string();
        let trace_id = format!("{:032x}", random::<u128>());
        let (sku, card) = match kind {
            Kind::Good | Kind::GoodLater | Kind::Cancelled => (EARL_GREY, CARD),
            Kind::Declined | Kind::DeclinedLater => (EARL_GREY, DECLINED_CARD),
            Kind::OutOfStock => (NOT_IN_STOCK, CARD),
        };
        let later = matches!(kind, Kind::GoodLater | Kind::DeclinedLater);
        let answer = self
            .until_answered(&trace_id, |client| {
                let request = client.post(format!("{}/api/orders", self.gateway));
                let request = request.header("idempotency-key", &key).json(&new_order(sku, card));
                if later { request.header("prefer", "respond-async") } else { request }
            })
            .await;
        let order_id = answer.order_id().to_owned();
        if kind == Kind::Cancelled && answer.status == 201 {
            let cancel = format!("{}/api/orders/{order_id}/cancel", self.gateway);
            let answer = self.until_answered(&trace_id, |client| client.post(&cancel)).await;
            assert_eq!(
                (answer.status, &answer.body["status"]),
                (200, &"cancelled".into()),
                "{}",
                answer.body
            );
        }
        Placed { kind, order_id, trace_id, answered: answer.status }
    }

    /// Asks again as long as there is no answer, or one that says so.
    async fn until_answered(&self, trace_id: &str, request: impl Fn(&Client) -> RequestBuilder) -> Answered {
        let begun = Instant::now();
        loop {
            let last = match self.ask(trace_id, request(&self.client)).await {
                Ok(answer) if self.is_final(trace_id, &answer).await => return answer,
                Ok(answer) => format!("{}: {}", answer.status, answer.body),
                Err(error) => error.to_string(),
            };
            assert!(begun.elapsed() < PATIENCE, "no answer in {PATIENCE:?}, in the trace {trace_id}: {last}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn ask(&self, trace_id: &str, request: RequestBuilder) -> Result<Answered, reqwest::Error> {
        let traceparent = format!("00-{trace_id}-{:016x}-01", random::<u64>() | 1);
        Answered::read(request.header("traceparent", traceparent).send().await?).await
    }

    async fn is_final(&self, trace_id: &str, answer: &Answered) -> bool {
        let kind = answer.body["type"].as_str().unwrap_or_default();
        let order = answer.body["instance"].as_str().unwrap_or_default();
        match answer.status {
            200 | 201 | 202 | 402 => true,
            409 => !kind.ends_with("in-progress"),
            // Either a hop did not answer, or the order itself has come to nothing.
            502..=504 if order.starts_with("/api/orders/") && !order.ends_with("/cancel") => {
                let order = self.client.get(format!("{}{order}", self.gateway));
                self.ask(trace_id, order).await.is_ok_and(|answer| answer.body["status"] == "failed")
            }
            502..=504 => false,
            status => panic!("{status}: {}", answer.body),
        }
    }
}

/// Every kind in turn, most of them good.
fn kind(number: usize) -> Kind {
    match number % 10 {
        1 => Kind::GoodLater,
        3 => Kind::Cancelled,
        5 => Kind::Declined,
        7 => Kind::DeclinedLater,
        9 => Kind::OutOfStock,
        _ => Kind::Good,
    }
}

impl Kind {
    /// What becomes of such an order when nothing goes wrong.
    pub fn status(self) -> &'static str {
        match self {
            Self::Good | Self::GoodLater => "confirmed",
            Self::Cancelled => "cancelled",
            Self::Declined | Self::DeclinedLater => "declined",
            Self::OutOfStock => "rejected",
        }
    }
}

impl Placed {
    /// Panics unless every order has become what its customer was told, and there is no other order. An order that
    /// was given up is `failed` and was answered so, or accepted. Returns how many were given up.
    pub fn assert_all_stand(placed: &[Self], statuses: &BTreeMap<String, String>) -> usize {
        let mut given_up = 0;
        for one in placed {
            let status = statuses.get(&one.order_id).map(String::as_str);
            if status == Some("failed") && matches!(one.answered, 202 | 502..=504) {
                given_up += 1;
            } else {
                assert_eq!(status, Some(one.kind.status()), "{one:?}");
                assert!(one.answered < 500, "{one:?}");
            }
        }
        assert_eq!(placed.len(), statuses.len(), "one order for each key, none beside");
        given_up
    }
}
