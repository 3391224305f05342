//! The SQL for PostgreSQL.

mod keys;

use super::{Result, StoredOrder, act_on_order, actor, audit, outbox, problem_from, problem_json};
use crate::{
    domain::{Asker, ListQuery, Outcome, Step},
    saga::UNDO_TIME,
};
use api::{
    customer::CustomerId,
    event::OrderEventKind,
    ids::{OrderId, TransactionId},
    items::Quantity,
    money::Money,
    order::{Order, OrderItem, OrderPayment},
    timestamp::Timestamp,
};
use service_kit::{
    database::{converted, parsed},
    postgres::Postgres,
};
use sqlx::{PgConnection, QueryBuilder, Row, postgres::PgRow, types::time::OffsetDateTime};
use telemetry::{
    audit::{Actor, Auditor},
    propagation::StoredContext,
};
use uuid::Uuid;

pub(super) use keys::{claim_key, forget_keys};

/// An order's row once for each of its items.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT o.*, i.sku, i.quantity, i.unit_price_minor, i.currency AS price_currency \
             FROM orders o JOIN order_items i ON i.order_id = o.id ",
            $rest
        )
    };
}

pub(super) async fn save(
    db: &Postgres,
    auditor: &Auditor,
    new: &StoredOrder,
    claimed_until: Timestamp,
) -> Result<()> {
    let order = &new.order;
    let mut tx = db.begin().await?;
    sqlx::query(
        "INSERT INTO orders (id, customer_id, status, total_minor, currency, traceparent, tracestate, baggage,
                             created_at, updated_at, step, sealed_card, problem, claimed_until, placed_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11, $12, $13, $14)",
    )
    .bind(Uuid::from(order.id))
    .bind(order.customer_id.as_str())
    .bind(order.status.as_str())
    .bind(order.total.map(|total| total.amount_minor))
    .bind(order.total.map(|total| total.currency.to_string()))
    .bind(&new.context.traceparent)
    .bind(&new.context.tracestate)
    .bind(&new.context.baggage)
    .bind(OffsetDateTime::from(order.created_at))
    .bind(new.step.map(Step::as_str))
    .bind(&new.sealed_card)
    .bind(problem_json(new.problem.as_ref()))
    .bind(OffsetDateTime::from(claimed_until))
    .bind(&new.placed_by)
    .execute(&mut *tx)
    .await?;
    for (position, item) in order.items.iter().enumerate() {
        sqlx::query(
            "INSERT INTO order_items (order_id, position, sku, quantity, unit_price_minor, currency)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(Uuid::from(order.id))
        .bind(position as i32)
        .bind(item.sku.as_str())
        .bind(i32::from(item.quantity.get()))
        .bind(item.unit_price.map(|price| price.amount_minor))
        .bind(item.unit_price.map(|price| price.currency.to_string()))
        .execute(&mut *tx)
        .await?;
    }
    let by = actor(new.placed_by.clone());
    let act = act_on_order("order.created", by, order.id, &order.customer_id, order.total);
    audit::postgres::append(&mut tx, auditor, &[act]).await?;
    tx.commit().await
}

pub(super) async fn reserved(db: &Postgres, order: &Order) -> Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query(
        "UPDATE orders SET total_minor = $1, currency = $2, step = 'charge', updated_at = $3
         WHERE id = $4 AND step = 'reserve'",
    )
    .bind(order.total.map(|total| total.amount_minor))
    .bind(order.total.map(|total| total.currency.to_string()))
    .bind(OffsetDateTime::from(Timestamp::now()))
    .bind(Uuid::from(order.id))
    .execute(&mut *tx)
    .await?;
    for item in &order.items {
        sqlx::query(
            "UPDATE order_items SET unit_price_minor = $1, currency = $2 WHERE order_id = $3 AND sku = $4",
        )
        .bind(item.unit_price.map(|price| price.amount_minor))
        .bind(item.unit_price.map(|price| price.currency.to_string()))
        .bind(Uuid::from(order.id))
        .bind(item.sku.as_str())
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await
}

