//! The SQL for SQLite: one writer at a time, so a transaction sees nothing change. Ids are texts, times are microseconds
//! since 1970.

use api::ids::OrderId;
use api::inventory::{Product, Reservation, ReservedItem};
use api::items::{Item, Quantity, Sku};
use api::money::Money;
use api::timestamp::Timestamp;
use service_kit::database::{converted, parsed};
use service_kit::sqlite::Sqlite;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::{Level, Result, places, reserved_before};
use crate::domain::{Outcome, ReserveOutcome, State, Step, Stock, Wish};

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

pub(super) async fn reserve(
    sqlite: &Sqlite,
    order: OrderId,
    items: &[Item],
    expires_at: Timestamp,
) -> Result<ReserveOutcome> {
    let mut tx = sqlite.begin().await?;
    let outcome = match state(&mut tx, order).await? {
        Some(state) => reserve_again(&mut tx, order, state, items, expires_at).await?,
        None => reserve_first(&mut tx, order, items, expires_at).await?,
    };
    // What is not reserved whole gives back what the other items took. Said here and not left to the drop, which
    // would end in the background, after the answer.
    if matches!(outcome, ReserveOutcome::Reserved(_)) {
        tx.commit().await?;
    } else {
        tx.rollback().await?;
    }
    Ok(outcome)
}

async fn reserve_again(
    tx: &mut SqliteConnection,
    order: OrderId,
    state: State,
    items: &[Item],
    expires_at: Timestamp,
) -> Result<ReserveOutcome> {
    let step = state.step(Wish::Hold);
    if step == Step::TooLate {
        return Ok(ReserveOutcome::Released);
    }
    let outcome = reserved_before(order, reserved_items(tx, order).await?, items);
    if let (ReserveOutcome::Reserved(_), Step::To(next, stock)) = (&outcome, step) {
        let short = short(tx, order).await?;
        if !short.is_empty() {
            return Ok(ReserveOutcome::Short(places(items, &short)));
        }
        move_stock(tx, order, stock).await?;
        set_state(tx, order, next, Some(expires_at)).await?;
    }
    Ok(outcome)
}

async fn reserve_first(
    tx: &mut SqliteConnection,
    order: OrderId,
    items: &[Item],
    expires_at: Timestamp,
) -> Result<ReserveOutcome> {
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
    insert(tx, order, State::Held, Some(expires_at)).await?;
    for (line, item) in reserved.iter().enumerate() {
        insert_item(tx, order, line, item).await?;
    }
    Ok(ReserveOutcome::Reserved(Reservation { order_id: order, items: reserved }))
}

pub(super) async fn advance(sqlite: &Sqlite, order: OrderId, wish: Wish) -> Result<Outcome> {
    let mut tx = sqlite.begin().await?;
    let outcome = match (state(&mut tx, order).await?, wish.without_reservation()) {
        (Some(state), _) => move_on(&mut tx, order, state, wish).await?,
        (None, Some(state)) => {
            insert(&mut tx, order, state, None).await?;
            Outcome::Noted
        }
        (None, None) => Outcome::NothingKnown,
    };
    if matches!(outcome, Outcome::Done | Outcome::Noted) {
        tx.commit().await?;
    } else {
        tx.rollback().await?;
    }
    Ok(outcome)
}

pub(super) async fn expire_one(sqlite: &Sqlite, now: Timestamp) -> Result<Option<OrderId>> {
    const OVERDUE: &str = "SELECT order_id FROM reservations WHERE state = 'held' AND expires_at <= ? ORDER BY expires_at LIMIT 1";
    // Most of the time there is none; the writer is left alone then.
    let overdue = sqlx::query(OVERDUE).bind(now.as_micros()).fetch_optional(sqlite.reader()).await?;
    if overdue.is_none() {
        return Ok(None);
    }
    let mut tx = sqlite.begin().await?;
    let Some(row) = sqlx::query(OVERDUE).bind(now.as_micros()).fetch_optional(&mut *tx).await? else {
        return Ok(None);
    };
    let order = parsed(&row, "order_id")?;
    move_on(&mut tx, order, State::Held, Wish::Expire).await?;
    tx.commit().await?;
    Ok(Some(order))
}

