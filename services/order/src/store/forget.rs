//! Forgetting a customer: their orders stay, for the money must be accounted for, but nothing says whose they were.

pub(super) mod postgres;
pub(super) mod sqlite;

use api::customer::CustomerId;
use telemetry::audit::{Act, Actor};
use uuid::Builder;

/// What became of the wish to forget a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgotten {
    /// Nothing of them is left in so many orders.
    Done {
        /// Orders that were theirs.
        orders: u64,
    },
    /// So many orders are still under way, and must know whose they are: nothing was changed.
    UnderWay {
        /// Orders of theirs that are not at rest.
        orders: u64,
    },
}

/// Whose the orders are from now on: nobody's, but the same nobody's.
fn nobody() -> CustomerId {
    loop {
        let id = format!("forgotten-{}", Builder::from_random_bytes(rand::random()).into_uuid());
        // One in some thousands looks like a card number, which no id may.
        if let Ok(id) = id.parse() {
            return id;
        }
    }
}

fn act(customer: &CustomerId, actor: Actor, orders: u64) -> Act<'_> {
    Act { customer_id: Some(customer.as_str()), count: Some(orders), ..Act::new("customer.forgotten", actor) }
}
