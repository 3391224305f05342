//! The only SQL: orders with what they still have to do, idempotency keys, the outbox, and the audit log.
//!
//! One interface, two databases. Whatever changes an order says in its `WHERE` from which state: two processes may
//! be at work on the same order, and the second one changes nothing.

pub mod audit;
pub mod forget;
pub mod outbox;
mod postgres;
mod sqlite;

use crate::domain::{Asker, ListQuery, Outcome, Step};
use api::{
    customer::CustomerId,
    ids::OrderId,
    money::Money,
    order::{Order, OrderStatus},
    problem::Problem,
    timestamp::Timestamp,
};
use audit::AuditLog;
use forget::Forgotten;
use outbox::Outbox;
use service_kit::{
    database::{DatabaseUrl, OpenError, Schema},
    migrations,
    postgres::Postgres,
    sqlite::Sqlite,
};
use std::{sync::LazyLock, time::Duration};
use telemetry::{
    Telemetry,
    audit::{Act, Actor, AuditKey, Auditor},
    db::Db,
    names::span_name,
    propagation::StoredContext,
};
use uuid::Uuid;

/// Its tables.
pub static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema {
    sqlite: migrations!(
        "sqlite": "0001_orders", "0002_saga", "0003_outbox_delivery", "0004_audit", "0005_customers_and_operators",
    ),
    postgres: migrations!(
        "postgres": "0001_orders", "0002_saga", "0003_outbox_delivery", "0004_audit", "0005_customers_and_operators",
    ),
});

type Result<T> = std::result::Result<T, sqlx::Error>;

