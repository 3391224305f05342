//! The SQL for SQLite.

use api::Invalid;
use api::ids::OrderId;
use api::inventory::{Product, Reservation, ReservedItem};
use api::items::{Item, Quantity, Sku};
use api::money::Money;
use api::timestamp::Timestamp;
use service_kit::sqlite::{Sqlite, parsed};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::{Level, Result};
use crate::domain::{CommitOutcome, ReserveOutcome, State, Step};

pub(super) async fn products(sqlite: &Sqlite) -> Result<Vec<Product>> {
    let rows = sqlx::query(
        "SELECT sku, name, price_minor, currency, on_hand - reserved AS available FROM products ORDER BY sku",
    )
    .fetch_all(sqlite.reader())
    .await?;
    rows.iter().map(to_product).collect()
}

pub(super) async fn product(sqlite: &Sqlite, sku: &Sku) -> Result<Option<Product>> {
    let row = sqlx::query(
        "SELECT sku, name, price_minor, currency, on_hand - reserved AS available FROM products WHERE sku = ?",
    )
    .bind(sku.as_str())
    .fetch_optional(sqlite.reader())
    .await?;
    row.as_ref().map(to_product).transpose()
}

pub(super) async fn levels(sqlite: &Sqlite) -> Result<Vec<Level>> {
    let rows = sqlx::query("SELECT sku, on_hand - reserved AS available, reserved FROM products")
        .fetch_all(sqlite.reader())
        .await?;
    let level = |row: &SqliteRow| {
        Ok(Level {
            sku: row.try_get("sku")?,
            available: row.try_get("available")?,
            reserved: row.try_get("reserved")?,
        })
    };
    rows.iter().map(level).collect()
}

pub(super) async fn reserve(sqlite: &Sqlite, order: OrderId, items: &[Item]) -> Result<ReserveOutcome> {
    let mut tx = sqlite.begin().await?;
    let outcome = reserve_in(&mut tx, order, items).await?;
    // What is not reserved whole gives back what the other items took. Said here and not left to the drop, which
    // would end in the background, after the answer.
    if matches!(outcome, ReserveOutcome::Reserved(_)) {
        tx.commit().await?;
    } else {
        tx.rollback().await?;
    }
    Ok(outcome)
}

async fn reserve_in(tx: &mut SqliteConnection, order: OrderId, items: &[Item]) -> Result<ReserveOutcome> {
    match state(tx, order).await? {
        Some(State::Released) => return Ok(ReserveOutcome::Released),
        Some(State::Held | State::Sold) => {
            let reserved = reserved_items(tx, order).await?;
            let same = reserved.len() == items.len()
                && reserved
                    .iter()
                    .zip(items)
                    .all(|(had, item)| had.sku == item.sku && had.quantity == item.quantity);
            return Ok(if same {
                ReserveOutcome::Reserved(Reservation { order_id: order, items: reserved })
            } else {
                ReserveOutcome::OtherItems
            });
        }
        None => {}
    }
    let (mut reserved, mut unknown, mut short) = (Vec::with_capacity(items.len()), Vec::new(), Vec::new());
    for (place, item) in items.iter().enumerate() {
        match take(tx, item).await? {
            Taken::All(unit_price) => {
                reserved.push(ReservedItem { sku: item.sku.clone(), quantity: item.quantity, unit_price });
            }
            Taken::Short => short.push(place),
            Taken::Unknown => unknown.push(place),
        }
    }
    if !unknown.is_empty() {
        return Ok(ReserveOutcome::Unknown(unknown));
    }
    if !short.is_empty() {
        return Ok(ReserveOutcome::Short(short));
    }
    insert(tx, order, State::Held, &reserved).await?;
    Ok(ReserveOutcome::Reserved(Reservation { order_id: order, items: reserved }))
}

pub(super) async fn release(sqlite: &Sqlite, order: OrderId) -> Result<Step> {
    let mut tx = sqlite.begin().await?;
    let Some(state) = state(&mut tx, order).await? else {
        insert(&mut tx, order, State::Released, &[]).await?;
        tx.commit().await?;
        return Ok(Step::Done);
    };
    let step = state.release();
    if step == Step::Go {
        sqlx::query(
            "UPDATE products SET reserved = reserved - i.quantity
             FROM reservation_items i WHERE i.order_id = ? AND i.sku = products.sku",
        )
        .bind(order.to_string())
        .execute(&mut *tx)
        .await?;
        set_state(&mut tx, order, State::Released).await?;
        tx.commit().await?;
    }
    Ok(step)
}

