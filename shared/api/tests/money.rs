use api::items::Quantity;
use api::money::{Currency, Money, MoneyError};
use proptest::prelude::*;

proptest! {
    #[test]
    fn sums_are_exact_or_refused(a: i64, b: i64) {
        let wide = i128::from(a) + i128::from(b);
        match Money::eur(a).checked_add(Money::eur(b)) {
            Ok(sum) => prop_assert_eq!(i128::from(sum.amount_minor), wide),
            Err(error) => {
                prop_assert_eq!(error, MoneyError::Overflow);
                prop_assert!(i64::try_from(wide).is_err());
            }
        }
    }

    #[test]
    fn products_are_exact_or_refused(price: i64, pieces in 1i64..=1000) {
        let wide = i128::from(price) * i128::from(pieces);
        match Money::eur(price).checked_mul(Quantity::try_from(pieces).unwrap()) {
            Ok(total) => prop_assert_eq!(i128::from(total.amount_minor), wide),
            Err(error) => {
                prop_assert_eq!(error, MoneyError::Overflow);
                prop_assert!(i64::try_from(wide).is_err());
            }
        }
    }

    #[test]
    fn only_three_capitals_are_a_currency(text in "\\PC{0,4}") {
        let three_capitals = text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase());
        prop_assert_eq!(text.parse::<Currency>().is_ok(), three_capitals);
    }

    #[test]
    fn quantities_are_1_to_1000(pieces: i64) {
        prop_assert_eq!(Quantity::try_from(pieces).is_ok(), (1..=1000).contains(&pieces));
    }
}

#[test]
fn currencies_do_not_mix() {
    let dollars = Money { amount_minor: 1, currency: "USD".parse().unwrap() };
    assert_eq!(Money::eur(1).checked_add(dollars), Err(MoneyError::MixedCurrencies));
    assert_eq!(serde_json::to_string(&dollars).unwrap(), r#"{"amount_minor":1,"currency":"USD"}"#);
}
