//! The SQL for SQLite.

mod keys;

use super::{Result, StoredOrder, act_on_order, actor, audit, outbox, problem_from, problem_json};
use crate::{
    domain::{Asker, ListQuery, Outcome, Step},
    saga::UNDO_TIME,
};
use api::{
    customer::CustomerId,
    event::OrderEventKind,
    ids::OrderId,
    items::Quantity,
    money::Money,
    order::{Order, OrderItem, OrderPayment},
    timestamp::Timestamp,
};
use service_kit::{
    database::{converted, parsed},
    sqlite::Sqlite,
};
use sqlx::{QueryBuilder, Row, SqliteConnection, sqlite::SqliteRow};
use telemetry::{
    audit::{Actor, Auditor},
    propagation::StoredContext,
};

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
    db: &Sqlite,
    auditor: &Auditor,
    new: &StoredOrder,
    claimed_until: Timestamp,
) -> Result<()> {
    let order = &new.order;
    let mut tx = db.begin().await?;
    sqlx::query(
        "INSERT INTO orders (id, customer_id, status, total_minor, currency, traceparent, tracestate, baggage,
                             created_at, updated_at, step, sealed_card, problem, claimed_until, placed_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?11, ?12, ?13, ?14)",
    )
    .bind(order.id.to_string())
    .bind(order.customer_id.as_str())
    .bind(order.status.as_str())
    .bind(order.total.map(|total| total.amount_minor))
    .bind(order.total.map(|total| total.currency.to_string()))
    .bind(&new.context.traceparent)
    .bind(&new.context.tracestate)
    .bind(&new.context.baggage)
    .bind(order.created_at.as_micros())
    .bind(new.step.map(Step::as_str))
    .bind(&new.sealed_card)
    .bind(problem_json(new.problem.as_ref()))
    .bind(claimed_until.as_micros())
    .bind(&new.placed_by)
    .execute(&mut *tx)
    .await?;
    for (position, item) in order.items.iter().enumerate() {
        sqlx::query(
            "INSERT INTO order_items (order_id, position, sku, quantity, unit_price_minor, currency)
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(order.id.to_string())
        .bind(position as i64)
        .bind(item.sku.as_str())
        .bind(i64::from(item.quantity))
        .bind(item.unit_price.map(|price| price.amount_minor))
        .bind(item.unit_price.map(|price| price.currency.to_string()))
        .execute(&mut *tx)
        .await?;
    }
    let by = actor(new.placed_by.clone());
    let act = act_on_order("order.created", by, order.id, &order.customer_id, order.total);
    audit::sqlite::append(&mut tx, auditor, &[act]).await?;
    tx.commit().await
}

pub(super) async fn reserved(db: &Sqlite, order: &Order) -> Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query(
        "UPDATE orders SET total_minor = ?, currency = ?, step = 'charge', updated_at = ?
         WHERE id = ? AND step = 'reserve'",
    )
    .bind(order.total.map(|total| total.amount_minor))
    .bind(order.total.map(|total| total.currency.to_string()))
    .bind(Timestamp::now().as_micros())
    .bind(order.id.to_string())
    .execute(&mut *tx)
    .await?;
    for item in &order.items {
        sqlx::query(
            "UPDATE order_items SET unit_price_minor = ?, currency = ? WHERE order_id = ? AND sku = ?",
        )
        .bind(item.unit_price.map(|price| price.amount_minor))
        .bind(item.unit_price.map(|price| price.currency.to_string()))
        .bind(order.id.to_string())
        .bind(item.sku.as_str())
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await
}

