//! The only SQL: orders with what they still have to do, idempotency keys, and the outbox.
//!
//! One interface, two databases. Whatever changes an order says in its `WHERE` from which state: two processes may
//! be at work on the same order, and the second one changes nothing.

pub mod outbox;
mod postgres;
mod sqlite;

use crate::domain::{ListQuery, Outcome, Step};
use api::{
    ids::OrderId,
    order::{Order, OrderStatus},
    problem::Problem,
    timestamp::Timestamp,
};
use outbox::Outbox;
use service_kit::{
    database::{DatabaseUrl, OpenError},
    postgres::Postgres,
    sqlite::Sqlite,
};
use telemetry::{Telemetry, db::Db, names::span_name, propagation::StoredContext};

type Result<T> = std::result::Result<T, sqlx::Error>;

/// The order database. A cheap handle.
#[derive(Clone)]
pub struct Store {
    backend: Backend,
    db: Db,
}

#[derive(Clone)]
enum Backend {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// An order as it is kept.
#[derive(Debug, Clone)]
pub struct StoredOrder {
    /// What is answered.
    pub order: Order,
    /// What it still has to do.
    pub step: Option<Step>,
    /// The trace it belongs to.
    pub context: StoredContext,
    /// Its card, while it may have to be charged.
    pub sealed_card: Option<Vec<u8>>,
    /// Why it came to nothing.
    pub problem: Option<Problem>,
    /// How often it was taken up again.
    pub attempts: i32,
}

/// Somebody's right to an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyClaim {
    /// Ours: place the order under this id. It is a fresh one, or that of a first request that died before its
    /// order was kept.
    Ours(OrderId),
    /// It has led to this order.
    Known(OrderId),
    /// The first request is under way.
    Running,
    /// It was used with another body.
    OtherBody,
}

/// A request for an idempotency key.
#[derive(Debug, Clone)]
pub struct KeyRequest<'a> {
    /// The key.
    pub key: &'a str,
    /// The keyed hash of the body.
    pub fingerprint: &'a [u8],
    /// The order's id, if the key is new.
    pub order_id: OrderId,
    /// Now.
    pub now: Timestamp,
    /// Until when nobody else may take it over.
    pub locked_until: Timestamp,
    /// Keys made before this are forgotten.
    pub oldest: Timestamp,
}

/// Asks the one database that there is.
macro_rules! ask {
    ($store:expr, $function:ident($($argument:expr),*)) => {
        async {
            match &$store.backend {
                Backend::Sqlite(db) => sqlite::$function(db, $($argument),*).await,
                Backend::Postgres(db) => postgres::$function(db, $($argument),*).await,
            }
        }
    };
}

impl Store {
    /// Opens the database and brings its tables up to date.
    pub async fn open(url: &DatabaseUrl, telemetry: &Telemetry) -> std::result::Result<Self, OpenError> {
        let (backend, system) = match url {
            DatabaseUrl::Sqlite(url) => {
                (Backend::Sqlite(Sqlite::open(url, &sqlx::migrate!("migrations/sqlite")).await?), "sqlite")
            }
            DatabaseUrl::Postgres(url) => {
                let migrator = sqlx::migrate!("migrations/postgres");
                (Backend::Postgres(Postgres::open(url, &migrator).await?), "postgresql")
            }
        };
        Ok(Self { backend, db: Db::new(telemetry, system) })
    }

    /// Closes it.
    pub async fn close(&self) {
        match &self.backend {
            Backend::Sqlite(db) => db.close().await,
            Backend::Postgres(db) => db.close().await,
        }
    }

    /// Whether it answers.
    pub async fn check(&self) -> std::result::Result<(), String> {
        match &self.backend {
            Backend::Sqlite(db) => db.check().await,
            Backend::Postgres(db) => db.check().await,
        }
    }

    /// The events that wait in it.
    pub fn outbox(&self) -> Outbox {
        match &self.backend {
            Backend::Sqlite(db) => Outbox::Sqlite(db.clone()),
            Backend::Postgres(db) => Outbox::Postgres(db.clone()),
        }
    }

    /// Keeps a new order; its maker has it until `claimed_until`.
    pub async fn save(&self, new: &StoredOrder, claimed_until: Timestamp) -> Result<()> {
        self.db.run(span_name::ORDER_SAVE, "INSERT", "orders", ask!(self, save(new, claimed_until))).await
    }

