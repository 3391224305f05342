//! What the relay promises, on each database: nothing is lost, each order's events keep their order, and nobody waits
//! for an event that nobody takes.

use crate::relay::{Database, Placed, on_both};
use order::store::outbox::Fate;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use testkit::{Answer, Peer, Received};

fn receiver() -> Peer {
    Peer::start(|_| Answer::Empty(204))
}

fn events_of(receiver: &Peer) -> String {
    format!("{}/events", receiver.url())
}

/// What came about an order, in its order.
fn kinds(received: &[Received], order: &Placed) -> Vec<String> {
    let id = order.id.to_string();
    let of_order = received.iter().filter(|event| event.header("ce-subject") == id);
    of_order.map(|event| event.header("ce-type").to_owned()).collect()
}

#[tokio::test]
async fn an_event_that_is_refused_holds_up_its_own_order_only() {
    on_both(async |database: Database| {
        let (poisoned, healthy) = (database.confirmed().await, database.confirmed().await);
        database.cancel(&poisoned).await;
        database.cancel(&healthy).await;
        let bad = poisoned.id.to_string();
        let receiver = receiver();
        receiver
            .script(move |event| Answer::Empty(if event.header("ce-subject") == bad { 500 } else { 204 }));
        let relay = database.relay(&events_of(&receiver), &[]).await;

        let bad = poisoned.id.to_string();
        let refused = |seen: &[Received]| seen.iter().filter(|e| e.header("ce-subject") == bad).count() >= 2;
        testkit::eventually("two refusals, and the other order's events", async || {
            let seen = receiver.received("/events");
            (refused(&seen) && kinds(&seen, &healthy).len() == 2).then_some(())
        })
        .await;
        let seen = receiver.received("/events");
        assert_eq!(kinds(&seen, &healthy), ["order.confirmed", "order.cancelled"]);
        assert!(
            kinds(&seen, &poisoned).iter().all(|kind| kind == "order.confirmed"),
            "the later event waits"
        );

        receiver.script(|_| Answer::Empty(204));
        database.wait_until_empty().await;
        let seen = kinds(&receiver.received("/events"), &poisoned);
        assert_eq!(seen[seen.len() - 2..], ["order.confirmed", "order.cancelled"]);
        relay.stop().await;
    })
    .await;
}

#[tokio::test]
async fn an_event_that_is_never_answered_holds_up_nobody_else() {
    let database = Database::sqlite().await;
    let (silent, healthy) = (database.confirmed().await, database.confirmed().await);
    let (receiver, hung) = (receiver(), silent.id.to_string());
    receiver.script(
        move |event| {
            if event.header("ce-subject") == hung { Answer::Hang } else { Answer::Empty(204) }
        },
    );
    let start = Instant::now();
    let relay = database.relay(&events_of(&receiver), &[("PEER_TIMEOUT_MS", "15000")]).await;
    testkit::eventually("the other order's event", async || {
        (!kinds(&receiver.received("/events"), &healthy).is_empty()).then_some(())
    })
    .await;
    let later = database.confirmed().await;
    relay.signal.wake();
    testkit::eventually("a later order's event", async || {
        (!kinds(&receiver.received("/events"), &later).is_empty()).then_some(())
    })
    .await;
    assert!(start.elapsed() < Duration::from_secs(15), "while the first one is still waited for");
}

#[tokio::test]
async fn rests_between_attempts_grow() {
    let database = Database::sqlite().await;
    database.confirmed().await;
    let times: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let (receiver, seen) = (receiver(), times.clone());
    receiver.script(move |_| {
        seen.lock().unwrap().push(Instant::now());
        Answer::Empty(503)
    });
    let relay = database.relay(&events_of(&receiver), &[]).await;
    receiver.wait_for("/events", 4).await;
    let times = times.lock().unwrap().clone();
    for (number, pair) in times.windows(2).take(3).enumerate() {
        let least = Duration::from_millis(100 << number);
        assert!(pair[1] - pair[0] >= least, "rest {number} was {:?}", pair[1] - pair[0]);
    }
    relay.stop().await;
}

