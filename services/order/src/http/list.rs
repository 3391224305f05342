//! `GET /orders`: pages of orders, newest first.

use super::App;
use crate::domain::ListQuery;
use api::{ids::OrderId, order::OrderList, problem::ProblemKind};
use axum::{Json, extract::State};
use service_kit::{error::ApiError, extract::ApiQuery};
use std::{str::FromStr, sync::Arc};

const DEFAULT_LIMIT: u32 = 20;
const MOST_LIMIT: u32 = 100;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    customer_id: Option<String>,
    status: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    ApiQuery(parameters): ApiQuery<Parameters>,
) -> Result<Json<OrderList>, ApiError> {
    let mut query = query(&parameters)?;
    let limit = query.limit as usize;
    // One more than asked for tells whether there is another page.
    query.limit += 1;
    let mut orders: Vec<_> = app.store.list(&query).await?.into_iter().map(|stored| stored.order).collect();
    let more = orders.len() > limit;
    orders.truncate(limit);
    let next_cursor = orders.last().filter(|_| more).map(|last| last.id.to_string());
    Ok(Json(OrderList { orders, next_cursor }))
}

fn query(parameters: &Parameters) -> Result<ListQuery, ApiError> {
    let limit = match &parameters.limit {
        None => DEFAULT_LIMIT,
        Some(text) => {
            let limit = text.parse().ok().filter(|limit| (1..=MOST_LIMIT).contains(limit));
            limit.ok_or_else(|| wrong("`limit` is a whole number from 1 to 100"))?
        }
    };
    Ok(ListQuery {
        customer_id: parsed(parameters.customer_id.as_deref(), "`customer_id` is no customer's id")?,
        status: parsed(parameters.status.as_deref(), "`status` is no order's status")?,
        before: parsed::<OrderId>(parameters.cursor.as_deref(), "`cursor` is the `next_cursor` of a page")?,
        limit,
    })
}

fn parsed<T: FromStr>(text: Option<&str>, takes: &'static str) -> Result<Option<T>, ApiError> {
    text.map(|text| text.parse().map_err(|_| wrong(takes))).transpose()
}

fn wrong(takes: &'static str) -> ApiError {
    ApiError::new(ProblemKind::InvalidValues, takes)
}