pub(super) async fn finish(
    db: &Sqlite,
    auditor: &Auditor,
    id: OrderId,
    outcome: &Outcome,
    context: &StoredContext,
) -> Result<bool> {
    let mut tx = db.begin().await?;
    let payment = outcome.payment();
    let changed = sqlx::query(
        "UPDATE orders SET status = ?, step = ?, transaction_id = ?, card_last4 = ?, problem = ?,
                           sealed_card = NULL, updated_at = ?, claimed_until = ?
         WHERE id = ? AND status = 'pending'
         RETURNING customer_id, total_minor, currency, placed_by",
    )
    .bind(outcome.status().as_str())
    .bind(outcome.step().map(Step::as_str))
    .bind(payment.map(|payment| payment.transaction_id.to_string()))
    .bind(payment.map(|payment| &payment.card_last4))
    .bind(problem_json(outcome.problem()))
    .bind(Timestamp::now().as_micros())
    .bind((Timestamp::now() + UNDO_TIME).as_micros())
    .bind(id.to_string())
    .fetch_optional(&mut *tx)
    .await?;
    if let (Some(row), Some(_)) = (&changed, payment) {
        outbox::sqlite::insert(&mut tx, id, OrderEventKind::Confirmed, context).await?;
        let (customer, total) = read_owner(row)?;
        let by = actor(row.try_get("placed_by")?);
        let act = act_on_order("order.paid", by, id, &customer, total);
        audit::sqlite::append(&mut tx, auditor, &[act]).await?;
    }
    tx.commit().await?;
    Ok(changed.is_some())
}

pub(super) async fn undone(db: &Sqlite, auditor: &Auditor, id: OrderId, refunded: bool) -> Result<()> {
    let sql = "UPDATE orders SET step = NULL, updated_at = ? WHERE id = ? AND step = 'undo'
               RETURNING customer_id, total_minor, currency";
    let mut tx = db.begin().await?;
    let undone = sqlx::query(sql)
        .bind(Timestamp::now().as_micros())
        .bind(id.to_string())
        .fetch_optional(&mut *tx)
        .await?;
    if let Some(row) = undone.filter(|_| refunded) {
        let (customer, total) = read_owner(&row)?;
        let act = act_on_order("order.refunded", Actor::Service, id, &customer, total);
        audit::sqlite::append(&mut tx, auditor, &[act]).await?;
    }
    tx.commit().await
}

pub(super) async fn mark_cancel(
    db: &Sqlite,
    id: OrderId,
    asker: &Asker,
    claimed_until: Timestamp,
) -> Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query(
        "UPDATE orders SET step = 'cancel', claimed_until = ?1, updated_at = ?2, cancelled_by = ?5
         WHERE id = ?3 AND status = 'confirmed' AND step IS NULL AND (?4 IS NULL OR customer_id = ?4)",
    )
    .bind(claimed_until.as_micros())
    .bind(Timestamp::now().as_micros())
    .bind(id.to_string())
    .bind(asker.owner.as_ref().map(CustomerId::as_str))
    .bind(&asker.operator)
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

pub(super) async fn cancelled(
    db: &Sqlite,
    auditor: &Auditor,
    id: OrderId,
    context: &StoredContext,
) -> Result<bool> {
    let mut tx = db.begin().await?;
    let sql =
        "UPDATE orders SET status = 'cancelled', step = NULL, updated_at = ? WHERE id = ? AND step = 'cancel'
               RETURNING customer_id, total_minor, currency, cancelled_by";
    let changed = sqlx::query(sql)
        .bind(Timestamp::now().as_micros())
        .bind(id.to_string())
        .fetch_optional(&mut *tx)
        .await?;
    if let Some(row) = &changed {
        outbox::sqlite::insert(&mut tx, id, OrderEventKind::Cancelled, context).await?;
        let (customer, total) = read_owner(row)?;
        let refunded = act_on_order("order.refunded", Actor::Service, id, &customer, total);
        let by = actor(row.try_get("cancelled_by")?);
        let cancelled = act_on_order("order.cancelled", by, id, &customer, None);
        audit::sqlite::append(&mut tx, auditor, &[refunded, cancelled]).await?;
    }
    tx.commit().await?;
    Ok(changed.is_some())
}

pub(super) async fn load(
    db: &Sqlite,
    id: OrderId,
    owner: Option<&CustomerId>,
) -> Result<Option<StoredOrder>> {
    let rows =
        sqlx::query(select!("WHERE o.id = ?1 AND (?2 IS NULL OR o.customer_id = ?2) ORDER BY i.position"))
            .bind(id.to_string())
            .bind(owner.map(CustomerId::as_str));
    Ok(grouped(&rows.fetch_all(db.reader()).await?)?.pop())
}

