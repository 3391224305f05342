use api::decode::decode_json;
use api::order::{NewOrder, Order, OrderStatus};
use proptest::prelude::*;
use serde_json::{Value, json};

fn body() -> Value {
    json!({
        "customer_id": "c-1042",
        "items": [{"sku": "TEA-EARL-GREY", "quantity": 2}],
        "payment": {"method": "card", "card_number": "4242424242424242"}
    })
}

fn pointers(body: &Value) -> Vec<String> {
    let order: NewOrder = decode_json(body.to_string().as_bytes()).unwrap();
    match order.validate() {
        Ok(_) => Vec::new(),
        Err(errors) => {
            assert!(!format!("{errors:?}").contains("4242"), "a value is repeated: {errors:?}");
            errors.into_iter().map(|error| error.pointer).collect()
        }
    }
}

#[test]
fn a_valid_order_travels_on_unchanged() {
    let order: NewOrder = decode_json(body().to_string().as_bytes()).unwrap();
    assert!(!format!("{order:?}").contains("4242424242424242"));
    assert_eq!(serde_json::to_value(order.validate().unwrap()).unwrap(), body());
}

#[test]
fn every_bad_field_is_named() {
    let mut all = body();
    all["customer_id"] = json!("no spaces here");
    all["items"] = json!([{"sku": "tea", "quantity": 0}, {"sku": "A", "quantity": 1001}]);
    all["payment"] = json!({"method": "cash", "card_number": "4242424242424241"});
    assert_eq!(
        pointers(&all),
        [
            "/customer_id",
            "/items/0/sku",
            "/items/0/quantity",
            "/items/1/quantity",
            "/payment/method",
            "/payment/card_number"
        ]
    );
}

#[test]
fn item_lists_have_their_bounds() {
    let item = |n: usize| json!({"sku": format!("SKU-{n}"), "quantity": 1});
    let with = |items: Vec<Value>| {
        let mut body = body();
        body["items"] = Value::Array(items);
        pointers(&body)
    };
    assert_eq!(with(vec![]), ["/items"]);
    assert_eq!(with((0..100).map(item).collect()), [""; 0]);
    assert_eq!(with((0..101).map(item).collect()), ["/items"]);
    assert_eq!(with(vec![item(1), item(2), item(1)]), ["/items/2/sku"]);
}

#[test]
fn a_card_number_is_no_customer_and_no_sku() {
    let mut order = body();
    order["customer_id"] = json!("4242424242424242");
    order["items"][0]["sku"] = json!("4242-4242-4242-4242");
    assert_eq!(pointers(&order), ["/customer_id", "/items/0/sku"]);
}

#[test]
fn an_order_in_progress_leaves_out_what_is_not_known() {
    let order = json!({
        "id": "019ab2d4-7c1e-7d3a-9b52-0c6f1e2d3a4b",
        "status": "pending",
        "customer_id": "c-1042",
        "items": [{"sku": "TEA-EARL-GREY", "quantity": 2}],
        "created_at": "2026-11-22T10:11:12.131415Z"
    });
    let parsed: Order = decode_json(order.to_string().as_bytes()).unwrap();
    assert_eq!(parsed.status, OrderStatus::Pending);
    assert_eq!(serde_json::to_value(parsed).unwrap(), order);
}

/// Puts `value` at a JSON pointer's place.
fn put(body: &mut Value, pointer: &str, value: Value) {
    *body.pointer_mut(pointer).unwrap() = value;
}

proptest! {
    #[test]
    fn a_pointer_leads_to_the_field_that_is_wrong(
        place in prop::sample::select(vec![
            "/customer_id", "/items/0/sku", "/items/0/quantity", "/items", "/payment/method", "/payment/card_number", "/payment",
        ]),
        wrong in prop::sample::select(vec![json!(null), json!(true), json!(1.5), json!({"x": 1}), json!([[]])]),
    ) {
        let mut bad = body();
        put(&mut bad, place, wrong);
        let error = decode_json::<NewOrder>(bad.to_string().as_bytes()).unwrap_err();
        let api::decode::DecodeError::Invalid(error) = error else { panic!("{error:?}") };
        prop_assert!(error.pointer.starts_with(place), "{} for {place}", error.pointer);
        prop_assert!(bad.pointer(&error.pointer).is_some(), "{} leads nowhere", error.pointer);
    }

    #[test]
    fn no_body_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..200) {
        let _ = decode_json::<NewOrder>(&bytes);
        let whole = body().to_string();
        let _ = decode_json::<NewOrder>(whole.get(..cut).unwrap_or(&whole).as_bytes());
    }
}
