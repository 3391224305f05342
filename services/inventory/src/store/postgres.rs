//! The SQL for PostgreSQL. Whoever changes a reservation locks its row first, and then the rows of its products in the
//! order of their SKUs: so nobody sells what another one takes, and nobody waits for one who waits for him.

use api::ids::OrderId;
use api::inventory::{Product, Reservation, ReservedItem};
use api::items::{Item, Quantity, Sku};
use api::money::Money;
use api::timestamp::Timestamp;
use service_kit::database::{converted, parsed};
use service_kit::postgres::Postgres;
use sqlx::postgres::PgRow;
use sqlx::types::Uuid;
use sqlx::types::time::OffsetDateTime;
use sqlx::{PgConnection, Row};

use super::{Level, Result, places, reserved_before};
use crate::domain::{Outcome, ReserveOutcome, State, Step, Stock, Wish};

pub(super) async fn products(postgres: &Postgres) -> Result<Vec<Product>> {
    let rows = sqlx::query(
        "SELECT sku, name, price_minor, currency, on_hand - reserved AS available FROM products
         ORDER BY sku COLLATE \"C\"",
    )
    .fetch_all(postgres.pool())
    .await?;
    rows.iter().map(to_product).collect()
}

pub(super) async fn product(postgres: &Postgres, sku: &Sku) -> Result<Option<Product>> {
    let row = sqlx::query(
        "SELECT sku, name, price_minor, currency, on_hand - reserved AS available FROM products WHERE sku = $1",
    )
    .bind(sku.as_str())
    .fetch_optional(postgres.pool())
    .await?;
    row.as_ref().map(to_product).transpose()
}

pub(super) async fn levels(postgres: &Postgres) -> Result<Vec<Level>> {
    let rows = sqlx::query("SELECT sku, on_hand - reserved AS available, reserved FROM products")
        .fetch_all(postgres.pool())
        .await?;
    let level = |row: &PgRow| {
        Ok(Level {
            sku: row.try_get("sku")?,
            available: row.try_get("available")?,
            reserved: row.try_get("reserved")?,
        })
    };
    rows.iter().map(level).collect()
}

pub(super) async fn reserve(
    postgres: &Postgres,
    order: OrderId,
    items: &[Item],
    expires_at: Timestamp,
) -> Result<ReserveOutcome> {
    let mut tx = postgres.begin().await?;
    let outcome = if insert(&mut tx, order, State::Held, Some(expires_at)).await? {
        reserve_first(&mut tx, order, items).await?
    } else {
        reserve_again(&mut tx, order, items, expires_at).await?
    };
    if matches!(outcome, ReserveOutcome::Reserved(_)) {
        tx.commit().await?;
    } else {
        tx.rollback().await?;
    }
    Ok(outcome)
}

async fn reserve_again(
    tx: &mut PgConnection,
    order: OrderId,
    items: &[Item],
    expires_at: Timestamp,
) -> Result<ReserveOutcome> {
    let step = state(tx, order).await?.map_or(Step::TooLate, |state| state.step(Wish::Hold));
    if step == Step::TooLate {
        return Ok(ReserveOutcome::Released);
    }
    let outcome = reserved_before(order, reserved_items(tx, order).await?, items);
    if let (ReserveOutcome::Reserved(_), Step::To(next, stock)) = (&outcome, step) {
        let shelf = lock_shelf(tx, order).await?;
        let short = shelf.short();
        if !short.is_empty() {
            return Ok(ReserveOutcome::Short(places(items, &short)));
        }
        change(tx, order, next, stock, Some(expires_at)).await?;
    }
    Ok(outcome)
}