/// The order database. A cheap handle.
#[derive(Clone)]
pub struct Store {
    backend: Backend,
    db: Db,
    auditor: Auditor,
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
    /// The operator who placed it for the customer, if one did.
    pub placed_by: Option<String>,
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
    /// Whose it is: two customers may use the same key, and learn nothing of each other.
    pub customer: &'a CustomerId,
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
    /// Opens the database, and brings its tables up to date or checks them, as `MIGRATIONS` says. Audit entries are
    /// sealed with `key`.
    pub async fn open(
        url: &DatabaseUrl,
        telemetry: &Telemetry,
        key: AuditKey,
    ) -> std::result::Result<Self, OpenError> {
        let (backend, system) = match url {
            DatabaseUrl::Sqlite(url) => (Backend::Sqlite(Sqlite::open(url, &SCHEMA.sqlite).await?), "sqlite"),
            DatabaseUrl::Postgres(url) => {
                (Backend::Postgres(Postgres::open(url, &SCHEMA.postgres).await?), "postgresql")
            }
        };
        Ok(Self { backend, db: Db::new(telemetry, system), auditor: Auditor::new(telemetry, key) })
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

    /// The audit entries in it.
    pub fn audit_log(&self) -> AuditLog {
        match &self.backend {
            Backend::Sqlite(db) => AuditLog::Sqlite(db.clone()),
            Backend::Postgres(db) => AuditLog::Postgres(db.clone()),
        }
    }

    /// Who writes them.
    pub fn auditor(&self) -> &Auditor {
        &self.auditor
    }

    /// Keeps a new order; its maker has it until `claimed_until`.
    pub async fn save(&self, new: &StoredOrder, claimed_until: Timestamp) -> Result<()> {
        let save = ask!(self, save(&self.auditor, new, claimed_until));
        self.db.run(span_name::ORDER_SAVE, "INSERT", "orders", save).await
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
        let finish = ask!(self, finish(&self.auditor, id, outcome, context));
        self.db.run(name, "UPDATE", "orders", finish).await
    }

    /// Notes that an order that came to nothing is undone, and whether money went back for it: it is at rest.
    pub async fn undone(&self, id: OrderId, refunded: bool) -> Result<()> {
        let undone = ask!(self, undone(&self.auditor, id, refunded));
        self.db.run(span_name::ORDER_SETTLE, "UPDATE", "orders", undone).await
    }

    /// Marks a confirmed order as to be cancelled, if it is one, and one that `asker` may touch.
    pub async fn mark_cancel(&self, id: OrderId, asker: &Asker, claimed_until: Timestamp) -> Result<()> {
        let mark = ask!(self, mark_cancel(id, asker, claimed_until));
        self.db.run(span_name::ORDER_MARK_CANCEL, "UPDATE", "orders", mark).await
    }

    /// Ends a cancellation and says so in the outbox, in the same transaction. False when it had ended already.
    pub async fn cancelled(&self, id: OrderId, context: &StoredContext) -> Result<bool> {
        let cancelled = ask!(self, cancelled(&self.auditor, id, context));
        self.db.run(span_name::ORDER_CANCEL, "UPDATE", "orders", cancelled).await
    }

    /// An order with everything that is kept of it.
    pub async fn load(&self, id: OrderId) -> Result<Option<StoredOrder>> {
        self.load_of(id, None).await
    }

    /// The same, if it is its owner's where an owner is given. Another's takes the database as long as a missing one.
    pub async fn load_of(&self, id: OrderId, owner: Option<&CustomerId>) -> Result<Option<StoredOrder>> {
        self.db.run(span_name::ORDER_LOAD, "SELECT", "orders", ask!(self, load(id, owner))).await
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

    /// Forgets a customer, all in one transaction. They may be forgotten again.
    pub async fn forget(&self, customer: &CustomerId, actor: Actor) -> Result<Forgotten> {
        let forget = async {
            match &self.backend {
                Backend::Sqlite(db) => forget::sqlite::forget(db, &self.auditor, customer, actor).await,
                Backend::Postgres(db) => forget::postgres::forget(db, &self.auditor, customer, actor).await,
            }
        };
        self.db.run(span_name::ORDER_FORGET_CUSTOMER, "UPDATE", "orders", forget).await
    }

    /// Puts one dead letter, or all, back into the outbox, and says how many that were.
    pub async fn replay(&self, event_id: Option<Uuid>, actor: Actor) -> Result<u64> {
        let outbox = self.outbox();
        let replay = outbox.replay(event_id, &self.auditor, actor);
        self.db.run(span_name::ORDER_REPLAY_EVENTS, "INSERT", "outbox", replay).await
    }

    /// Writes down that the key of the customers' references is to be replaced.
    pub async fn note_key_rotation(&self, actor: Actor) -> Result<()> {
        let acts = [Act::new("customer_key.rotated", actor)];
        let note = async {
            match &self.backend {
                Backend::Sqlite(db) => audit::sqlite::note(db, &self.auditor, &acts).await,
                Backend::Postgres(db) => audit::postgres::note(db, &self.auditor, &acts).await,
            }
        };
        self.db.run(span_name::ORDER_NOTE_KEY_ROTATION, "INSERT", "audit_entries", note).await
    }

    /// Forgets keys made before `oldest`. Outside any trace, like the worker that asks.
    pub async fn forget_keys(&self, oldest: Timestamp) -> Result<u64> {
        ask!(self, forget_keys(oldest)).await
    }
}

impl KeyRequest<'_> {
    /// The key as it is kept. No customer's id has a slash in it, so no two customers have one in common.
    fn kept(&self) -> String {
        format!("{}/{}", self.customer.as_str(), self.key)
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

/// How much waits, and for how long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Events, or audit entries.
    pub length: i64,
    /// The age of the oldest.
    pub oldest: Duration,
}

impl Backlog {
    fn since(length: i64, oldest: Option<Timestamp>) -> Self {
        let age = oldest.map_or(0, |oldest| Timestamp::now().as_micros() - oldest.as_micros());
        Self { length, oldest: Duration::from_micros(age.try_into().unwrap_or_default()) }
    }
}

/// The customer, unless an operator did it for them.
fn actor(operator: Option<String>) -> Actor {
    operator.map_or(Actor::Customer, Actor::Operator)
}

/// What the customer, or somebody for them, has done about their order.
fn act_on_order<'a>(
    action: &'static str,
    actor: Actor,
    order: OrderId,
    customer: &'a CustomerId,
    amount: Option<Money>,
) -> Act<'a> {
    Act {
        customer_id: Some(customer.as_str()),
        order_id: Some(order.to_string()),
        amount: amount.map(|money| (money.amount_minor, money.currency.to_string())),
        ..Act::new(action, actor)
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
