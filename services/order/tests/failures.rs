//! Orders that come to nothing: what is answered, kept, undone and told.

use crate::{
    app::{App, CARD, client, order, span},
    neighbours::{self, Neighbours},
};
use serde_json::json;
use telemetry::testing::assert_tree;
use testkit::Answer;

#[tokio::test]
async fn a_declined_card_releases_the_stock() {
    let neighbours = Neighbours::start();
    neighbours.payment.script(neighbours::declined);
    let app = App::start(&neighbours).await;
    let answer = app.place().await;
    answer.assert_problem(402, "card-declined");
    assert_eq!(answer.body["code"], "card_declined");
    let id = answer.order_of_problem();
    assert_eq!(app.kept(id).await["status"], "declined");
    assert_eq!(app.kept(id).await.get("payment"), None);
    assert_eq!(neighbours.releases(id), 1);
    assert_eq!(neighbours.payment.received("/charges").len(), 1, "a decline is final");

    assert_eq!(neighbours.refunds(id), 0, "nothing was charged");
    let spans = answer.spans(7).await;
    assert_tree(
        &spans,
        "
        order.create                SERVER    order-service
          order.checkInventory      CLIENT    order-service
          order.save                CLIENT    order-service
          order.processPayment      CLIENT    order-service
          order.decline             CLIENT    order-service
          order.releaseInventory    CLIENT    order-service
          order.settle              CLIENT    order-service
        ",
    );
    for name in ["order.create", "order.processPayment"] {
        let failed = span(&spans, name);
        assert_eq!(failed.error.as_deref(), Some("the card was declined"), "{name}");
        assert_eq!(failed.attributes["error.type"], "card_declined", "{name}");
    }
    assert_eq!(span(&spans, "order.releaseInventory").error, None);
    // The payment service has written the one error line.
    assert_eq!(answer.messages("ERROR"), [""; 0]);
    assert_eq!(answer.messages("WARN"), [""; 0]);
    assert_eq!(answer.messages("INFO"), ["order declined"]);
    assert!(app.metric("orders_total{status=\"declined\"} 1").is_some());
    assert_eq!(neighbours.receiver.received("/events").len(), 0);
}

#[tokio::test]
async fn too_little_stock_rejects_the_order_before_anything_is_charged() {
    let neighbours = Neighbours::start();
    neighbours.inventory.script(neighbours::out_of_stock);
    let app = App::start(&neighbours).await;
    let answer = app.place().await;
    answer.assert_problem(409, "out-of-stock");
    assert_eq!(answer.body["errors"][0]["pointer"], "/items/0");
    assert_eq!(app.kept(answer.order_of_problem()).await["status"], "rejected");
    assert_eq!(neighbours.payment.received("/charges").len(), 0);
    assert_eq!(answer.messages("ERROR"), [""; 0]);
    assert_eq!(answer.messages("INFO"), ["order rejected"]);
    let spans = answer.spans(3).await;
    for name in ["order.create", "order.checkInventory"] {
        assert_eq!(span(&spans, name).attributes["error.type"], "out_of_stock", "{name}");
        assert!(span(&spans, name).error.is_some(), "{name}");
    }
}

#[tokio::test]
async fn an_unknown_product_is_rejected_and_not_logged_again() {
    let neighbours = Neighbours::start();
    neighbours.inventory.script(neighbours::unknown_sku);
    let app = App::start(&neighbours).await;
    let answer = app.place().await;
    answer.assert_problem(422, "unknown-sku");
    assert_eq!(answer.body["errors"][0]["pointer"], "/items/0/sku");
    let kept = app.kept(answer.order_of_problem()).await;
    assert_eq!(kept["status"], "rejected");
    assert_eq!(kept["items"], json!([{"sku": "TEA-EARL-GREY", "quantity": 2}]), "no prices");
    let spans = answer.spans(3).await;
    assert_eq!(span(&spans, "order.create").attributes["error.type"], "unknown_sku");
    assert_eq!(answer.messages("ERROR"), [""; 0]);
}

#[tokio::test]
async fn a_payment_service_that_is_away_fails_the_order_and_frees_its_stock() {
    let mut neighbours = Neighbours::start();
    neighbours.payment.stop();
    let app = App::start(&neighbours).await;
    let answer = app.place().await;
    answer.assert_problem(503, "unavailable");
    assert_eq!(answer.headers["retry-after"], "1");
    let id = answer.order_of_problem();
    assert_eq!(app.kept(id).await["status"], "failed");
    neighbours.wait_for_release(id).await;
    let spans = answer.spans(8).await;
    let attempts: Vec<_> = spans.iter().filter(|span| span.name == "order.processPayment").collect();
    assert_eq!(attempts.len(), 3, "each attempt has its span");
    assert!(attempts.iter().all(|span| span.attributes["error.type"] == "connect"), "{attempts:#?}");
    assert_eq!(answer.messages("ERROR").len(), 1, "it happened here");
    let told = answer.body.to_string();
    assert!(!told.contains("127.0.0.1") && !told.contains("refused"), "nothing internal: {told}");
}

