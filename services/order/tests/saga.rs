//! Orders that are cancelled, placed later, asked for again, or left behind by a process that died.

use crate::{
    app::{Answered, App, CARD, client, order, read, span},
    neighbours::{self, Neighbours},
};
use serde_json::{Value, json};
use telemetry::testing::recorder;
use testkit::{Answer, eventually};

async fn place_with(app: &App, headers: &[(&str, &str)], body: &Value) -> Answered {
    let request = client().post(app.url("/orders")).json(body);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    read(request.send().await.unwrap()).await
}

#[tokio::test]
async fn a_cancelled_order_is_refunded_and_tells_it() {
    let neighbours = Neighbours::start();
    let app = App::start(&neighbours).await;
    let placed = app.place().await;
    let id = placed.body["id"].as_str().unwrap();
    let cancelled = app.post(&format!("/orders/{id}/cancel"), &Value::Null).await;
    assert_eq!((cancelled.status, &cancelled.body["status"]), (200, &json!("cancelled")));
    assert_eq!(neighbours.refunds(id), 1);
    let events = neighbours.receiver.wait_for("/events", 2).await;
    let kinds: Vec<_> = events.iter().map(|event| event.header("ce-type")).collect();
    assert_eq!(kinds, ["order.confirmed", "order.cancelled"]);
    // Again: the same answer, and nothing more is done.
    assert_eq!(app.post(&format!("/orders/{id}/cancel"), &Value::Null).await.status, 200);
    assert_eq!(neighbours.refunds(id), 1);
}

#[tokio::test]
async fn only_what_is_confirmed_can_be_cancelled() {
    let neighbours = Neighbours::start();
    neighbours.payment.script(neighbours::declined);
    let app = App::start(&neighbours).await;
    let declined = app.place().await;
    let id = declined.order_of_problem();
    app.post(&format!("/orders/{id}/cancel"), &Value::Null).await.assert_problem(409, "not-cancellable");
    let unknown = "/orders/01890000-0000-7000-8000-000000000000/cancel";
    app.post(unknown, &Value::Null).await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn a_refund_that_does_not_work_now_is_made_later() {
    let neighbours = Neighbours::start();
    let app = App::start_with(&neighbours, &[("ORDER_LEASE_MS", "200")]).await;
    let placed = app.place().await;
    let id = placed.body["id"].as_str().unwrap().to_owned();
    neighbours.payment.script(|_| Answer::Empty(500));
    app.post(&format!("/orders/{id}/cancel"), &Value::Null).await.assert_problem(503, "unavailable");
    assert_eq!(app.kept(&id).await["status"], "confirmed");
    neighbours.payment.script(neighbours::paid);
    app.wait_for_status(&id, "cancelled").await;
}

#[tokio::test]
async fn an_accepted_order_is_placed_in_the_same_trace() {
    let neighbours = Neighbours::start();
    let app = App::start(&neighbours).await;
    let accepted = place_with(&app, &[("prefer", "wait=5, respond-async")], &order(CARD)).await;
    assert_eq!((accepted.status, &accepted.body["status"]), (202, &json!("pending")));
    assert_eq!(accepted.headers["preference-applied"], "respond-async");
    let id = accepted.body["id"].as_str().unwrap();
    assert_eq!(accepted.headers["location"], format!("/api/orders/{id}"));
    app.wait_for_status(id, "confirmed").await;
    neighbours.receiver.wait_for("/events", 1).await;
    let spans = accepted.spans(8).await;
    let process = span(&spans, "order.process");
    assert_eq!(process.parent_span_id.as_ref(), Some(&span(&spans, "order.create").span_id));
    for name in ["order.checkInventory", "order.price", "order.processPayment", "order.confirm"] {
        assert_eq!(span(&spans, name).parent_span_id.as_ref(), Some(&process.span_id), "{name}");
    }
    assert_eq!(app.kept(id).await["total"], json!({"amount_minor": 2500, "currency": "EUR"}));
}

#[tokio::test]
async fn an_accepted_order_that_cannot_be_had_is_rejected() {
    let neighbours = Neighbours::start();
    neighbours.inventory.script(neighbours::out_of_stock);
    let app = App::start(&neighbours).await;
    let accepted = place_with(&app, &[("prefer", "respond-async")], &order(CARD)).await;
    assert_eq!(accepted.status, 202);
    app.wait_for_status(accepted.body["id"].as_str().unwrap(), "rejected").await;
    let spans = accepted.spans(5).await;
    assert_eq!(span(&spans, "order.process").attributes["error.type"], "out_of_stock");
}

#[tokio::test]
async fn an_order_waits_for_neighbours_that_do_not_know_us() {
    let neighbours = Neighbours::start();
    neighbours.inventory.script(neighbours::unknown_caller);
    neighbours.payment.script(neighbours::unknown_caller);
    let app = App::start_with(&neighbours, &[("ORDER_LEASE_MS", "200")]).await;
    let accepted = place_with(&app, &[("prefer", "respond-async")], &order(CARD)).await;
    let id = accepted.body["id"].as_str().unwrap();
    // More than one run asks for: the order has been taken up again.
    neighbours.inventory.wait_for("/reservations", 4).await;
    assert_eq!(app.kept(id).await["status"], "pending");
    neighbours.inventory.script(neighbours::in_stock);
    neighbours.payment.wait_for("/charges", 4).await;
    assert_eq!(app.kept(id).await["status"], "pending");
    neighbours.payment.script(neighbours::paid);
    app.wait_for_status(id, "confirmed").await;
}

#[tokio::test]
async fn more_than_may_wait_is_refused_at_once() {
    let neighbours = Neighbours::start();
    neighbours.inventory.script(|_| Answer::Hang);
    let app = App::start_with(&neighbours, &[("ASYNC_QUEUE", "2"), ("ASYNC_WORKERS", "1")]).await;
    let mut answers = Vec::new();
    for _ in 0..8 {
        answers.push(place_with(&app, &[("prefer", "respond-async")], &order(CARD)).await);
    }
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 202).collect();
    assert!(refused.len() >= 4, "two wait, one is worked on, one is on its way");
    refused[0].assert_problem(503, "unavailable");
    assert_eq!(refused[0].headers["retry-after"], "1");
}

