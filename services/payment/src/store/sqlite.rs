//! The SQL for SQLite.

use api::ids::{OrderId, TransactionId};
use api::money::Money;
use api::payment::ChargeRequest;
use api::timestamp::Timestamp;
use service_kit::sqlite::{Sqlite, parsed};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Opened, Result};
use crate::domain::State;

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
    let row = sqlx::query(
        "SELECT transaction_id, amount_minor, currency, method, card_last4, state FROM charges WHERE order_id = ?",
    )
    .bind(request.order_id.to_string())
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    to_opened(&row, request)
}

pub(super) async fn close(sqlite: &Sqlite, order: OrderId, state: State) -> Result<State> {
    let mut tx = sqlite.begin().await?;
    sqlx::query("UPDATE charges SET state = ?, changed_at = ? WHERE order_id = ? AND state = 'open'")
        .bind(state.as_str())
        .bind(Timestamp::now().as_micros())
        .bind(order.to_string())
        .execute(&mut *tx)
        .await?;
    let row = sqlx::query("SELECT state FROM charges WHERE order_id = ?")
        .bind(order.to_string())
        .fetch_one(&mut *tx)
        .await?;
    tx.commit().await?;
    parsed(&row, "state")
}

fn to_opened(row: &SqliteRow, request: &ChargeRequest) -> Result<Opened> {
    let amount = Money { amount_minor: row.try_get("amount_minor")?, currency: parsed(row, "currency")? };
    let same = amount == request.amount
        && row.try_get::<&str, _>("method")? == request.method.as_str()
        && row.try_get::<&str, _>("card_last4")? == request.card_number.last4();
    if !same {
        return Ok(Opened::OtherCharge);
    }
    Ok(Opened::Charge { transaction: parsed(row, "transaction_id")?, state: parsed(row, "state")? })
}
