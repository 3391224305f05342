//! The SQL for PostgreSQL. Each statement is a transaction of its own: none of them undoes what another one sees,
//! because a charge that is not open any more never becomes open again.

use api::ids::{OrderId, TransactionId};
use api::money::Money;
use api::payment::ChargeRequest;
use api::timestamp::Timestamp;
use service_kit::database::parsed;
use service_kit::postgres::Postgres;
use sqlx::Row;
use sqlx::postgres::PgRow;
use sqlx::types::Uuid;
use sqlx::types::time::OffsetDateTime;

use super::Result;
use crate::domain::{Opened, Settled, State};

pub(super) async fn open(postgres: &Postgres, request: &ChargeRequest) -> Result<Opened> {
    let inserted = sqlx::query(
        "INSERT INTO charges (order_id, transaction_id, amount_minor, currency, method, card_last4, state, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (order_id) DO NOTHING RETURNING *",
    )
    .bind(Uuid::from(request.order_id))
    .bind(Uuid::from(TransactionId::new()))
    .bind(request.amount.amount_minor)
    .bind(request.amount.currency.as_str())
    .bind(request.method.as_str())
    .bind(request.card_number.last4())
    .bind(State::Open.as_str())
    .bind(OffsetDateTime::from(Timestamp::now()))
    .fetch_optional(postgres.pool())
    .await?;
    let row = match inserted {
        Some(row) => row,
        None => {
            sqlx::query("SELECT * FROM charges WHERE order_id = $1")
                .bind(Uuid::from(request.order_id))
                .fetch_one(postgres.pool())
                .await?
        }
    };
    to_opened(&row, request)
}

pub(super) async fn close(postgres: &Postgres, order: OrderId, state: State) -> Result<Settled> {
    match advance(postgres, order, State::Open, state).await? {
        Some(settled) => Ok(settled),
        None => settled(postgres, order).await,
    }
}

pub(super) async fn void(postgres: &Postgres, order: OrderId) -> Result<Settled> {
    let tombstone = sqlx::query(
        "INSERT INTO charges (order_id, state, changed_at) VALUES ($1, $2, $3) ON CONFLICT (order_id) DO NOTHING",
    )
    .bind(Uuid::from(order))
    .bind(State::Voided.as_str())
    .bind(OffsetDateTime::from(Timestamp::now()))
    .execute(postgres.pool())
    .await?;
    if tombstone.rows_affected() == 1 {
        return Ok(Settled { transaction: None, state: State::Voided, changed: true });
    }
    match advance(postgres, order, State::Open, State::Voided).await? {
        Some(settled) => Ok(settled),
        None => settled(postgres, order).await,
    }
}

pub(super) async fn refunded(postgres: &Postgres, order: OrderId) -> Result<bool> {
    Ok(advance(postgres, order, State::Approved, State::Refunded).await?.is_some())
}

/// Moves the charge on if it is in the state it should be moved on from.
async fn advance(postgres: &Postgres, order: OrderId, from: State, to: State) -> Result<Option<Settled>> {
    let row = sqlx::query(
        "UPDATE charges SET state = $1, changed_at = $2 WHERE order_id = $3 AND state = $4
         RETURNING transaction_id, state",
    )
    .bind(to.as_str())
    .bind(OffsetDateTime::from(Timestamp::now()))
    .bind(Uuid::from(order))
    .bind(from.as_str())
    .fetch_optional(postgres.pool())
    .await?;
    row.map(|row| to_settled(&row, true)).transpose()
}

async fn settled(postgres: &Postgres, order: OrderId) -> Result<Settled> {
    let row = sqlx::query("SELECT transaction_id, state FROM charges WHERE order_id = $1")
        .bind(Uuid::from(order))
        .fetch_one(postgres.pool())
        .await?;
    to_settled(&row, false)
}

fn to_settled(row: &PgRow, changed: bool) -> Result<Settled> {
    Ok(Settled { transaction: transaction(row)?, state: parsed(row, "state")?, changed })
}

fn to_opened(row: &PgRow, request: &ChargeRequest) -> Result<Opened> {
    let Some(transaction) = transaction(row)? else { return Ok(Opened::TakenBack) };
    let amount = Money { amount_minor: row.try_get("amount_minor")?, currency: parsed(row, "currency")? };
    let same = amount == request.amount
        && row.try_get::<&str, _>("method")? == request.method.as_str()
        && row.try_get::<&str, _>("card_last4")? == request.card_number.last4();
    if !same {
        return Ok(Opened::OtherCharge);
    }
    Ok(Opened::Charge { transaction, state: parsed(row, "state")? })
}

fn transaction(row: &PgRow) -> Result<Option<TransactionId>> {
    let id: Option<Uuid> = row.try_get("transaction_id")?;
    id.map(TransactionId::try_from).transpose().map_err(|error| sqlx::Error::Decode(error.into()))
}
