//! An order from its request to its outcome. Knows no web framework, no database and no telemetry.

use api::{
    customer::CustomerId,
    ids::{OrderId, TransactionId},
    inventory::Reservation,
    items::Items,
    money::{Money, MoneyError},
    order::{Order, OrderItem, OrderPayment, OrderStatus},
    timestamp::Timestamp,
};

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
}

impl Draft {
    /// A draft with a fresh id, placed now.
    pub fn new(customer_id: CustomerId, items: Items) -> Self {
        Self { id: OrderId::new(), customer_id, items, created_at: Timestamp::now() }
    }

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

    /// The order with what was reserved for it, at the catalogue's prices.
    pub fn priced(&self, reservation: Reservation) -> Result<Order, MoneyError> {
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
            ..self.unpriced(OrderStatus::Pending)
        })
    }
}

fn total(reservation: &Reservation) -> Result<Money, MoneyError> {
    let mut prices = reservation.items.iter().map(|item| item.unit_price.checked_mul(item.quantity));
    let first = prices.next().unwrap_or(Ok(Money::eur(0)))?;
    prices.try_fold(first, |sum, price| sum.checked_add(price?))
}

/// How a pending order ends. Every outcome is final, but for a confirmed order that is cancelled later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Reserved and paid.
    Confirmed(OrderPayment),
    /// The card was declined; the stock is free again.
    Declined,
    /// Given up for a technical reason; the stock is free again.
    Failed,
}

impl Outcome {
    /// The status an order has after it.
    pub fn status(&self) -> OrderStatus {
        match self {
            Self::Confirmed(_) => OrderStatus::Confirmed,
            Self::Declined => OrderStatus::Declined,
            Self::Failed => OrderStatus::Failed,
        }
    }

    /// The charge, if there is one.
    pub fn payment(&self) -> Option<(TransactionId, &str)> {
        match self {
            Self::Confirmed(payment) => Some((payment.transaction_id, &payment.card_last4)),
            Self::Declined | Self::Failed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::{
        inventory::ReservedItem,
        items::{Item, Quantity},
    };

    fn item(sku: &str, pieces: i64) -> Item {
        Item { sku: sku.parse().unwrap(), quantity: Quantity::try_from(pieces).unwrap() }
    }

    #[test]
    fn a_priced_order_adds_up() {
        let items = vec![item("TEA-EARL-GREY", 2), item("POT-GLASS", 1)];
        let draft = Draft::new("c-1042".parse().unwrap(), items.clone().try_into().unwrap());
        let prices = [1250, 3990];
        let reserved = items.into_iter().zip(prices).map(|(item, price)| ReservedItem {
            sku: item.sku,
            quantity: item.quantity,
            unit_price: Money::eur(price),
        });
        let order = draft.priced(Reservation { order_id: draft.id, items: reserved.collect() }).unwrap();
        assert_eq!(order.total, Some(Money::eur(2 * 1250 + 3990)));
        assert_eq!(order.status, OrderStatus::Pending);
        assert_eq!(order.id, draft.id);
    }

    #[test]
    fn what_does_not_fit_into_money_is_an_error() {
        let items = vec![item("GOLD", 1000)];
        let draft = Draft::new("c-1".parse().unwrap(), items.try_into().unwrap());
        let reserved = ReservedItem {
            sku: "GOLD".parse().unwrap(),
            quantity: Quantity::try_from(1000).unwrap(),
            unit_price: Money::eur(i64::MAX),
        };
        let reservation = Reservation { order_id: draft.id, items: vec![reserved] };
        assert_eq!(draft.priced(reservation), Err(MoneyError::Overflow));
    }
}
