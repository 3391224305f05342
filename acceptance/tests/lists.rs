//! Lists of orders, page by page.

use acceptance::{Answered, CARD, DECLINED_CARD, EARL_GREY, Stack, new_order};
use uuid::Uuid;

async fn place(stack: &Stack, customer: &str, card: &str) -> String {
    let mut order = new_order(EARL_GREY, card);
    order["customer_id"] = customer.into();
    let request = stack.client().post(format!("{}/api/orders", stack.url("gateway")));
    Answered::to(request.json(&order)).await.order_id().to_owned()
}

/// The ids on a page, and the cursor of the next.
async fn page(stack: &Stack, query: &str) -> (Vec<String>, Option<String>) {
    let answer = stack.get("gateway", &format!("/api/orders?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let orders = answer.body["orders"].as_array().unwrap();
    let ids = orders.iter().map(|order| order["id"].as_str().unwrap().to_owned()).collect();
    (ids, answer.body["next_cursor"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn pages_stay_as_they_were_while_orders_come_in() {
    let stack = Stack::shared().await;
    let customer = format!("c-{}", Uuid::now_v7().simple());
    let mut placed = Vec::new();
    for _ in 0..5 {
        placed.push(place(&stack, &customer, CARD).await);
    }
    placed.reverse();

    let mut found = Vec::new();
    let mut query = format!("customer_id={customer}&limit=2");
    loop {
        let (ids, next) = page(&stack, &query).await;
        assert!(ids.len() <= 2);
        found.extend(ids);
        // A new order comes in between: it belongs before the first page.
        place(&stack, &customer, CARD).await;
        let Some(next) = next else { break };
        query = format!("customer_id={customer}&limit=2&cursor={next}");
    }
    assert_eq!(found, placed);
    assert_eq!(page(&stack, &format!("customer_id={customer}")).await.0.len(), 8);
}

#[tokio::test]
async fn lists_by_status() {
    let stack = Stack::shared().await;
    let customer = format!("c-{}", Uuid::now_v7().simple());
    place(&stack, &customer, CARD).await;
    let declined = place(&stack, &customer, DECLINED_CARD).await;
    let (ids, next) = page(&stack, &format!("customer_id={customer}&status=declined")).await;
    assert_eq!((ids, next), (vec![declined], None));
    assert_eq!(page(&stack, &format!("customer_id={customer}&status=cancelled")).await.0.len(), 0);
}

#[tokio::test]
async fn what_is_no_list_is_refused() {
    let stack = Stack::shared().await;
    for query in ["limit=0", "limit=101", "limit=x", "status=lost", "cursor=x"] {
        let answer = stack.get("gateway", &format!("/api/orders?{query}")).await;
        answer.assert_problem(422, "invalid-values");
    }
}
