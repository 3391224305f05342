//! Many orders in one request, each on its own.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::decode::{DecodeError, decode_json};
#[cfg(any(test, feature = "openapi"))]
use crate::order::NewOrder;
use crate::order::Order;
use crate::problem::Problem;

/// The most orders a batch may have.
pub const MOST_ORDERS: usize = 100;

/// The body of `POST /api/orders/batch`: 1 to [`MOST_ORDERS`] orders.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, remote = "Self")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(description = "Orders to be placed, each on its own."))]
pub struct BatchRequest {
    /// Each is read by itself: what is wrong with one of them is no matter of the others.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<NewOrder>, min_items = 1, max_items = 100))]
    pub orders: Vec<UnreadOrder>,
}

crate::only_from_objects!(BatchRequest);

/// What stands where an order should stand. It may hold a card number, so its `Debug` hides it.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct UnreadOrder(serde_json::Value);

impl UnreadOrder {
    /// Reads it as a body of its own; pointers in errors start at this order.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        decode_json(self.0.to_string().as_bytes())
    }
}

impl fmt::Debug for UnreadOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnreadOrder([redacted])")
    }
}

/// The answer to a batch: one result for each order, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchResults {
    /// The results.
    pub results: Vec<BatchResult>,
}

/// What the order would have been answered by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchResult {
    /// The HTTP status.
    #[cfg_attr(feature = "openapi", schema(value_type = i32, minimum = 200, maximum = 599))]
    pub status: u16,
    /// The order's own trace, 32 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(nullable = false, pattern = "^[0-9a-f]{32}$", examples("4bf92f3577b34da6a3ce929d0e0e4736"))
    )]
    pub trace_id: Option<String>,
    /// The body.
    #[serde(flatten)]
    pub outcome: BatchOutcome,
}

/// One of the two, under its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum BatchOutcome {
    /// The order that was placed or accepted.
    Order(Box<Order>),
    /// Why it was not.
    Problem(Box<Problem>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::ProblemKind;

    #[test]
    fn a_result_is_an_order_or_a_problem() {
        let outcome = BatchOutcome::Problem(Box::new(Problem::new(ProblemKind::CardDeclined)));
        let result = BatchResult { status: 402, trace_id: None, outcome };
        let json = serde_json::to_value(&result).unwrap();
        assert_eq!((&json["status"], &json["problem"]["status"]), (&402.into(), &402.into()));
        assert_eq!(serde_json::from_value::<BatchResult>(json).unwrap(), result);
    }

    #[test]
    fn an_order_is_read_by_itself_and_never_shown() {
        let body = r#"{"orders": [{"customer_id": 4242424242424242}, 7]}"#;
        let batch: BatchRequest = decode_json(body.as_bytes()).unwrap();
        assert!(!format!("{batch:?}").contains("4242"));
        let pointer = |order: &UnreadOrder| match order.read::<NewOrder>() {
            Err(DecodeError::Invalid(error)) => error.pointer,
            other => panic!("{other:?}"),
        };
        let pointers: Vec<_> = batch.orders.iter().map(pointer).collect();
        assert_eq!(pointers, ["/customer_id", ""]);
    }
}