#[tokio::test]
async fn the_same_key_answers_the_first_result() {
    let neighbours = Neighbours::start();
    let app = App::start(&neighbours).await;
    let key = [("idempotency-key", "key-1")];
    let first = place_with(&app, &key, &order(CARD)).await;
    let again = place_with(&app, &key, &order(CARD)).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.body, again.body);
    assert_eq!(neighbours.payment.received("/charges").len(), 1);
    place_with(&app, &key, &order("4000000000000002")).await.assert_problem(409, "idempotency-conflict");
    // Still the first result when the order has been cancelled since.
    let id = first.body["id"].as_str().unwrap();
    app.post(&format!("/orders/{id}/cancel"), &Value::Null).await;
    assert_eq!(place_with(&app, &key, &order(CARD)).await.body, first.body);
}

#[tokio::test]
async fn the_same_key_answers_the_first_refusal() {
    let neighbours = Neighbours::start();
    neighbours.payment.script(neighbours::declined);
    let app = App::start(&neighbours).await;
    let key = [("idempotency-key", "key-2")];
    let first = place_with(&app, &key, &order(CARD)).await;
    neighbours.payment.script(neighbours::paid);
    let again = place_with(&app, &key, &order(CARD)).await;
    again.assert_problem(402, "card-declined");
    for member in ["detail", "code", "instance"] {
        assert_eq!(first.body[member], again.body[member], "{member}");
    }
    assert_eq!(neighbours.payment.received("/charges").len(), 1);
}

#[tokio::test]
async fn concurrent_duplicates_make_one_order() {
    let neighbours = Neighbours::start();
    let app = App::start(&neighbours).await;
    let asked = (0..10).map(|_| {
        let request = client().post(app.url("/orders")).json(&order(CARD)).header("idempotency-key", "key-3");
        tokio::spawn(async move { read(request.send().await.unwrap()).await })
    });
    let mut ids = std::collections::BTreeSet::new();
    for answer in asked.collect::<Vec<_>>() {
        let answer = answer.await.unwrap();
        if answer.status == 201 {
            ids.insert(answer.body["id"].as_str().unwrap().to_owned());
        } else {
            answer.assert_problem(409, "in-progress");
            assert_eq!(answer.headers["retry-after"], "1");
        }
    }
    assert_eq!(ids.len(), 1);
    assert_eq!(neighbours.payment.received("/charges").len(), 1);
}