async fn reserve_first(tx: &mut PgConnection, order: OrderId, items: &[Item]) -> Result<ReserveOutcome> {
    let skus: Vec<&str> = items.iter().map(|item| item.sku.as_str()).collect();
    let quantities: Vec<i64> = items.iter().map(|item| item.quantity.into()).collect();
    let rows = sqlx::query(
        "SELECT sku, price_minor, currency, on_hand - reserved AS available FROM products
         WHERE sku = ANY($1) ORDER BY sku FOR UPDATE",
    )
    .bind(&skus)
    .fetch_all(&mut *tx)
    .await?;
    let (mut reserved, mut unknown, mut short) = (Vec::with_capacity(items.len()), Vec::new(), Vec::new());
    for (place, item) in items.iter().enumerate() {
        let row = rows.iter().find(|row| row.try_get("sku").is_ok_and(|sku: &str| sku == item.sku.as_str()));
        match row {
            None => unknown.push(place),
            Some(row) if row.try_get::<i64, _>("available")? < i64::from(item.quantity) => short.push(place),
            Some(row) => reserved.push(ReservedItem {
                sku: item.sku.clone(),
                quantity: item.quantity,
                unit_price: to_price(row)?,
            }),
        }
    }
    if !unknown.is_empty() {
        return Ok(ReserveOutcome::Unknown(unknown));
    }
    if !short.is_empty() {
        return Ok(ReserveOutcome::Short(short));
    }
    sqlx::query(
        "WITH wanted AS (
             SELECT sku, quantity, line - 1 AS line
             FROM unnest($2::text[], $3::bigint[]) WITH ORDINALITY AS wanted (sku, quantity, line)
         ), taken AS (
             UPDATE products p SET reserved = p.reserved + w.quantity FROM wanted w WHERE w.sku = p.sku
             RETURNING p.sku, p.price_minor, p.currency
         )
         INSERT INTO reservation_items (order_id, line, sku, quantity, price_minor, currency)
         SELECT $1, line, sku, quantity, price_minor, currency FROM wanted JOIN taken USING (sku)",
    )
    .bind(Uuid::from(order))
    .bind(&skus)
    .bind(&quantities)
    .execute(tx)
    .await?;
    Ok(ReserveOutcome::Reserved(Reservation { order_id: order, items: reserved }))
}

pub(super) async fn advance(postgres: &Postgres, order: OrderId, wish: Wish) -> Result<Outcome> {
    let mut tx = postgres.begin().await?;
    let noted = match wish.without_reservation() {
        Some(state) => insert(&mut tx, order, state, None).await?,
        None => false,
    };
    let outcome = if noted {
        Outcome::Noted
    } else {
        match state(&mut tx, order).await? {
            Some(state) => move_on(&mut tx, order, state, wish).await?,
            None => Outcome::NothingKnown,
        }
    };
    if matches!(outcome, Outcome::Done | Outcome::Noted) {
        tx.commit().await?;
    } else {
        tx.rollback().await?;
    }
    Ok(outcome)
}

pub(super) async fn expire_one(postgres: &Postgres, now: Timestamp) -> Result<Option<OrderId>> {
    let mut tx = postgres.begin().await?;
    // One that somebody is at just now is left to him, be it another instance's worker or the order itself.
    let overdue = sqlx::query(
        "SELECT order_id FROM reservations WHERE state = 'held' AND expires_at <= $1
         ORDER BY expires_at LIMIT 1 FOR UPDATE SKIP LOCKED",
    )
    .bind(OffsetDateTime::from(now))
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = overdue else {
        tx.rollback().await?;
        return Ok(None);
    };
    let order = converted::<_, Uuid, OrderId>(&row, "order_id")?;
    move_on(&mut tx, order, State::Held, Wish::Expire).await?;
    tx.commit().await?;
    Ok(Some(order))
}

async fn move_on(tx: &mut PgConnection, order: OrderId, state: State, wish: Wish) -> Result<Outcome> {
    let (next, stock) = match state.step(wish) {
        Step::To(next, stock) => (next, stock),
        Step::Nothing => return Ok(Outcome::Already),
        Step::TooLate => return Ok(Outcome::TooLate),
    };
    let shelf = lock_shelf(tx, order).await?;
    if stock.takes() {
        if shelf.0.is_empty() {
            return Ok(Outcome::NothingKnown);
        }
        let short = shelf.short();
        if !short.is_empty() {
            return Ok(Outcome::Short(short));
        }
    }
    change(tx, order, next, stock, None).await?;
    Ok(Outcome::Done)
}