pub(super) async fn finish(
    db: &Postgres,
    auditor: &Auditor,
    id: OrderId,
    outcome: &Outcome,
    context: &StoredContext,
) -> Result<bool> {
    let mut tx = db.begin().await?;
    let payment = outcome.payment();
    let changed = sqlx::query(
        "UPDATE orders SET status = $1, step = $2, transaction_id = $3, card_last4 = $4, problem = $5,
                           sealed_card = NULL, updated_at = $6, claimed_until = $7
         WHERE id = $8 AND status = 'pending'
         RETURNING customer_id, total_minor, currency, placed_by",
    )
    .bind(outcome.status().as_str())
    .bind(outcome.step().map(Step::as_str))
    .bind(payment.map(|payment| Uuid::from(payment.transaction_id)))
    .bind(payment.map(|payment| &payment.card_last4))
    .bind(problem_json(outcome.problem()))
    .bind(OffsetDateTime::from(Timestamp::now()))
    .bind(OffsetDateTime::from(Timestamp::now() + UNDO_TIME))
    .bind(Uuid::from(id))
    .fetch_optional(&mut *tx)
    .await?;
    if let (Some(row), Some(_)) = (&changed, payment) {
        outbox::postgres::insert(&mut tx, id, OrderEventKind::Confirmed, context).await?;
        let (customer, total) = read_owner(row)?;
        let by = actor(row.try_get("placed_by")?);
        let act = act_on_order("order.paid", by, id, &customer, total);
        audit::postgres::append(&mut tx, auditor, &[act]).await?;
    }
    tx.commit().await?;
    Ok(changed.is_some())
}

pub(super) async fn undone(db: &Postgres, auditor: &Auditor, id: OrderId, refunded: bool) -> Result<()> {
    let sql = "UPDATE orders SET step = NULL, updated_at = $1 WHERE id = $2 AND step = 'undo'
               RETURNING customer_id, total_minor, currency";
    let mut tx = db.begin().await?;
    let undone = sqlx::query(sql)
        .bind(OffsetDateTime::from(Timestamp::now()))
        .bind(Uuid::from(id))
        .fetch_optional(&mut *tx)
        .await?;
    if let Some(row) = undone.filter(|_| refunded) {
        let (customer, total) = read_owner(&row)?;
        let act = act_on_order("order.refunded", Actor::Service, id, &customer, total);
        audit::postgres::append(&mut tx, auditor, &[act]).await?;
    }
    tx.commit().await
}

pub(super) async fn mark_cancel(
    db: &Postgres,
    id: OrderId,
    asker: &Asker,
    claimed_until: Timestamp,
) -> Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query(
        "UPDATE orders SET step = 'cancel', claimed_until = $1, updated_at = $2, cancelled_by = $5
         WHERE id = $3 AND status = 'confirmed' AND step IS NULL AND ($4::text IS NULL OR customer_id = $4)",
    )
    .bind(OffsetDateTime::from(claimed_until))
    .bind(OffsetDateTime::from(Timestamp::now()))
    .bind(Uuid::from(id))
    .bind(asker.owner.as_ref().map(CustomerId::as_str))
    .bind(&asker.operator)
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

pub(super) async fn cancelled(
    db: &Postgres,
    auditor: &Auditor,
    id: OrderId,
    context: &StoredContext,
) -> Result<bool> {
    let mut tx = db.begin().await?;
    let sql = "UPDATE orders SET status = 'cancelled', step = NULL, updated_at = $1 WHERE id = $2 AND step = 'cancel'
               RETURNING customer_id, total_minor, currency, cancelled_by";
    let changed = sqlx::query(sql)
        .bind(OffsetDateTime::from(Timestamp::now()))
        .bind(Uuid::from(id))
        .fetch_optional(&mut *tx)
        .await?;
    if let Some(row) = &changed {
        outbox::postgres::insert(&mut tx, id, OrderEventKind::Cancelled, context).await?;
        let (customer, total) = read_owner(row)?;
        let refunded = act_on_order("order.refunded", Actor::Service, id, &customer, total);
        let by = actor(row.try_get("cancelled_by")?);
        let cancelled = act_on_order("order.cancelled", by, id, &customer, None);
        audit::postgres::append(&mut tx, auditor, &[refunded, cancelled]).await?;
    }
    tx.commit().await?;
    Ok(changed.is_some())
}

pub(super) async fn load(
    db: &Postgres,
    id: OrderId,
    owner: Option<&CustomerId>,
) -> Result<Option<StoredOrder>> {
    let rows = sqlx::query(select!(
        "WHERE o.id = $1 AND ($2::text IS NULL OR o.customer_id = $2) ORDER BY i.position"
    ))
    .bind(Uuid::from(id))
    .bind(owner.map(CustomerId::as_str));
    Ok(grouped(&rows.fetch_all(db.pool()).await?)?.pop())
}

pub(super) async fn list(db: &Postgres, query: &ListQuery) -> Result<Vec<StoredOrder>> {
    let mut sql = QueryBuilder::new(select!("WHERE o.id IN (SELECT id FROM orders WHERE TRUE"));
    if let Some(customer) = &query.customer_id {
        sql.push(" AND customer_id = ").push_bind(customer.as_str());
    }
    if let Some(status) = query.status {
        sql.push(" AND status = ").push_bind(status.as_str());
    }
    if let Some(before) = query.before {
        sql.push(" AND id < ").push_bind(Uuid::from(before));
    }
    sql.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(query.limit));
    sql.push(") ORDER BY o.id DESC, i.position");
    grouped(&sql.build().fetch_all(db.pool()).await?)
}

