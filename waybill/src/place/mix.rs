//! Orders as a shop sees them: different products, customers and cards, and some that come to nothing.

use super::order;
use rand::random_range;
use serde_json::Value;

/// What there is enough of, however long the load lasts.
const IN_STOCK: [&str; 8] = [
    "TEA-ASSAM",
    "TEA-DARJEELING",
    "TEA-EARL-GREY",
    "TEA-JASMINE",
    "TEA-SENCHA",
    "CUP-STONEWARE",
    "STRAINER-STEEL",
    "BOOK-SLOW-BREWING",
];
const OUT_OF_STOCK: &str = "POT-CAST-IRON";

const ACCEPTED: &str = "4242424242424242";
const DECLINED: &str = "4000000000000002";
const INSUFFICIENT_FUNDS: &str = "4000000000009995";

/// An order by chance: of a hundred, 6 are declined, 4 lack the money, and 5 ask for something out of stock.
pub(super) fn draw() -> Value {
    of_kind(random_range(0..100))
}

fn of_kind(kind: u32) -> Value {
    let customer = format!("c-{}", random_range(1001..=1050));
    let sku = IN_STOCK.get(random_range(0..IN_STOCK.len())).copied().unwrap_or_default();
    let quantity = random_range(1..=3);
    match kind {
        0..6 => order(&customer, sku, quantity, DECLINED),
        6..10 => order(&customer, sku, quantity, INSUFFICIENT_FUNDS),
        10..15 => order(&customer, OUT_OF_STOCK, 1, ACCEPTED),
        _ => order(&customer, sku, quantity, ACCEPTED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn most_are_good_and_all_are_valid() {
        let mut kinds = BTreeMap::<_, u32>::new();
        for kind in 0..100 {
            let order: api::order::NewOrder = serde_json::from_value(of_kind(kind)).unwrap();
            order.validate().unwrap();
            let text = of_kind(kind).to_string();
            let words = [DECLINED, INSUFFICIENT_FUNDS, OUT_OF_STOCK];
            let word = words.into_iter().find(|word| text.contains(word)).unwrap_or("good");
            *kinds.entry(word).or_default() += 1;
        }
        let expected = [(DECLINED, 6), (INSUFFICIENT_FUNDS, 4), (OUT_OF_STOCK, 5), ("good", 85)];
        assert_eq!(kinds, BTreeMap::from(expected));
    }
}
