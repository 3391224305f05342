//! Bodies and ids from outside may be anything.

use api::batch::BatchRequest;
use api::card::holds_card_number;
use api::decode::{DecodeError, decode_json};
use api::ids::OrderId;
use api::order::NewOrder;
use api::timestamp::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}|4242424242424242".prop_map(Value::from),
    ];
    let name = "customer_id|items|payment|sku|quantity|method|card_number|orders|4242424242424242|\\PC{0,6}";
    leaf.prop_recursive(4, 16, 4, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((name, inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Reads it as everything a body may be. An error never repeats a card number, and says 422 only of JSON.
fn read(body: &[u8]) -> Result<(), TestCaseError> {
    let errors = [decode_json::<NewOrder>(body).err(), decode_json::<BatchRequest>(body).err()];
    for error in errors.into_iter().flatten() {
        prop_assert!(!holds_card_number(&error.to_string()), "{}", error);
        let is_json = serde_json::from_slice::<Value>(body).is_ok();
        prop_assert_eq!(matches!(error, DecodeError::Invalid(_)), is_json, "{}", error);
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_json_is_a_body_or_has_a_pointer(body in value()) {
        read(body.to_string().as_bytes())?;
        if let Ok(order) = decode_json::<NewOrder>(body.to_string().as_bytes()) {
            let _ = order.validate();
        }
    }

    #[test]
    fn any_bytes_are_a_body_or_refused(noise in vec(any::<u8>(), 0..200), at: Index, byte: u8, end: Index) {
        read(&noise)?;
        let sound = json!({"customer_id": "c", "items": [{"sku": "A", "quantity": 1}],
            "payment": {"method": "card", "card_number": "4242424242424242"}});
        let mut spoiled = sound.to_string().into_bytes();
        let at = at.index(spoiled.len());
        spoiled[at] = byte;
        read(&spoiled)?;
        spoiled.truncate(end.index(spoiled.len()));
        read(&spoiled)?;
    }

    /// An id is also the cursor of a list of orders.
    #[test]
    fn an_id_is_read_back_and_nothing_else_is(id: u128, text in "\\PC{0,40}|[0-9a-fA-F-]{36}") {
        let id = uuid::Builder::from_u128(id).with_version(uuid::Version::SortRand).into_uuid();
        let id = OrderId::try_from(id).unwrap();
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        if let Ok(id) = text.parse::<OrderId>() {
            prop_assert_eq!(id.to_string(), text.to_lowercase());
        }
    }

    #[test]
    fn a_time_is_read_back(micros in -62_000_000_000_000_000_i64..250_000_000_000_000_000, text in "\\PC{0,40}") {
        let time = Timestamp::from_micros(micros).unwrap();
        prop_assert_eq!(time.to_string().parse(), Ok(time));
        let _ = text.parse::<Timestamp>();
    }
}