    /// Notes that the stock is reserved, at these prices: the next step is the charge.
    pub async fn reserved(&self, order: &Order) -> Result<()> {
        self.db.run(span_name::ORDER_PRICE, "UPDATE", "orders", ask!(self, reserved(order))).await
    }

    /// Ends a pending order and erases its card; a confirmed one says so in the outbox, in the same transaction.
    /// False when it had ended already.
    pub async fn finish(&self, id: OrderId, outcome: &Outcome, context: &StoredContext) -> Result<bool> {
        let name = match outcome {
            Outcome::Confirmed(_) => span_name::ORDER_CONFIRM,
            Outcome::Rejected(_) => span_name::ORDER_REJECT,
            Outcome::Declined(_) => span_name::ORDER_DECLINE,
            Outcome::Failed(_) => span_name::ORDER_FAIL,
        };
        self.db.run(name, "UPDATE", "orders", ask!(self, finish(id, outcome, context))).await
    }

    /// Notes that an order that came to nothing is undone: it is at rest.
    pub async fn undone(&self, id: OrderId) -> Result<()> {
        self.db.run(span_name::ORDER_SETTLE, "UPDATE", "orders", ask!(self, undone(id))).await
    }

    /// Marks a confirmed order as to be cancelled, if it is one.
    pub async fn mark_cancel(&self, id: OrderId, claimed_until: Timestamp) -> Result<()> {
        self.db
            .run(span_name::ORDER_MARK_CANCEL, "UPDATE", "orders", ask!(self, mark_cancel(id, claimed_until)))
            .await
    }

    /// Ends a cancellation and says so in the outbox, in the same transaction. False when it had ended already.
    pub async fn cancelled(&self, id: OrderId, context: &StoredContext) -> Result<bool> {
        self.db.run(span_name::ORDER_CANCEL, "UPDATE", "orders", ask!(self, cancelled(id, context))).await
    }

    /// An order with everything that is kept of it.
    pub async fn load(&self, id: OrderId) -> Result<Option<StoredOrder>> {
        self.db.run(span_name::ORDER_LOAD, "SELECT", "orders", ask!(self, load(id))).await
    }

    /// Orders, newest first.
    pub async fn list(&self, query: &ListQuery) -> Result<Vec<StoredOrder>> {
        self.db.run(span_name::ORDER_LOAD_PAGE, "SELECT", "orders", ask!(self, list(query))).await
    }

    /// Takes over unfinished orders that nobody is at work on, oldest claim first. Outside any trace, like the worker
    /// that asks: it asks every second.
    pub async fn claim(&self, now: Timestamp, until: Timestamp, limit: i64) -> Result<Vec<StoredOrder>> {
        ask!(self, claim(now, until, limit)).await
    }

    /// Leaves an order for later.
    pub async fn postpone(&self, id: OrderId, until: Timestamp) -> Result<()> {
        self.db.run(span_name::ORDER_POSTPONE, "UPDATE", "orders", ask!(self, postpone(id, until))).await
    }

    /// Asks for an idempotency key.
    pub async fn claim_key(&self, request: &KeyRequest<'_>) -> Result<KeyClaim> {
        self.db
            .run(span_name::ORDER_CLAIM_KEY, "INSERT", "idempotency_keys", ask!(self, claim_key(request)))
            .await
    }

    /// Forgets keys made before `oldest`. Outside any trace, like the worker that asks.
    pub async fn forget_keys(&self, oldest: Timestamp) -> Result<u64> {
        ask!(self, forget_keys(oldest)).await
    }
}

impl StoredOrder {
    /// What the first request was answered with, before anybody cancelled it.
    pub fn first_status(&self) -> OrderStatus {
        match self.order.status {
            OrderStatus::Cancelled => OrderStatus::Confirmed,
            status => status,
        }
    }
}

/// The problem as it is kept.
fn problem_json(problem: Option<&Problem>) -> Option<String> {
    problem.and_then(|problem| serde_json::to_string(problem).ok())
}

/// Kept by this service: if it cannot be read, the order is still there.
fn problem_from(json: Option<String>) -> Option<Problem> {
    json.and_then(|json| serde_json::from_str(&json).ok())
}