#[tokio::test]
async fn keys_that_are_none_are_refused() {
    let neighbours = Neighbours::start();
    let app = App::start(&neighbours).await;
    for key in ["", "with space", &"k".repeat(256)] {
        place_with(&app, &[("idempotency-key", key)], &order(CARD))
            .await
            .assert_problem(400, "malformed-request");
    }
}

#[tokio::test]
async fn an_order_left_behind_is_charged_by_the_next_process_in_its_own_trace() {
    let neighbours = Neighbours::start();
    neighbours.payment.script(|_| Answer::Hang);
    let settings = [("ORDER_LEASE_MS", "300"), ("DRAIN_TIMEOUT_MS", "50"), ("PEER_TIMEOUT_MS", "60000")];
    let first = App::start_with(&neighbours, &settings).await;
    let request = client().post(first.url("/orders")).json(&order(CARD));
    let asking = tokio::spawn(request.send());
    let charge = neighbours.payment.wait_for("/charges", 1).await.remove(0);
    // The process dies in the middle of the charge.
    first.kill();
    asking.abort();
    neighbours.payment.script(neighbours::paid);
    let second = App::start_with(&neighbours, &settings).await;
    let id = charge.body["order_id"].as_str().unwrap();
    second.wait_for_status(id, "confirmed").await;
    neighbours.receiver.wait_for("/events", 1).await;

    let charges = neighbours.payment.received("/charges");
    assert_eq!(charges[0].body, charges.last().unwrap().body, "the same charge again");
    let trace = charge.header("traceparent")[3..35].to_owned();
    let spans = eventually("the resumed spans", async || {
        let spans = recorder().spans(&trace);
        spans.iter().any(|span| span.name == "order-events publish").then_some(spans)
    })
    .await;
    let resumed = span(&spans, "order.resumeOrder");
    assert_eq!(resumed.kind, "INTERNAL");
    assert_eq!(resumed.links.len(), 1);
    let run = recorder().wait_for_spans(&resumed.links[0].0, 1).await.remove(0);
    assert_eq!((run.name.as_str(), run.parent_span_id), ("order.resume", None));
}

#[tokio::test]
async fn an_order_that_is_pending_for_too_long_is_given_up_and_undone() {
    let neighbours = Neighbours::start();
    neighbours.payment.script(|request| {
        // Charges get no answer; refunds do.
        if request.path.ends_with("/refund") { neighbours::paid(request) } else { Answer::BreakOff }
    });
    let settings = [("ORDER_LEASE_MS", "100"), ("PENDING_LIMIT_MS", "400")];
    let app = App::start_with(&neighbours, &settings).await;
    let accepted = place_with(&app, &[("prefer", "respond-async")], &order(CARD)).await;
    let id = accepted.body["id"].as_str().unwrap();
    app.wait_for_status(id, "failed").await;
    neighbours.wait_for_release(id).await;
    assert!(neighbours.refunds(id) >= 1);
}

#[tokio::test]
async fn lists_have_pages() {
    let neighbours = Neighbours::start();
    let app = App::start(&neighbours).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(app.place().await.body["id"].as_str().unwrap().to_owned());
    }
    let first = app.get("/orders?limit=2&status=confirmed&customer_id=c-1042").await;
    let on_page = |answer: &Answered| -> Vec<String> {
        let orders = answer.body["orders"].as_array().unwrap().iter();
        orders.map(|order| order["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(on_page(&first), [ids[2].clone(), ids[1].clone()]);
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let last = app.get(&format!("/orders?limit=2&cursor={cursor}")).await;
    assert_eq!((on_page(&last), &last.body["next_cursor"]), (vec![ids[0].clone()], &Value::Null));
    assert_eq!(on_page(&app.get("/orders?customer_id=c-nobody").await), [""; 0]);
    for wrong in
        ["limit=0", "limit=101", "limit=x", "status=lost", "cursor=x", "colour=red", "customer_id=%20"]
    {
        app.get(&format!("/orders?{wrong}")).await.assert_problem(422, "invalid-values");
    }
}