/// The order's items, each with whether there is enough of it on the shelf.
struct Shelf(Vec<(Sku, bool)>);

impl Shelf {
    fn short(&self) -> Vec<Sku> {
        self.0.iter().filter(|(_, enough)| !enough).map(|(sku, _)| sku.clone()).collect()
    }
}

/// Locks the products of an order, in the order of their SKUs.
async fn lock_shelf(tx: &mut PgConnection, order: OrderId) -> Result<Shelf> {
    let rows = sqlx::query(
        "SELECT p.sku, p.on_hand - p.reserved >= i.quantity AS enough
         FROM products p JOIN reservation_items i ON i.sku = p.sku
         WHERE i.order_id = $1 ORDER BY p.sku FOR UPDATE OF p",
    )
    .bind(Uuid::from(order))
    .fetch_all(tx)
    .await?;
    let item = |row: &PgRow| Ok((parsed(row, "sku")?, row.try_get("enough")?));
    rows.iter().map(item).collect::<Result<_>>().map(Shelf)
}

/// Changes a reservation and the stock of its items. `expires_at` stays as it is when none is given.
async fn change(
    tx: &mut PgConnection,
    order: OrderId,
    state: State,
    stock: Stock,
    expires_at: Option<Timestamp>,
) -> Result<()> {
    sqlx::query(
        "WITH moved AS (
             UPDATE products p SET on_hand = on_hand + $2 * i.quantity, reserved = reserved + $3 * i.quantity
             FROM reservation_items i WHERE i.order_id = $1 AND i.sku = p.sku
         )
         UPDATE reservations SET state = $4, changed_at = $5, expires_at = coalesce($6, expires_at)
         WHERE order_id = $1",
    )
    .bind(Uuid::from(order))
    .bind(stock.on_hand)
    .bind(stock.reserved)
    .bind(state.as_str())
    .bind(OffsetDateTime::from(Timestamp::now()))
    .bind(expires_at.map(OffsetDateTime::from))
    .execute(tx)
    .await?;
    Ok(())
}

/// The state of a reservation, whose row is locked from here on.
async fn state(tx: &mut PgConnection, order: OrderId) -> Result<Option<State>> {
    let row = sqlx::query("SELECT state FROM reservations WHERE order_id = $1 FOR UPDATE")
        .bind(Uuid::from(order))
        .fetch_optional(tx)
        .await?;
    row.as_ref().map(|row| parsed(row, "state")).transpose()
}

/// False when the order has a reservation already. One that somebody is just making is waited for.
async fn insert(
    tx: &mut PgConnection,
    order: OrderId,
    state: State,
    expires_at: Option<Timestamp>,
) -> Result<bool> {
    let inserted = sqlx::query(
        "INSERT INTO reservations (order_id, state, expires_at, changed_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (order_id) DO NOTHING",
    )
    .bind(Uuid::from(order))
    .bind(state.as_str())
    .bind(expires_at.map(OffsetDateTime::from))
    .bind(OffsetDateTime::from(Timestamp::now()))
    .execute(tx)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

async fn reserved_items(tx: &mut PgConnection, order: OrderId) -> Result<Vec<ReservedItem>> {
    let rows = sqlx::query(
        "SELECT sku, quantity, price_minor, currency FROM reservation_items WHERE order_id = $1 ORDER BY line",
    )
    .bind(Uuid::from(order))
    .fetch_all(tx)
    .await?;
    rows.iter()
        .map(|row| {
            let quantity = converted::<_, i64, Quantity>(row, "quantity")?;
            Ok(ReservedItem { sku: parsed(row, "sku")?, quantity, unit_price: to_price(row)? })
        })
        .collect()
}

fn to_product(row: &PgRow) -> Result<Product> {
    Ok(Product {
        sku: parsed(row, "sku")?,
        name: row.try_get("name")?,
        unit_price: to_price(row)?,
        available: row.try_get("available")?,
    })
}

fn to_price(row: &PgRow) -> Result<Money> {
    Ok(Money { amount_minor: row.try_get("price_minor")?, currency: parsed(row, "currency")? })
}