#[tokio::test]
async fn what_is_refused_too_often_can_be_listed_and_replayed() {
    on_both(async |database: Database| {
        let order = database.confirmed().await;
        database.cancel(&order).await;
        let receiver = receiver();
        receiver.script(|event| {
            Answer::Empty(if event.header("ce-type") == "order.confirmed" { 409 } else { 204 })
        });
        let relay = database.relay(&events_of(&receiver), &[("EVENT_ATTEMPTS", "2")]).await;

        let letter = relay.dead_letters(1).await.remove(0);
        let (id, trace) = (order.id.to_string(), order.context.trace_id().unwrap());
        assert_eq!(
            (letter["order_id"].as_str(), letter["type"].as_str()),
            (Some(&*id), Some("order.confirmed"))
        );
        assert_eq!((letter["attempts"].as_i64(), letter["trace_id"].as_str()), (Some(2), Some(&*trace)));
        assert_eq!(letter["last_error"], "the receiver answered 409");
        database.wait_until_empty().await;
        assert_eq!(
            kinds(&receiver.received("/events"), &order),
            ["order.confirmed", "order.confirmed", "order.cancelled"],
            "the later event goes on when the first is given up"
        );
        assert_eq!(relay.metric("outbox_dead_letters_total").await, Some(1));
        let errors = telemetry::testing::recorder().lines(&trace);
        assert_eq!(errors.iter().filter(|line| line["severity"] == "ERROR").count(), 1, "{errors:?}");

        receiver.script(|_| Answer::Empty(204));
        let event_id = letter["event_id"].as_str().unwrap();
        let (status, body) = relay.post(&format!("/admin/dead-letters/{event_id}/replay")).await;
        assert_eq!((status, body["replayed"].as_u64()), (200, Some(1)));
        let seen = receiver.wait_for("/events", 4).await;
        assert_eq!(seen[3].header("ce-id"), event_id, "the same event");
        relay.dead_letters(0).await;
        let (status, _) = relay.post(&format!("/admin/dead-letters/{event_id}/replay")).await;
        assert_eq!(status, 404, "it is no dead letter any more");
        relay.stop().await;
    })
    .await;
}