pub(super) async fn claim(
    db: &Postgres,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<StoredOrder>> {
    // Looked for without a transaction: nearly always there is nothing.
    let waiting = sqlx::query("SELECT 1 FROM orders WHERE step IS NOT NULL AND claimed_until < $1 LIMIT 1")
        .bind(OffsetDateTime::from(now));
    if waiting.fetch_optional(db.pool()).await?.is_none() {
        return Ok(Vec::new());
    }
    let mut tx = db.begin().await?;
    let ids: Vec<PgRow> = sqlx::query(
        "UPDATE orders SET claimed_until = $1, attempts = attempts + 1 WHERE id IN (
             SELECT id FROM orders WHERE step IS NOT NULL AND claimed_until < $2 ORDER BY claimed_until LIMIT $3
             FOR UPDATE SKIP LOCKED)
         RETURNING id",
    )
    .bind(OffsetDateTime::from(until))
    .bind(OffsetDateTime::from(now))
    .bind(limit)
    .fetch_all(&mut *tx)
    .await?;
    let mut claimed = Vec::with_capacity(ids.len());
    for row in &ids {
        claimed.extend(load_in(&mut tx, converted::<_, Uuid, OrderId>(row, "id")?).await?);
    }
    tx.commit().await?;
    Ok(claimed)
}

async fn load_in(tx: &mut PgConnection, id: OrderId) -> Result<Option<StoredOrder>> {
    let rows = sqlx::query(select!("WHERE o.id = $1 ORDER BY i.position")).bind(Uuid::from(id));
    Ok(grouped(&rows.fetch_all(tx).await?)?.pop())
}

pub(super) async fn postpone(db: &Postgres, id: OrderId, until: Timestamp) -> Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query("UPDATE orders SET claimed_until = $1 WHERE id = $2 AND step IS NOT NULL")
        .bind(OffsetDateTime::from(until))
        .bind(Uuid::from(id))
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}

/// The orders of rows that are sorted by order.
fn grouped(rows: &[PgRow]) -> Result<Vec<StoredOrder>> {
    let mut orders: Vec<StoredOrder> = Vec::new();
    for row in rows {
        let id: OrderId = converted::<_, Uuid, OrderId>(row, "id")?;
        let item = read_item(row)?;
        match orders.last_mut().filter(|last| last.order.id == id) {
            Some(last) => last.order.items.push(item),
            None => orders.push(read_order(row, id, item)?),
        }
    }
    Ok(orders)
}

fn read_order(row: &PgRow, id: OrderId, item: OrderItem) -> Result<StoredOrder> {
    let payment = match row.try_get::<Option<Uuid>, _>("transaction_id")? {
        Some(_) => Some(OrderPayment {
            transaction_id: converted::<_, Uuid, TransactionId>(row, "transaction_id")?,
            // Taken out when its customer was forgotten.
            card_last4: row.try_get::<Option<String>, _>("card_last4")?.unwrap_or_default(),
        }),
        None => None,
    };
    let step = row.try_get::<Option<&str>, _>("step")?.map(|_| parsed(row, "step")).transpose()?;
    Ok(StoredOrder {
        order: Order {
            id,
            status: parsed(row, "status")?,
            customer_id: parsed(row, "customer_id")?,
            items: vec![item],
            total: read_money(row, "total_minor", "currency")?,
            payment,
            created_at: Timestamp::from(row.try_get::<OffsetDateTime, _>("created_at")?),
        },
        step,
        context: StoredContext {
            traceparent: row.try_get("traceparent")?,
            tracestate: row.try_get("tracestate")?,
            baggage: row.try_get("baggage")?,
        },
        placed_by: row.try_get("placed_by")?,
        sealed_card: row.try_get("sealed_card")?,
        problem: problem_from(row.try_get("problem")?),
        attempts: row.try_get("attempts")?,
    })
}

/// Whose an order is, and what it costs.
fn read_owner(row: &PgRow) -> Result<(CustomerId, Option<Money>)> {
    Ok((parsed(row, "customer_id")?, read_money(row, "total_minor", "currency")?))
}

fn read_item(row: &PgRow) -> Result<OrderItem> {
    Ok(OrderItem {
        sku: parsed(row, "sku")?,
        quantity: Quantity::try_from(i64::from(row.try_get::<i32, _>("quantity")?))
            .map_err(|error| sqlx::Error::Decode(error.into()))?,
        unit_price: read_money(row, "unit_price_minor", "price_currency")?,
    })
}

fn read_money(row: &PgRow, amount: &'static str, currency: &'static str) -> Result<Option<Money>> {
    match row.try_get::<Option<i64>, _>(amount)? {
        Some(amount_minor) => Ok(Some(Money { amount_minor, currency: parsed(row, currency)? })),
        None => Ok(None),
    }
}
