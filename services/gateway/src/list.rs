//! Find orders: check what is asked for, so that the order service hears of sound questions only.

use std::str::FromStr;

use api::Invalid;
use api::customer::CustomerId;
use api::order::{OrderList, OrderStatus};
use api::problem::FieldError;
use serde::Deserialize;
use service_kit::deadline::Deadline;
use service_kit::error::ApiError;
use telemetry::Telemetry;
use telemetry::span;
use utoipa::IntoParams;

use crate::access::Reach;
use crate::clients::Clients;

/// The query of `GET /api/orders` as it came.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NewOrderQuery {
    /// Whose orders.
    #[param(value_type = Option<CustomerId>, nullable = false)]
    customer_id: Option<String>,
    /// Orders that have come this far.
    #[param(value_type = Option<OrderStatus>, nullable = false)]
    status: Option<String>,
    /// How many on a page; 20 if it is not said.
    #[param(value_type = Option<i32>, nullable = false, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    #[param(nullable = false, pattern = "^[!-~]{1,200}$")]
    cursor: Option<String>,
}

/// Which orders, and which page of them.
#[derive(Debug)]
pub(crate) struct OrderQuery {
    customer_id: Option<CustomerId>,
    status: Option<OrderStatus>,
    limit: Limit,
    cursor: Option<Cursor>,
}

/// Orders on a page: 1 to 100.
#[derive(Debug)]
struct Limit(u8);

impl FromStr for Limit {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.parse() {
            Ok(limit @ 1..=100) => Ok(Self(limit)),
            _ => Err(Invalid::new("a limit is a whole number from 1 to 100")),
        }
    }
}

/// A page's `next_cursor`, which means something to the order service only.
#[derive(Debug)]
struct Cursor(String);

impl FromStr for Cursor {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if (1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new("a cursor is the `next_cursor` of an earlier page"))
        }
    }
}

impl NewOrderQuery {
    /// Names every bad parameter, with a pointer as if the query were an object.
    fn validate(&self) -> Result<OrderQuery, Vec<FieldError>> {
        let mut errors = Vec::new();
        let query = OrderQuery {
            customer_id: read(self.customer_id.as_deref(), "/customer_id", &mut errors),
            status: read(self.status.as_deref(), "/status", &mut errors),
            limit: read(self.limit.as_deref(), "/limit", &mut errors).unwrap_or(Limit(20)),
            cursor: read(self.cursor.as_deref(), "/cursor", &mut errors),
        };
        if errors.is_empty() { Ok(query) } else { Err(errors) }
    }
}

fn read<T: FromStr<Err = Invalid>>(
    text: Option<&str>,
    pointer: &str,
    errors: &mut Vec<FieldError>,
) -> Option<T> {
    let value = text?.parse::<T>();
    value.map_err(|error| errors.push(FieldError::new(pointer, error.to_string()))).ok()
}

impl OrderQuery {
    /// The query of `GET /orders`.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&'static str, String)> {
        let customer_id = self.customer_id.as_ref().map(|id| ("customer_id", id.as_str().to_owned()));
        let status = self.status.map(|status| ("status", status.to_string()));
        let cursor = self.cursor.as_ref().map(|cursor| ("cursor", cursor.0.clone()));
        let limit = Some(("limit", self.limit.0.to_string()));
        [customer_id, status, limit, cursor].into_iter().flatten()
    }
}

pub(crate) async fn list(
    clients: &Clients,
    telemetry: &Telemetry,
    query: NewOrderQuery,
    reach: &Reach,
    deadline: Deadline,
) -> Result<OrderList, ApiError> {
    let query = NewOrderQuery { customer_id: reach.narrow(query.customer_id)?, ..query };
    let query = query.validate().map_err(ApiError::invalid)?;
    if let Some(id) = &query.customer_id {
        span::customer(&telemetry.customer_ref(id.as_str()));
    }
    Ok(clients.orders(&query, deadline).await?)
}
