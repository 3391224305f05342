//! The only SQL: orders, their items, and the outbox.

mod rows;

use crate::domain::Outcome;
use api::{
    event::OrderEventKind,
    ids::OrderId,
    order::{Order, OrderStatus},
    timestamp::Timestamp,
};
use service_kit::sqlite::{DatabaseUrl, OpenError, Sqlite};
use sqlx::SqliteConnection;
use telemetry::{Telemetry, db::Db, propagation::StoredContext};
use uuid::Uuid;

/// The order database. A cheap handle.
#[derive(Clone)]
pub struct Store {
    sqlite: Sqlite,
    db: Db,
}

/// An event that waits to be published.
#[derive(Debug, Clone)]
pub struct OutboxEvent {
    /// Its place in the order of writing.
    pub position: i64,
    /// The same at every delivery.
    pub event_id: String,
    /// What it is about.
    pub order_id: String,
    /// The CloudEvents `type`.
    pub kind: String,
    /// The trace it belongs to.
    pub context: StoredContext,
    /// When it happened.
    pub created_at: Timestamp,
}

impl Store {
    /// Opens the database and brings its tables up to date.
    pub async fn open(url: &DatabaseUrl, telemetry: &Telemetry) -> Result<Self, OpenError> {
        let sqlite = Sqlite::open(url, &sqlx::migrate!("migrations/sqlite")).await?;
        Ok(Self { sqlite, db: Db::new(telemetry, "sqlite") })
    }

    /// Closes it.
    pub async fn close(&self) {
        self.sqlite.close().await;
    }

    /// Whether it answers.
    pub async fn check(&self) -> Result<(), String> {
        self.sqlite.check().await
    }

    /// Keeps a new order, with the trace it belongs to.
    pub async fn save(&self, order: &Order, context: &StoredContext) -> Result<(), sqlx::Error> {
        let save = async {
            let mut transaction = self.sqlite.begin().await?;
            rows::insert_order(&mut transaction, order, context).await?;
            for (position, item) in order.items.iter().enumerate() {
                rows::insert_item(&mut transaction, order.id, position, item).await?;
            }
            transaction.commit().await
        };
        self.db.run("order.save", "INSERT", "orders", save).await
    }

    /// Ends a pending order; a confirmed one says so in the outbox, in the same transaction. An order that has
    /// ended already stays as it is.
    pub async fn finish(
        &self,
        id: OrderId,
        outcome: &Outcome,
        context: &StoredContext,
    ) -> Result<(), sqlx::Error> {
        let (name, event) = match outcome {
            Outcome::Confirmed(_) => ("order.confirm", Some(OrderEventKind::Confirmed)),
            Outcome::Declined => ("order.decline", None),
            Outcome::Failed => ("order.fail", None),
        };
        let finish = async {
            let mut transaction = self.sqlite.begin().await?;
            let changed = set_outcome(&mut transaction, id, outcome).await?;
            if let Some(kind) = event.filter(|_| changed) {
                insert_event(&mut transaction, id, kind, context).await?;
            }
            transaction.commit().await
        };
        self.db.run(name, "UPDATE", "orders", finish).await
    }

    /// An order with its items.
    pub async fn load(&self, id: OrderId) -> Result<Option<Order>, sqlx::Error> {
        let load = async {
            let order = sqlx::query("SELECT * FROM orders WHERE id = ?").bind(id.to_string());
            let Some(order) = order.fetch_optional(self.sqlite.reader()).await? else { return Ok(None) };
            let items = sqlx::query("SELECT * FROM order_items WHERE order_id = ? ORDER BY position")
                .bind(id.to_string())
                .fetch_all(self.sqlite.reader())
                .await?;
            rows::read_order(&order, &items).map(Some)
        };
        self.db.run("order.load", "SELECT", "orders", load).await
    }

    /// The oldest events that wait, at most `limit`. Outside any trace, like the relay that asks.
    pub async fn waiting_events(&self, limit: i64) -> Result<Vec<OutboxEvent>, sqlx::Error> {
        let rows = sqlx::query("SELECT * FROM outbox ORDER BY position LIMIT ?").bind(limit);
        rows.fetch_all(self.sqlite.reader()).await?.iter().map(rows::read_event).collect()
    }

    /// Forgets events that have been delivered: all up to `position`.
    pub async fn delivered(&self, position: i64) -> Result<(), sqlx::Error> {
        let mut transaction = self.sqlite.begin().await?;
        sqlx::query("DELETE FROM outbox WHERE position <= ?")
            .bind(position)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await
    }
}

/// False when the order is not pending any more.
async fn set_outcome(
    connection: &mut SqliteConnection,
    id: OrderId,
    outcome: &Outcome,
) -> Result<bool, sqlx::Error> {
    let payment = outcome.payment();
    let update = sqlx::query(
        "UPDATE orders SET status = ?, transaction_id = ?, card_last4 = ?, updated_at = ?
         WHERE id = ? AND status = ?",
    )
    .bind(outcome.status().as_str())
    .bind(payment.map(|(transaction_id, _)| transaction_id.to_string()))
    .bind(payment.map(|(_, last4)| last4))
    .bind(Timestamp::now().as_micros())
    .bind(id.to_string())
    .bind(OrderStatus::Pending.as_str());
    Ok(update.execute(connection).await?.rows_affected() == 1)
}

async fn insert_event(
    connection: &mut SqliteConnection,
    id: OrderId,
    kind: OrderEventKind,
    context: &StoredContext,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO outbox (event_id, order_id, kind, traceparent, tracestate, baggage, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(Uuid::now_v7().to_string())
    .bind(id.to_string())
    .bind(kind.as_str())
    .bind(&context.traceparent)
    .bind(&context.tracestate)
    .bind(&context.baggage)
    .bind(Timestamp::now().as_micros())
    .execute(connection)
    .await
    .map(|_| ())
}
