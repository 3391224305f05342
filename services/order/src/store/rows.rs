//! Rows to values and back. What a row holds that its type does not take is a broken database, not a panic.

use super::OutboxEvent;
use api::{
    Invalid,
    ids::OrderId,
    items::Quantity,
    money::Money,
    order::{Order, OrderItem, OrderPayment},
    timestamp::Timestamp,
};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use std::str::FromStr;
use telemetry::propagation::StoredContext;

pub(super) async fn insert_order(
    connection: &mut SqliteConnection,
    order: &Order,
    context: &StoredContext,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO orders (id, customer_id, status, total_minor, currency, traceparent, tracestate, baggage,
                             created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)",
    )
    .bind(order.id.to_string())
    .bind(order.customer_id.as_str())
    .bind(order.status.as_str())
    .bind(order.total.map(|total| total.amount_minor))
    .bind(order.total.map(|total| total.currency.to_string()))
    .bind(&context.traceparent)
    .bind(&context.tracestate)
    .bind(&context.baggage)
    .bind(order.created_at.as_micros())
    .execute(connection)
    .await
    .map(|_| ())
}

pub(super) async fn insert_item(
    connection: &mut SqliteConnection,
    order_id: OrderId,
    position: usize,
    item: &OrderItem,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO order_items (order_id, position, sku, quantity, unit_price_minor, currency)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(order_id.to_string())
    .bind(position as i64)
    .bind(item.sku.as_str())
    .bind(i64::from(item.quantity))
    .bind(item.unit_price.map(|price| price.amount_minor))
    .bind(item.unit_price.map(|price| price.currency.to_string()))
    .execute(connection)
    .await
    .map(|_| ())
}

pub(super) fn read_order(row: &SqliteRow, items: &[SqliteRow]) -> Result<Order, sqlx::Error> {
    let payment = match row.try_get::<Option<String>, _>("transaction_id")? {
        Some(_) => Some(OrderPayment {
            transaction_id: parsed(row, "transaction_id")?,
            card_last4: row.try_get("card_last4")?,
        }),
        None => None,
    };
    Ok(Order {
        id: parsed(row, "id")?,
        status: parsed(row, "status")?,
        customer_id: parsed(row, "customer_id")?,
        items: items.iter().map(read_item).collect::<Result<_, _>>()?,
        total: read_money(row, "total_minor")?,
        payment,
        created_at: read_time(row, "created_at")?,
    })
}

fn read_item(row: &SqliteRow) -> Result<OrderItem, sqlx::Error> {
    Ok(OrderItem {
        sku: parsed(row, "sku")?,
        quantity: Quantity::try_from(row.try_get::<i64, _>("quantity")?)
            .map_err(|e| broken("quantity", e))?,
        unit_price: read_money(row, "unit_price_minor")?,
    })
}

pub(super) fn read_event(row: &SqliteRow) -> Result<OutboxEvent, sqlx::Error> {
    Ok(OutboxEvent {
        position: row.try_get("position")?,
        event_id: row.try_get("event_id")?,
        order_id: row.try_get("order_id")?,
        kind: row.try_get("kind")?,
        context: StoredContext {
            traceparent: row.try_get("traceparent")?,
            tracestate: row.try_get("tracestate")?,
            baggage: row.try_get("baggage")?,
        },
        created_at: read_time(row, "created_at")?,
    })
}

fn read_money(row: &SqliteRow, amount: &'static str) -> Result<Option<Money>, sqlx::Error> {
    match row.try_get::<Option<i64>, _>(amount)? {
        Some(amount_minor) => Ok(Some(Money { amount_minor, currency: parsed(row, "currency")? })),
        None => Ok(None),
    }
}

fn read_time(row: &SqliteRow, column: &'static str) -> Result<Timestamp, sqlx::Error> {
    Timestamp::from_micros(row.try_get(column)?).map_err(|error| broken(column, error))
}

fn parsed<T: FromStr<Err = Invalid>>(row: &SqliteRow, column: &'static str) -> Result<T, sqlx::Error> {
    row.try_get::<&str, _>(column)?.parse().map_err(|error| broken(column, error))
}

fn broken(column: &'static str, error: Invalid) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(error) }
}
