//! An order, as it is asked for and answered.

use serde_json::{Value, json};

pub(crate) fn new_order() -> Value {
    json!({
        "customer_id": "c-1042",
        "items": [{"sku": "TEA-EARL-GREY", "quantity": 2}],
        "payment": {"method": "card", "card_number": "4242424242424242"}
    })
}

pub(crate) fn order() -> Value {
    json!({
        "id": "019ab2d4-7c1e-7d3a-9b52-0c6f1e2d3a4b",
        "status": "confirmed",
        "customer_id": "c-1042",
        "items": [
            {"sku": "TEA-EARL-GREY", "quantity": 2, "unit_price": {"amount_minor": 1250, "currency": "EUR"}}
        ],
        "total": {"amount_minor": 2500, "currency": "EUR"},
        "payment": {"transaction_id": "019ab2d4-7d02-7f1c-8a3e-5b6c7d8e9f01", "card_last4": "4242"},
        "created_at": "2026-11-22T10:11:12.131415Z"
    })
}