async fn move_on(tx: &mut SqliteConnection, order: OrderId, state: State, wish: Wish) -> Result<Outcome> {
    let (next, stock) = match state.step(wish) {
        Step::To(next, stock) => (next, stock),
        Step::Nothing => return Ok(Outcome::Already),
        Step::TooLate => return Ok(Outcome::TooLate),
    };
    if stock.takes() {
        if reserved_items(tx, order).await?.is_empty() {
            return Ok(Outcome::NothingKnown);
        }
        let short = short(tx, order).await?;
        if !short.is_empty() {
            return Ok(Outcome::Short(short));
        }
    }
    move_stock(tx, order, stock).await?;
    set_state(tx, order, next, None).await?;
    Ok(Outcome::Done)
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

/// The order's items of which there are too few on the shelf.
async fn short(tx: &mut SqliteConnection, order: OrderId) -> Result<Vec<Sku>> {
    let rows = sqlx::query(
        "SELECT p.sku FROM products p JOIN reservation_items i ON i.sku = p.sku
         WHERE i.order_id = ? AND p.on_hand - p.reserved < i.quantity ORDER BY i.line",
    )
    .bind(order.to_string())
    .fetch_all(tx)
    .await?;
    rows.iter().map(|row| parsed(row, "sku")).collect()
}

async fn move_stock(tx: &mut SqliteConnection, order: OrderId, stock: Stock) -> Result<()> {
    if (stock.on_hand, stock.reserved) == (0, 0) {
        return Ok(());
    }
    sqlx::query(
        "UPDATE products SET on_hand = on_hand + ? * i.quantity, reserved = reserved + ? * i.quantity
         FROM reservation_items i WHERE i.order_id = ? AND i.sku = products.sku",
    )
    .bind(stock.on_hand)
    .bind(stock.reserved)
    .bind(order.to_string())
    .execute(tx)
    .await?;
    Ok(())
}

async fn state(tx: &mut SqliteConnection, order: OrderId) -> Result<Option<State>> {
    let row = sqlx::query("SELECT state FROM reservations WHERE order_id = ?")
        .bind(order.to_string())
        .fetch_optional(tx)
        .await?;
    row.as_ref().map(|row| parsed(row, "state")).transpose()
}

/// `expires_at` stays as it is when none is given.
async fn set_state(
    tx: &mut SqliteConnection,
    order: OrderId,
    state: State,
    expires_at: Option<Timestamp>,
) -> Result<()> {
    sqlx::query(
        "UPDATE reservations SET state = ?, changed_at = ?, expires_at = coalesce(?, expires_at) WHERE order_id = ?",
    )
    .bind(state.as_str())
    .bind(Timestamp::now().as_micros())
    .bind(expires_at.map(Timestamp::as_micros))
    .bind(order.to_string())
    .execute(tx)
    .await?;
    Ok(())
}

async fn insert(
    tx: &mut SqliteConnection,
    order: OrderId,
    state: State,
    expires_at: Option<Timestamp>,
) -> Result<()> {
    sqlx::query("INSERT INTO reservations (order_id, state, expires_at, changed_at) VALUES (?, ?, ?, ?)")
        .bind(order.to_string())
        .bind(state.as_str())
        .bind(expires_at.map(Timestamp::as_micros))
        .bind(Timestamp::now().as_micros())
        .execute(tx)
        .await?;
    Ok(())
}

async fn insert_item(
    tx: &mut SqliteConnection,
    order: OrderId,
    line: usize,
    item: &ReservedItem,
) -> Result<()> {
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
    .execute(tx)
    .await?;
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
            let quantity = converted::<_, i64, Quantity>(row, "quantity")?;
            Ok(ReservedItem { sku: parsed(row, "sku")?, quantity, unit_price: to_price(row)? })
        })
        .collect()
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