#[tokio::test]
async fn all_dead_letters_can_be_replayed_at_once() {
    on_both(async |database: Database| {
        let orders = [database.confirmed().await, database.confirmed().await, database.confirmed().await];
        let receiver = receiver();
        receiver.script(|_| Answer::Empty(400));
        let relay = database.relay(&events_of(&receiver), &[("EVENT_ATTEMPTS", "1")]).await;
        relay.dead_letters(3).await;
        let (status, body) = relay.get("/admin/dead-letters?limit=2").await;
        assert_eq!((status, body["dead_letters"].as_array().unwrap().len()), (200, 2));
        for wrong in ["0", "1001", "many"] {
            let (status, body) = relay.get(&format!("/admin/dead-letters?limit={wrong}")).await;
            assert_eq!((status, body["status"].as_u64()), (422, Some(422)));
        }
        receiver.script(|_| Answer::Empty(204));
        let (status, body) = relay.post("/admin/dead-letters/replay").await;
        assert_eq!((status, body["replayed"].as_u64()), (200, Some(3)));
        let seen = receiver.wait_for("/events", 6).await;
        assert!(orders.iter().all(|order| kinds(&seen, order).len() == 2));
        relay.dead_letters(0).await;
        relay.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_receiver_that_is_away_costs_no_attempts_and_shows_in_metrics() {
    on_both(async |database: Database| {
        let mut receiver = receiver();
        let events = events_of(&receiver);
        receiver.stop();
        let relay = database.relay(&events, &[("EVENT_ATTEMPTS", "1")]).await;
        for _ in 0..100 {
            database.confirmed().await;
        }
        relay.signal.wake();
        assert_eq!(relay.metric("outbox_length").await, Some(100));
        testkit::eventually("the oldest event to be a second old", async || {
            relay.metric("outbox_oldest_age_seconds").await.filter(|age| *age >= 1)
        })
        .await;
        receiver.restart();
        database.wait_until_empty().await;
        assert_eq!(receiver.received("/events").len(), 100, "each once");
        relay.dead_letters(0).await;
        assert_eq!(relay.metric("outbox_length").await, Some(0));
        assert_eq!(relay.metric("outbox_oldest_age_seconds").await, Some(0));
        relay.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_stop_delivers_what_waits_and_the_next_relay_the_rest() {
    on_both(async |database: Database| {
        let mut receiver = receiver();
        let events = events_of(&receiver);
        let relay = database.relay(&events, &[]).await;
        let first = database.confirmed().await;
        relay.stop().await;
        assert_eq!(kinds(&receiver.received("/events"), &first), ["order.confirmed"]);

        receiver.stop();
        let relay = database.relay(&events, &[]).await;
        let second = database.confirmed().await;
        database.cancel(&second).await;
        relay.stop().await;
        receiver.restart();
        let relay = database.relay(&events, &[]).await;
        database.wait_until_empty().await;
        let seen = receiver.received("/events");
        assert_eq!(kinds(&seen, &second), ["order.confirmed", "order.cancelled"]);
        assert_eq!(seen.len(), 3, "each once");
        relay.stop().await;
    })
    .await;
}

#[tokio::test]
async fn what_a_dead_relay_had_taken_goes_to_another_after_its_lease() {
    let Some(database) = Database::postgres().await else { return };
    let order = database.confirmed().await;
    let outbox = database.store.outbox();
    let lease = Duration::from_millis(600);
    let (claimed, start) = (outbox.claim(10, &[], lease).await.unwrap(), Instant::now());
    assert_eq!(claimed.len(), 1);
    assert!(outbox.claim(10, &[], lease).await.unwrap().is_empty(), "nobody else takes it");
    let receiver = receiver();
    let relay = database.relay(&events_of(&receiver), &[]).await;
    let seen = receiver.wait_for("/events", 1).await;
    assert!(start.elapsed() >= lease);
    assert_eq!(kinds(&seen, &order), ["order.confirmed"]);
    relay.stop().await;
}

#[tokio::test]
async fn two_relays_on_one_database_lose_reorder_and_double_nothing() {
    let Some(database) = Database::postgres().await else { return };
    let receiver = receiver();
    let events = events_of(&receiver);
    let relays = [database.relay(&events, &[]).await, database.relay(&events, &[]).await];
    let mut orders = Vec::new();
    for number in 0..150 {
        let order = database.confirmed().await;
        relays[number % 2].signal.wake();
        if number % 3 > 0 {
            database.cancel(&order).await;
        }
        orders.push(order);
    }
    database.wait_until_empty().await;
    let mut by_order: HashMap<String, Vec<String>> = HashMap::new();
    for event in receiver.received("/events") {
        let of_order = by_order.entry(event.header("ce-subject").to_owned()).or_default();
        of_order.push(event.header("ce-type").to_owned());
    }
    for (number, order) in orders.iter().enumerate() {
        let expected = &["order.confirmed", "order.cancelled"][..if number % 3 > 0 { 2 } else { 1 }];
        assert_eq!(by_order[&order.id.to_string()], expected);
    }
    for relay in relays {
        relay.stop().await;
    }
}

#[tokio::test]
async fn only_the_first_event_of_an_order_can_be_taken() {
    on_both(async |database: Database| {
        let order = database.confirmed().await;
        database.cancel(&order).await;
        let outbox = database.store.outbox();
        let lease = Duration::from_mins(1);
        let first = outbox.claim(10, &[], lease).await.unwrap();
        assert_eq!((first.len(), first[0].kind.as_str()), (1, "order.confirmed"));
        let held = [first[0].position];
        assert!(outbox.claim(10, &held, lease).await.unwrap().is_empty());
        outbox.settle(&[(held[0], Fate::Delivered)]).await.unwrap();
        let second = outbox.claim(10, &held, lease).await.unwrap();
        assert_eq!((second.len(), second[0].kind.as_str()), (1, "order.cancelled"));
    })
    .await;
}