pub(super) async fn commit(
    sqlite: &Sqlite,
    source: &str,
    event: &str,
    order: OrderId,
) -> Result<CommitOutcome> {
    let mut tx = sqlite.begin().await?;
    let first = sqlx::query(
        "INSERT INTO handled_events (source, id, handled_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(source)
    .bind(event)
    .bind(Timestamp::now().as_micros())
    .execute(&mut *tx)
    .await?;
    if first.rows_affected() == 0 {
        tx.rollback().await?;
        return Ok(CommitOutcome::Already);
    }
    let outcome = match state(&mut tx, order).await?.map(State::sell) {
        Some(Step::Go) => {
            sell(&mut tx, order).await?;
            CommitOutcome::Sold
        }
        Some(Step::Done) => CommitOutcome::Already,
        Some(Step::TooLate) | None => CommitOutcome::NothingHeld,
    };
    tx.commit().await?;
    Ok(outcome)
}

enum Taken {
    All(Money),
    Short,
    Unknown,
}

/// Takes an item's pieces if they are there, and tells the price.
async fn take(tx: &mut SqliteConnection, item: &Item) -> Result<Taken> {
    let taken = sqlx::query(
        "UPDATE products SET reserved = reserved + ?1 WHERE sku = ?2 AND on_hand - reserved >= ?1
         RETURNING price_minor, currency",
    )
    .bind(i64::from(item.quantity))
    .bind(item.sku.as_str())
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(row) = taken {
        return Ok(Taken::All(to_price(&row)?));
    }
    let known = sqlx::query("SELECT 1 FROM products WHERE sku = ?")
        .bind(item.sku.as_str())
        .fetch_optional(tx)
        .await?;
    Ok(if known.is_some() { Taken::Short } else { Taken::Unknown })
}

async fn state(tx: &mut SqliteConnection, order: OrderId) -> Result<Option<State>> {
    let row = sqlx::query("SELECT state FROM reservations WHERE order_id = ?")
        .bind(order.to_string())
        .fetch_optional(tx)
        .await?;
    row.as_ref().map(|row| parsed(row, "state")).transpose()
}

async fn set_state(tx: &mut SqliteConnection, order: OrderId, state: State) -> Result<()> {
    sqlx::query("UPDATE reservations SET state = ?, changed_at = ? WHERE order_id = ?")
        .bind(state.as_str())
        .bind(Timestamp::now().as_micros())
        .bind(order.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

async fn insert(
    tx: &mut SqliteConnection,
    order: OrderId,
    state: State,
    items: &[ReservedItem],
) -> Result<()> {
    sqlx::query("INSERT INTO reservations (order_id, state, changed_at) VALUES (?, ?, ?)")
        .bind(order.to_string())
        .bind(state.as_str())
        .bind(Timestamp::now().as_micros())
        .execute(&mut *tx)
        .await?;
    for (line, item) in items.iter().enumerate() {
        sqlx::query(
            "INSERT INTO reservation_items (order_id, line, sku, quantity, price_minor, currency)
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(order.to_string())
        .bind(line as i64)
        .bind(item.sku.as_str())
        .bind(i64::from(item.quantity))
        .bind(item.unit_price.amount_minor)
        .bind(item.unit_price.currency.as_str())
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

async fn reserved_items(tx: &mut SqliteConnection, order: OrderId) -> Result<Vec<ReservedItem>> {
    let rows = sqlx::query(
        "SELECT sku, quantity, price_minor, currency FROM reservation_items WHERE order_id = ? ORDER BY line",
    )
    .bind(order.to_string())
    .fetch_all(tx)
    .await?;
    rows.iter()
        .map(|row| {
            let quantity = Quantity::try_from(row.try_get::<i64, _>("quantity")?)
                .map_err(|error: Invalid| sqlx::Error::Decode(error.into()))?;
            Ok(ReservedItem { sku: parsed(row, "sku")?, quantity, unit_price: to_price(row)? })
        })
        .collect()
}

/// What was put aside for the order leaves the warehouse.
async fn sell(tx: &mut SqliteConnection, order: OrderId) -> Result<()> {
    sqlx::query(
        "UPDATE products SET on_hand = on_hand - i.quantity, reserved = reserved - i.quantity
         FROM reservation_items i WHERE i.order_id = ? AND i.sku = products.sku",
    )
    .bind(order.to_string())
    .execute(&mut *tx)
    .await?;
    set_state(tx, order, State::Sold).await
}

fn to_product(row: &SqliteRow) -> Result<Product> {
    Ok(Product {
        sku: parsed(row, "sku")?,
        name: row.try_get("name")?,
        unit_price: to_price(row)?,
        available: row.try_get("available")?,
    })
}

fn to_price(row: &SqliteRow) -> Result<Money> {
    Ok(Money { amount_minor: row.try_get("price_minor")?, currency: parsed(row, "currency")? })
}
