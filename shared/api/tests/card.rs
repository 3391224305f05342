use api::card::{CardNumber, UncheckedCard, holds_card_number};
use proptest::prelude::*;

fn card(text: &str) -> Result<CardNumber, api::Invalid> {
    UncheckedCard::from(text).try_into()
}

/// A number's check digit, worked out as ISO/IEC 7812-1 describes it.
fn with_check_digit(payload: &str) -> String {
    let sum: u32 = payload
        .chars()
        .rev()
        .enumerate()
        .map(|(place, c)| {
            let digit = c.to_digit(10).unwrap() * if place % 2 == 0 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    format!("{payload}{}", (10 - sum % 10) % 10)
}

#[test]
fn test_cards_are_taken_and_typos_are_not() {
    for good in ["4242424242424242", "4000000000000002", "4000000000009995", "4000000000000119"] {
        assert_eq!(card(good).unwrap().last4(), &good[12..]);
    }
    for bad in
        ["", "42", "4242424242424241", "4242 4242 4242 4242", "42424242424242424242", "４242424242424242"]
    {
        assert!(card(bad).is_err(), "{bad}");
    }
}

#[test]
fn debug_hides_it() {
    assert_eq!(format!("{:?}", card("4242424242424242").unwrap()), "CardNumber([redacted])");
    assert_eq!(format!("{:?}", UncheckedCard::from("4242424242424242")), "UncheckedCard([redacted])");
}

proptest! {
    #[test]
    fn a_right_check_digit_passes_and_every_other_fails(payload in "[0-9]{12,18}", off in 1u32..10) {
        let number = with_check_digit(&payload);
        prop_assert!(card(&number).is_ok());
        for hidden in [format!("CUST-{number}-X"), format!("{}-{}", &number[..4], &number[4..])] {
            prop_assert!(holds_card_number(&hidden));
        }
        let last = number[number.len() - 1..].parse::<u32>().unwrap();
        let wrong = format!("{payload}{}", (last + off) % 10);
        prop_assert!(card(&wrong).is_err());
    }

    #[test]
    fn any_single_wrong_digit_is_seen(payload in "[0-9]{15}", place in 0usize..16, off in 1u8..10) {
        let mut digits = with_check_digit(&payload).into_bytes();
        digits[place] = b'0' + (digits[place] - b'0' + off) % 10;
        prop_assert!(card(&String::from_utf8(digits).unwrap()).is_err());
    }

    #[test]
    fn no_text_panics(text in "\\PC*") {
        let _ = card(&text);
        let _ = holds_card_number(&text);
    }
}
