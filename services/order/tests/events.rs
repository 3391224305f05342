//! What is published, and when the receiver is away.

use crate::{
    app::{App, span},
    neighbours::Neighbours,
};
use serde_json::json;
use testkit::{Answer, Received};

#[tokio::test]
async fn a_confirmed_order_is_published_as_a_cloud_event_of_its_trace() {
    let neighbours = Neighbours::start();
    let app = App::start(&neighbours).await;
    let answer = app.place().await;
    let event = neighbours.receiver.wait_for("/events", 1).await.remove(0);
    let id = answer.body["id"].as_str().unwrap();
    assert_eq!(event.method, "POST");
    assert_eq!(event.header("content-type"), "application/json");
    assert_eq!(event.header("ce-specversion"), "1.0");
    assert_eq!(event.header("ce-type"), "order.confirmed");
    assert_eq!(event.header("ce-source"), "/order-service");
    assert_eq!(event.header("ce-subject"), id);
    assert!(!event.header("ce-id").is_empty());
    assert!(event.header("ce-time").ends_with('Z'));
    assert_eq!(event.body, json!({"order_id": id}));

    let spans = answer.spans(6).await;
    let publish = span(&spans, "order-events publish");
    let traceparent = format!("00-{}-{}-01", answer.trace_id(), publish.span_id);
    assert_eq!(event.header("traceparent"), traceparent);
    assert_eq!(event.header("ce-traceparent"), traceparent);
    assert_eq!(publish.attributes["messaging.message.id"], event.header("ce-id"));
}

#[tokio::test]
async fn a_receiver_that_is_away_delays_events_and_no_order() {
    let mut neighbours = Neighbours::start();
    neighbours.receiver.stop();
    let app = App::start(&neighbours).await;
    let placed = [app.place().await, app.place().await];
    assert!(placed.iter().all(|answer| answer.status == 201));
    neighbours.receiver.restart();
    let delivered = neighbours.receiver.wait_for("/events", 2).await;
    let mut expected = placed.map(|answer| answer.body["id"].as_str().unwrap().to_owned());
    expected.sort();
    let mut delivered = subjects(&delivered);
    delivered.sort();
    assert_eq!(delivered, expected);
}

#[tokio::test]
async fn an_event_that_is_refused_is_delivered_again_as_the_same_event() {
    let neighbours = Neighbours::start();
    neighbours.receiver.script(|_| Answer::Empty(503));
    let app = App::start(&neighbours).await;
    let answer = app.place().await;
    neighbours.receiver.wait_for("/events", 1).await;
    neighbours.receiver.script(|_| Answer::Empty(204));
    let asked = neighbours.receiver.received("/events").len();
    let events = neighbours.receiver.wait_for("/events", asked + 1).await;
    assert!(events.iter().all(|event| event.header("ce-id") == events[0].header("ce-id")));
    let first = &answer.spans(6).await;
    let publish = span(first, "order-events publish");
    assert_eq!(publish.attributes["error.type"], "not_delivered");
}

#[tokio::test]
async fn events_outlive_the_process() {
    let mut neighbours = Neighbours::start();
    neighbours.receiver.stop();
    let app = App::start(&neighbours).await;
    let answer = app.place().await;
    app.stop().await;

    neighbours.receiver.restart();
    let app = App::start(&neighbours).await;
    let event = neighbours.receiver.wait_for("/events", 1).await.remove(0);
    assert_eq!(event.header("ce-subject"), answer.body["id"].as_str().unwrap());
    assert!(event.header("traceparent").contains(answer.trace_id()), "it goes on with its order's trace");
    app.stop().await;
    assert_eq!(neighbours.receiver.received("/events").len(), 1, "delivered once");
}

#[tokio::test]
async fn a_stop_publishes_what_waits() {
    let neighbours = Neighbours::start();
    let app = App::start(&neighbours).await;
    let answer = app.place().await;
    app.stop().await;
    let delivered = neighbours.receiver.received("/events");
    assert_eq!(subjects(&delivered), [answer.body["id"].as_str().unwrap()]);
}

fn subjects(events: &[Received]) -> Vec<String> {
    events.iter().map(|event| event.header("ce-subject").to_owned()).collect()
}