#[tokio::test]
async fn a_charge_whose_answer_is_lost_is_asked_for_again() {
    let neighbours = Neighbours::start();
    let times = std::sync::atomic::AtomicUsize::new(0);
    neighbours.payment.script(move |request| {
        match times.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => Answer::BreakOff,
            _ => neighbours::paid(request),
        }
    });
    let app = App::start(&neighbours).await;
    let answer = app.place().await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let asked = neighbours.payment.received("/charges");
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].body, asked[1].body, "the same order for the same amount");
    assert_ne!(asked[0].header("traceparent"), asked[1].header("traceparent"));
    assert_eq!(app.kept(answer.body["id"].as_str().unwrap()).await["status"], "confirmed");
}

#[tokio::test]
async fn a_processor_that_cannot_answer_now_fails_the_order_with_a_time_to_come_back() {
    let neighbours = Neighbours::start();
    neighbours.payment.script(neighbours::processing_error);
    let app = App::start(&neighbours).await;
    let answer = app.place().await;
    answer.assert_problem(503, "unavailable");
    assert_eq!(answer.body["code"], "processing_error");
    assert_eq!(answer.headers["retry-after"], "1");
    let id = answer.order_of_problem();
    assert_eq!(app.kept(id).await["status"], "failed");
    assert_eq!((neighbours.releases(id), neighbours.refunds(id)), (1, 1), "who knows what the processor did");
    assert_eq!(answer.messages("ERROR"), [""; 0], "the payment service has written it");
}

#[tokio::test]
async fn an_inventory_that_is_away_fails_the_order() {
    let mut neighbours = Neighbours::start();
    neighbours.inventory.stop();
    let app = App::start(&neighbours).await;
    let answer = app.place().await;
    answer.assert_problem(503, "unavailable");
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(app.kept(answer.order_of_problem()).await["status"], "failed");
    assert_eq!(answer.messages("ERROR").len(), 1);
}

#[tokio::test]
async fn a_client_who_waits_is_told_when_a_neighbour_does_not_know_us() {
    let neighbours = Neighbours::start();
    neighbours.inventory.script(neighbours::unknown_caller);
    let app = App::start(&neighbours).await;
    let answer = app.place().await;
    answer.assert_problem(503, "unavailable");
    assert_eq!(app.kept(answer.order_of_problem()).await["status"], "failed");
    assert_eq!(answer.messages("ERROR").len(), 1, "it is our key");
}

#[tokio::test]
async fn a_neighbour_that_answers_nonsense_is_not_believed() {
    let neighbours = Neighbours::start();
    neighbours.payment.script(|_| Answer::Json(201, json!({"surprise": true})));
    let app = App::start(&neighbours).await;
    let answer = app.place().await;
    answer.assert_problem(503, "unavailable");
    let id = answer.order_of_problem();
    assert_eq!(app.kept(id).await["status"], "failed");
    neighbours.wait_for_release(id).await;
    assert!(!answer.body.to_string().contains("surprise"));
}

#[tokio::test]
async fn a_payment_that_takes_too_long_fails_the_order_in_time() {
    let neighbours = Neighbours::start();
    neighbours.payment.script(|_| Answer::Hang);
    let app = App::start_with(&neighbours, &[("PEER_TIMEOUT_MS", "60")]).await;
    let answer = app.place().await;
    answer.assert_problem(504, "deadline-passed");
    let id = answer.order_of_problem();
    assert_eq!(app.kept(id).await["status"], "failed");
    neighbours.wait_for_release(id).await;
    let spans = answer.spans(6).await;
    assert_eq!(span(&spans, "order.processPayment").attributes["error.type"], "timeout");
    assert_eq!(span(&spans, "order.create").attributes["error.type"], "deadline_passed");
}

#[tokio::test]
async fn the_callers_deadline_counts_when_it_is_shorter() {
    let neighbours = Neighbours::start();
    neighbours.payment.script(|_| Answer::Hang);
    let app = App::start(&neighbours).await;
    let request = client().post(app.url("/orders")).json(&order(CARD)).header("x-deadline-ms", "150");
    let begun = std::time::Instant::now();
    let answer = crate::app::read(request.send().await.unwrap()).await;
    answer.assert_problem(504, "deadline-passed");
    assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_order_goes_to_its_end_when_its_client_hangs_up() {
    let neighbours = Neighbours::start();
    neighbours.payment.script(|_| Answer::Hang);
    let app = App::start_with(&neighbours, &[("PEER_TIMEOUT_MS", "300")]).await;
    let request = client().post(app.url("/orders")).json(&order(CARD));
    let asking = tokio::spawn(request.send());
    let charge = neighbours.payment.wait_for("/charges", 1).await.remove(0);
    neighbours.payment.script(neighbours::paid);
    asking.abort();
    app.wait_for_status(charge.body["order_id"].as_str().unwrap(), "confirmed").await;
    neighbours.receiver.wait_for("/events", 1).await;
}

#[tokio::test]
async fn stock_that_cannot_be_given_back_is_told_and_changes_no_answer() {
    let neighbours = Neighbours::start();
    neighbours.payment.script(neighbours::declined);
    neighbours.inventory.script(|request| {
        if request.path.ends_with("/release") { Answer::Empty(500) } else { neighbours::in_stock(request) }
    });
    let app = App::start(&neighbours).await;
    let answer = app.place().await;
    answer.assert_problem(402, "card-declined");
    assert_eq!(app.kept(answer.order_of_problem()).await["status"], "declined");
    assert_eq!(answer.messages("WARN").len(), 1);
}