pub(super) async fn list(db: &Sqlite, query: &ListQuery) -> Result<Vec<StoredOrder>> {
    let mut sql = QueryBuilder::new(select!("WHERE o.id IN (SELECT id FROM orders WHERE TRUE"));
    if let Some(customer) = &query.customer_id {
        sql.push(" AND customer_id = ").push_bind(customer.as_str());
    }
    if let Some(status) = query.status {
        sql.push(" AND status = ").push_bind(status.as_str());
    }
    if let Some(before) = query.before {
        sql.push(" AND id < ").push_bind(before.to_string());
    }
    sql.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(query.limit));
    sql.push(") ORDER BY o.id DESC, i.position");
    grouped(&sql.build().fetch_all(db.reader()).await?)
}

pub(super) async fn claim(
    db: &Sqlite,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<StoredOrder>> {
    // Looked for without the write lock: nearly always there is nothing.
    let waiting = sqlx::query("SELECT 1 FROM orders WHERE step IS NOT NULL AND claimed_until < ? LIMIT 1")
        .bind(now.as_micros());
    if waiting.fetch_optional(db.reader()).await?.is_none() {
        return Ok(Vec::new());
    }
    let mut tx = db.begin().await?;
    let ids: Vec<SqliteRow> = sqlx::query(
        "UPDATE orders SET claimed_until = ?, attempts = attempts + 1 WHERE id IN (
             SELECT id FROM orders WHERE step IS NOT NULL AND claimed_until < ? ORDER BY claimed_until LIMIT ?)
         RETURNING id",
    )
    .bind(until.as_micros())
    .bind(now.as_micros())
    .bind(limit)
    .fetch_all(&mut *tx)
    .await?;
    let mut claimed = Vec::with_capacity(ids.len());
    for row in &ids {
        claimed.extend(load_in(&mut tx, parsed(row, "id")?).await?);
    }
    tx.commit().await?;
    Ok(claimed)
}

async fn load_in(tx: &mut SqliteConnection, id: OrderId) -> Result<Option<StoredOrder>> {
    let rows = sqlx::query(select!("WHERE o.id = ? ORDER BY i.position")).bind(id.to_string());
    Ok(grouped(&rows.fetch_all(tx).await?)?.pop())
}

pub(super) async fn postpone(db: &Sqlite, id: OrderId, until: Timestamp) -> Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query("UPDATE orders SET claimed_until = ? WHERE id = ? AND step IS NOT NULL")
        .bind(until.as_micros())
        .bind(id.to_string())
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}

/// The orders of rows that are sorted by order.
fn grouped(rows: &[SqliteRow]) -> Result<Vec<StoredOrder>> {
    let mut orders: Vec<StoredOrder> = Vec::new();
    for row in rows {
        let id: OrderId = parsed(row, "id")?;
        let item = read_item(row)?;
        match orders.last_mut().filter(|last| last.order.id == id) {
            Some(last) => last.order.items.push(item),
            None => orders.push(read_order(row, id, item)?),
        }
    }
    Ok(orders)
}

fn read_order(row: &SqliteRow, id: OrderId, item: OrderItem) -> Result<StoredOrder> {
    let payment = match row.try_get::<Option<&str>, _>("transaction_id")? {
        Some(_) => Some(OrderPayment {
            transaction_id: parsed(row, "transaction_id")?,
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
            created_at: Timestamp::from_micros(row.try_get("created_at")?)
                .map_err(|error| sqlx::Error::Decode(error.into()))?,
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
fn read_owner(row: &SqliteRow) -> Result<(CustomerId, Option<Money>)> {
    Ok((parsed(row, "customer_id")?, read_money(row, "total_minor", "currency")?))
}

fn read_item(row: &SqliteRow) -> Result<OrderItem> {
    Ok(OrderItem {
        sku: parsed(row, "sku")?,
        quantity: converted::<_, i64, Quantity>(row, "quantity")?,
        unit_price: read_money(row, "unit_price_minor", "price_currency")?,
    })
}

fn read_money(row: &SqliteRow, amount: &'static str, currency: &'static str) -> Result<Option<Money>> {
    match row.try_get::<Option<i64>, _>(amount)? {
        Some(amount_minor) => Ok(Some(Money { amount_minor, currency: parsed(row, currency)? })),
        None => Ok(None),
    }
}
