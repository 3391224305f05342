//! An order from its request to its outcome. Knows no web framework, no database and no tracing.

use api::{
    customer::CustomerId,
    ids::OrderId,
    inventory::Reservation,
    items::Items,
    money::{Money, MoneyError},
    order::{Order, OrderItem, OrderPayment, OrderStatus},
    problem::Problem,
    timestamp::Timestamp,
};
use std::str::FromStr;

/// An order that has an id and nothing else yet.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Its id, under which every service knows it.
    pub id: OrderId,
    /// Who orders.
    pub customer_id: CustomerId,
    /// What.
    pub items: Items,
    /// When it came.
    pub created_at: Timestamp,
    /// The operator who placed it for the customer, if one did.
    pub placed_by: Option<String>,
}

/// Who asks for an order that is there already.
#[derive(Debug, Clone, Default)]
pub struct Asker {
    /// The customer whose order it must be. Without one it may be anybody's.
    pub owner: Option<CustomerId>,
    /// The operator who does it for the customer, if one does.
    pub operator: Option<String>,
}

impl Draft {
    /// The order as it is before its stock is reserved: without prices.
    pub fn unpriced(&self, status: OrderStatus) -> Order {
        let items = self.items.as_slice().iter();
        Order {
            id: self.id,
            status,
            customer_id: self.customer_id.clone(),
            items: items
                .map(|item| OrderItem { sku: item.sku.clone(), quantity: item.quantity, unit_price: None })
                .collect(),
            total: None,
            payment: None,
            created_at: self.created_at,
        }
    }
}

/// `order` with what was reserved for it, at the catalogue's prices.
pub fn priced(order: Order, reservation: Reservation) -> Result<Order, MoneyError> {
    let total = total(&reservation)?;
    let items = reservation.items.into_iter();
    Ok(Order {
        total: Some(total),
        items: items
            .map(|item| OrderItem {
                sku: item.sku,
                quantity: item.quantity,
                unit_price: Some(item.unit_price),
            })
            .collect(),
        ..order
    })
}

fn total(reservation: &Reservation) -> Result<Money, MoneyError> {
    let mut prices = reservation.items.iter().map(|item| item.unit_price.checked_mul(item.quantity));
    let first = prices.next().unwrap_or(Ok(Money::eur(0)))?;
    prices.try_fold(first, |sum, price| sum.checked_add(price?))
}

/// What an order still has to do. An order without a step is at rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Accepted: its stock is to be reserved.
    Reserve,
    /// Reserved: its card is to be charged.
    Charge,
    /// Come to nothing: what was charged is to be refunded, what was reserved released.
    Undo,
    /// To be cancelled: its charge is to be refunded.
    Cancel,
}

impl Step {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Charge => "charge",
            Self::Undo => "undo",
            Self::Cancel => "cancel",
        }
    }
}

impl FromStr for Step {
    type Err = UnknownStep;

    fn from_str(text: &str) -> Result<Self, UnknownStep> {
        [Self::Reserve, Self::Charge, Self::Undo, Self::Cancel]
            .into_iter()
            .find(|step| step.as_str() == text)
            .ok_or(UnknownStep)
    }
}

/// A database holds a step that this version does not know.
#[derive(Debug, thiserror::Error)]
#[error("a step is reserve, charge, undo or cancel")]
pub struct UnknownStep;

/// How a pending order ends. Every outcome is final, but for a confirmed order that is cancelled later.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Reserved and paid.
    Confirmed(OrderPayment),
    /// Not to be had; nothing was reserved.
    Rejected(Problem),
    /// The card was declined; the stock is to be released.
    Declined(Problem),
    /// Given up for a technical reason; the stock is to be released, and a charge refunded if there is one.
    Failed(Problem),
}

impl Outcome {
    /// The status an order has after it.
    pub fn status(&self) -> OrderStatus {
        match self {
            Self::Confirmed(_) => OrderStatus::Confirmed,
            Self::Rejected(_) => OrderStatus::Rejected,
            Self::Declined(_) => OrderStatus::Declined,
            Self::Failed(_) => OrderStatus::Failed,
        }
    }

    /// What is left to do after it.
    pub fn step(&self) -> Option<Step> {
        match self {
            Self::Confirmed(_) | Self::Rejected(_) => None,
            Self::Declined(_) | Self::Failed(_) => Some(Step::Undo),
        }
    }

    /// The charge, if there is one.
    pub fn payment(&self) -> Option<&OrderPayment> {
        match self {
            Self::Confirmed(payment) => Some(payment),
            Self::Rejected(_) | Self::Declined(_) | Self::Failed(_) => None,
        }
    }

    /// Why it came to nothing, if it did.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Confirmed(_) => None,
            Self::Rejected(problem) | Self::Declined(problem) | Self::Failed(problem) => Some(problem),
        }
    }
}

/// Which orders a list asks for, newest first.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// Only this customer's.
    pub customer_id: Option<CustomerId>,
    /// Only those of this status.
    pub status: Option<OrderStatus>,
    /// Only those before this one, which the page before ended with.
    pub before: Option<OrderId>,
    /// At most so many.
    pub limit: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::{
        inventory::ReservedItem,
        items::{Item, Quantity},
    };

    fn draft(items: Vec<Item>) -> Draft {
        Draft {
            placed_by: None,
            id: OrderId::new(),
            customer_id: "c-1042".parse().unwrap(),
            items: items.try_into().unwrap(),
            created_at: Timestamp::now(),
        }
    }

    fn item(sku: &str, pieces: i64) -> Item {
        Item { sku: sku.parse().unwrap(), quantity: Quantity::try_from(pieces).unwrap() }
    }

    fn at_price(item: Item, price: i64) -> ReservedItem {
        ReservedItem { sku: item.sku, quantity: item.quantity, unit_price: Money::eur(price) }
    }

    #[test]
    fn a_priced_order_adds_up() {
        let items = vec![item("TEA-EARL-GREY", 2), item("POT-GLASS", 1)];
        let draft = draft(items.clone());
        let reserved = items.into_iter().zip([1250, 3990]).map(|(item, price)| at_price(item, price));
        let reservation = Reservation { order_id: draft.id, items: reserved.collect() };
        let order = priced(draft.unpriced(OrderStatus::Pending), reservation).unwrap();
        assert_eq!(order.total, Some(Money::eur(2 * 1250 + 3990)));
        assert_eq!(order.status, OrderStatus::Pending);
        assert_eq!(order.id, draft.id);
    }

    #[test]
    fn what_does_not_fit_into_money_is_an_error() {
        let draft = draft(vec![item("GOLD", 1000)]);
        let reserved = at_price(item("GOLD", 1000), i64::MAX);
        let reservation = Reservation { order_id: draft.id, items: vec![reserved] };
        assert_eq!(priced(draft.unpriced(OrderStatus::Pending), reservation), Err(MoneyError::Overflow));
    }

    #[test]
    fn steps_have_names() {
        for step in [Step::Reserve, Step::Charge, Step::Undo, Step::Cancel] {
            assert_eq!(step.as_str().parse::<Step>().unwrap(), step);
        }
        assert!("dance".parse::<Step>().is_err());
    }
}
