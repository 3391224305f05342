//! The SQL for SQLite. Ids are texts and times are microseconds since 1970.

use api::ids::{OrderId, TransactionId};
use api::money::Money;
use api::payment::ChargeRequest;
use api::timestamp::Timestamp;
use service_kit::database::parsed;
use service_kit::sqlite::Sqlite;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::Result;
use crate::domain::{Opened, Settled, State};

pub(super) async fn open(sqlite: &Sqlite, request: &ChargeRequest) -> Result<Opened> {
    let mut tx = sqlite.begin().await?;
    sqlx::query(
        "INSERT INTO charges (order_id, transaction_id, amount_minor, currency, method, card_last4, state, changed_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (order_id) DO NOTHING",
    )
    .bind(request.order_id.to_string())
    .bind(TransactionId::new().to_string())
    .bind(request.amount.amount_minor)
    .bind(request.amount.currency.as_str())
    .bind(request.method.as_str())
    .bind(request.card_number.last4())
    .bind(State::Open.as_str())
    .bind(Timestamp::now().as_micros())
    .execute(&mut *tx)
    .await?;
    let row = sqlx::query("SELECT * FROM charges WHERE order_id = ?")
        .bind(request.order_id.to_string())
        .fetch_one(&mut *tx)
        .await?;
    tx.commit().await?;
    to_opened(&row, request)
}

pub(super) async fn close(sqlite: &Sqlite, order: OrderId, state: State) -> Result<Settled> {
    let mut tx = sqlite.begin().await?;
    let changed = advance(&mut tx, order, State::Open, state).await?;
    let settled = settled(&mut tx, order, changed).await?;
    tx.commit().await?;
    Ok(settled)
}

pub(super) async fn void(sqlite: &Sqlite, order: OrderId) -> Result<Settled> {
    let mut tx = sqlite.begin().await?;
    let tombstone = sqlx::query(
        "INSERT INTO charges (order_id, state, changed_at) VALUES (?, ?, ?) ON CONFLICT (order_id) DO NOTHING",
    )
    .bind(order.to_string())
    .bind(State::Voided.as_str())
    .bind(Timestamp::now().as_micros())
    .execute(&mut *tx)
    .await?;
    let changed =
        tombstone.rows_affected() == 1 || advance(&mut tx, order, State::Open, State::Voided).await?;
    let settled = settled(&mut tx, order, changed).await?;
    tx.commit().await?;
    Ok(settled)
}

pub(super) async fn refunded(sqlite: &Sqlite, order: OrderId) -> Result<bool> {
    let mut tx = sqlite.begin().await?;
    let changed = advance(&mut tx, order, State::Approved, State::Refunded).await?;
    tx.commit().await?;
    Ok(changed)
}

/// Moves the charge on if it is in the state it should be moved on from.
async fn advance(tx: &mut SqliteConnection, order: OrderId, from: State, to: State) -> Result<bool> {
    let update = sqlx::query("UPDATE charges SET state = ?, changed_at = ? WHERE order_id = ? AND state = ?")
        .bind(to.as_str())
        .bind(Timestamp::now().as_micros())
        .bind(order.to_string())
        .bind(from.as_str());
    Ok(update.execute(tx).await?.rows_affected() == 1)
}

async fn settled(tx: &mut SqliteConnection, order: OrderId, changed: bool) -> Result<Settled> {
    let row = sqlx::query("SELECT transaction_id, state FROM charges WHERE order_id = ?")
        .bind(order.to_string())
        .fetch_one(tx)
        .await?;
    let transaction = match row.try_get::<Option<&str>, _>("transaction_id")? {
        Some(_) => Some(parsed(&row, "transaction_id")?),
        None => None,
    };
    Ok(Settled { transaction, state: parsed(&row, "state")?, changed })
}

fn to_opened(row: &SqliteRow, request: &ChargeRequest) -> Result<Opened> {
    if row.try_get::<Option<&str>, _>("transaction_id")?.is_none() {
        return Ok(Opened::TakenBack);
    }
    let amount = Money { amount_minor: row.try_get("amount_minor")?, currency: parsed(row, "currency")? };
    let same = amount == request.amount
        && row.try_get::<&str, _>("method")? == request.method.as_str()
        && row.try_get::<&str, _>("card_last4")? == request.card_number.last4();
    if !same {
        return Ok(Opened::OtherCharge);
    }
    Ok(Opened::Charge { transaction: parsed(row, "transaction_id")?, state: parsed(row, "state")? })
}
