//! The books of all services, laid side by side: what must be true when nothing is under way.

use crate::{Database, Stack};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use testkit::eventually_within;

/// What an orders database may be given to come to rest: its limit for pending orders and some.
const LIMIT: Duration = Duration::from_secs(90);

/// Pieces on hand by product.
pub type Stock = BTreeMap<String, i64>;

impl Stack {
    /// What is in stock now: to be taken before any order.
    pub async fn stock(&self) -> Stock {
        let query = "SELECT sku, CAST(on_hand AS TEXT) FROM products";
        let rows = self.database("inventory").rows(query).await;
        rows.into_iter().map(|row| (row[0].clone(), number(&row[1]))).collect()
    }

    /// Waits until no order is under way, no stock set aside, no charge open and no event on its way.
    pub async fn at_rest(&self) {
        let under_way = [
            ("order", "orders WHERE status = 'pending' OR step IS NOT NULL"),
            ("order", "outbox"),
            ("payment", "charges WHERE state = 'open'"),
            ("inventory", "reservations WHERE state = 'held'"),
            ("inventory", "products WHERE reserved > 0"),
        ];
        for (service, what) in under_way {
            let database = self.database(service);
            let mut left = String::new();
            let rest = async || {
                left = format!("{} of {what}", database.count(what).await);
                left.starts_with("0 ").then_some(())
            };
            eventually_within(LIMIT, &format!("the end of all {what}"), rest).await;
        }
    }

    /// Waits for rest, then panics unless the books agree: orders, charges and stock, each with the others.
    /// `seeded` is the stock of the beginning. Returns each order's status.
    pub async fn assert_books(&self, seeded: &Stock) -> BTreeMap<String, String> {
        self.at_rest().await;
        let (orders, payment, inventory) =
            (self.database("order"), self.database("payment"), self.database("inventory"));
        assert_eq!(orders.count("dead_letters").await, 0, "events were given up");
        let confirmed = column(&orders, "id", "orders WHERE status = 'confirmed'").await;
        assert_charges(&orders, &payment).await;

        // Events that have left the outbox may still be on their way.
        let mut sold = BTreeSet::new();
        let agree = async || {
            sold = column(&inventory, "order_id", "reservations WHERE state = 'sold'").await;
            (sold == confirmed).then_some(())
        };
        eventually_within(LIMIT, "what is sold to be what is confirmed", agree).await;
        assert_stock(&orders, &inventory, seeded).await;
        let rows = orders.rows("SELECT CAST(id AS TEXT), status FROM orders").await;
        rows.into_iter().map(|row| (row[0].clone(), row[1].clone())).collect()
    }
}

/// Exactly the confirmed orders have been paid for, once, in full, under the transaction id they tell.
async fn assert_charges(orders: &Database, payment: &Database) {
    let charges = payment
        .rows(
            "SELECT CAST(order_id AS TEXT), CAST(transaction_id AS TEXT), CAST(amount_minor AS TEXT)
             FROM charges WHERE state = 'approved' ORDER BY 1",
        )
        .await;
    let paid = orders
        .rows(
            "SELECT CAST(id AS TEXT), CAST(transaction_id AS TEXT), CAST(total_minor AS TEXT)
             FROM orders WHERE status = 'confirmed' ORDER BY 1",
        )
        .await;
    assert_eq!(charges, paid, "money is held for exactly what is confirmed");
    let twice =
        payment.count("(SELECT order_id FROM charges GROUP BY order_id HAVING count(*) > 1) AS x").await;
    assert_eq!(twice, 0, "nobody was charged twice");
}

/// What is on hand and what was sold add up to what there was.
async fn assert_stock(orders: &Database, inventory: &Database, seeded: &Stock) {
    let sold = orders
        .rows(
            "SELECT sku, CAST(sum(quantity) AS TEXT) FROM order_items
             JOIN orders ON orders.id = order_items.order_id WHERE status = 'confirmed' GROUP BY sku",
        )
        .await;
    let sold: Stock = sold.into_iter().map(|row| (row[0].clone(), number(&row[1]))).collect();
    let query = "SELECT sku, CAST(on_hand AS TEXT), CAST(reserved AS TEXT) FROM products";
    for row in inventory.rows(query).await {
        let sold = sold.get(&row[0]).copied().unwrap_or(0);
        assert_eq!((number(&row[1]) + sold, row[2].as_str()), (seeded[&row[0]], "0"), "{row:?}, {sold} sold");
    }
}

/// A column `of` some rows.
async fn column(database: &Database, name: &str, of: &str) -> BTreeSet<String> {
    let rows = database.rows(&format!("SELECT CAST({name} AS TEXT) FROM {of}")).await;
    rows.into_iter().map(|row| row[0].clone()).collect()
}

fn number(text: &str) -> i64 {
    text.parse().expect("a number")
}
