//! Order events through NATS JetStream.

use crate::relay::{Database, Placed};
use api::{event::CloudEvent, problem::ProblemKind};
use service_kit::{
    error::ApiError,
    events::{EventsUrl, Publisher, nats},
    shutdown::{Shutdown, Trigger},
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};
use telemetry::{
    Env, Telemetry,
    testing::{SpanRecord, recorder},
};
use testkit::{Nats, eventually};
use tokio::task::JoinHandle;

type Handler = dyn Fn(&CloudEvent) -> Result<(), ApiError> + Send + Sync;

/// A receiver of the stream.
struct Receiver {
    seen: Arc<Mutex<Vec<CloudEvent>>>,
    trigger: Trigger,
    running: JoinHandle<()>,
}

impl Receiver {
    fn start(
        url: &str,
        attempts: &str,
        handler: impl Fn(&CloudEvent) -> Result<(), ApiError> + Send + Sync + 'static,
    ) -> Self {
        let seen: Arc<Mutex<Vec<CloudEvent>>> = Arc::default();
        let (handler, all): (Arc<Handler>, _) = (Arc::new(handler), seen.clone());
        let handle = move |event: CloudEvent| {
            let result = handler(&event);
            all.lock().unwrap().push(event);
            async move { result }
        };
        let env = Env::from_pairs([("EVENTS_URL", url), ("EVENT_ATTEMPTS", attempts)]);
        let EventsUrl::Nats(server) = EventsUrl::from_env(&env).unwrap() else { panic!("{url}") };
        let (trigger, stop) = Shutdown::by_hand();
        let telemetry = Telemetry::for_test("inventory-service");
        let running =
            tokio::spawn(async move { nats::consume(&server, &telemetry, "inventory", handle, stop).await });
        Self { seen, trigger, running }
    }

    fn seen(&self) -> Vec<CloudEvent> {
        self.seen.lock().unwrap().clone()
    }

    async fn wait_for(&self, count: usize) -> Vec<CloudEvent> {
        eventually(&format!("{count} events"), async || Some(self.seen()).filter(|seen| seen.len() >= count))
            .await
    }

    async fn stop(self) {
        self.trigger.stop();
        self.running.await.unwrap();
    }
}

/// Kinds of what came about an order.
fn kinds(seen: &[CloudEvent], order: &Placed) -> Vec<String> {
    let id = order.id.to_string();
    let of_order = seen.iter().filter(|event| event.subject.as_deref() == Some(&id));
    of_order.map(|event| event.kind.clone()).collect()
}

fn refused() -> ApiError {
    ApiError::new(ProblemKind::Conflict, "there is not enough stock")
}

async fn spans(order: &Placed, count: usize) -> Vec<SpanRecord> {
    recorder().wait_for_spans(&order.context.trace_id().unwrap(), count).await
}

#[tokio::test]
async fn an_event_goes_through_the_stream_in_its_orders_trace() {
    let Some(nats) = Nats::start().await else { return };
    let database = Database::sqlite().await;
    let receiver = Receiver::start(&nats.url(), "20", |_| Ok(()));
    let relay = database.relay(&nats.url(), &[]).await;
    let order = database.confirmed().await;
    relay.signal.wake();
    let event = receiver.wait_for(1).await.remove(0);
    assert_eq!((event.kind.as_str(), event.source.as_str()), ("order.confirmed", "/order-service"));
    assert_eq!(event.data["order_id"], order.id.to_string());

    let spans = spans(&order, 2).await;
    let of_kind = |kind: &str| spans.iter().find(|span| span.kind == kind).unwrap();
    let (publish, process) = (of_kind("PRODUCER"), of_kind("CONSUMER"));
    assert_eq!(
        (publish.name.as_str(), process.name.as_str()),
        ("order-events publish", "order-events process")
    );
    assert_eq!(publish.parent_span_id.as_deref(), Some("00f067aa0ba902b7"));
    assert_eq!(process.parent_span_id.as_ref(), Some(&publish.span_id));
    for span in [publish, process] {
        assert_eq!(span.attributes["messaging.system"], "nats");
        assert_eq!(span.attributes["messaging.message.id"], event.id);
        assert_eq!(span.attributes["session.id"], "s-1", "baggage goes with it");
        assert!(span.error.is_none());
    }
    let lines = recorder().lines(&order.context.trace_id().unwrap());
    assert!(
        lines.iter().all(|line| line["target"] != "async_nats::connector"),
        "not about the order: {lines:?}"
    );
    database.wait_until_empty().await;
    relay.stop().await;
    receiver.stop().await;
}

#[tokio::test]
async fn what_a_receiver_fails_with_comes_again() {
    let Some(nats) = Nats::start().await else { return };
    let database = Database::sqlite().await;
    let order = database.confirmed().await;
    let tries = AtomicU32::new(0);
    let receiver = Receiver::start(&nats.url(), "20", move |_| match tries.fetch_add(1, Relaxed) {
        0 => panic!("a mistake"),
        1 => Err(refused()),
        _ => Ok(()),
    });
    let relay = database.relay(&nats.url(), &[]).await;
    let seen = receiver.wait_for(2).await;
    assert!(seen.iter().all(|event| event.id == seen[0].id));
    let spans = spans(&order, 4).await;
    let failed: Vec<&SpanRecord> = spans.iter().filter(|span| span.error.is_some()).collect();
    assert_eq!(failed.len(), 2, "{failed:?}");
    assert!(failed.iter().all(|span| span.kind == "CONSUMER"));
    let why: Vec<&str> = failed.iter().map(|span| span.error.as_deref().unwrap()).collect();
    assert_eq!(why, ["handling it broke off", "there is not enough stock"]);
    relay.stop().await;
    receiver.stop().await;
}

#[tokio::test]
async fn what_a_receiver_gives_up_is_a_dead_letter_of_the_order_service() {
    let Some(nats) = Nats::start().await else { return };
    let database = Database::sqlite().await;
    let (bad, good) = (database.confirmed().await, database.confirmed().await);
    let (poison, takes) = (bad.id.to_string(), Arc::new(Mutex::new(false)));
    let now_takes = takes.clone();
    let receiver = Receiver::start(&nats.url(), "2", move |event| {
        let refuses = event.subject.as_ref() == Some(&poison) && !*takes.lock().unwrap();
        if refuses { Err(refused()) } else { Ok(()) }
    });
    let relay = database.relay(&nats.url(), &[]).await;
    let letter = relay.dead_letters(1).await.remove(0);
    assert_eq!(letter["order_id"], bad.id.to_string());
    assert_eq!(letter["attempts"], 2);
    assert_eq!(letter["last_error"], "inventory: there is not enough stock");
    assert_eq!(relay.metric("outbox_dead_letters_total").await, Some(1));
    assert_eq!(kinds(&receiver.seen(), &good), ["order.confirmed"], "others go on");

    *now_takes.lock().unwrap() = true;
    let event_id = letter["event_id"].as_str().unwrap();
    let (status, _) = relay.post(&format!("/admin/dead-letters/{event_id}/replay")).await;
    assert_eq!(status, 200);
    let seen = receiver.wait_for(4).await;
    assert_eq!(seen[3].id, event_id, "a replay is no duplicate to the stream");
    relay.dead_letters(0).await;
    relay.stop().await;
    receiver.stop().await;
}

#[tokio::test]
async fn the_stream_takes_a_delivery_once() {
    let Some(nats) = Nats::start().await else { return };
    let env = Env::from_pairs([("EVENTS_URL", nats.url())]);
    let url = EventsUrl::from_env(&env).unwrap();
    let publisher = Publisher::new(&url, Duration::from_secs(3), None).unwrap();
    let event = |id: &str| CloudEvent {
        specversion: "1.0".to_owned(),
        id: id.to_owned(),
        source: "/order-service".to_owned(),
        kind: "order.confirmed".to_owned(),
        subject: None,
        time: None,
        traceparent: None,
        tracestate: None,
        data: serde_json::Value::Null,
    };
    let context = telemetry::propagation::StoredContext::default();
    for _ in 0..3 {
        publisher.publish(&event("e-1"), &context, "e-1.1").await.unwrap();
    }
    publisher.publish(&event("e-2"), &context, "e-2.2").await.unwrap();
    let receiver = Receiver::start(&nats.url(), "20", |_| Ok(()));
    let seen = receiver.wait_for(2).await;
    assert_eq!([&seen[0].id, &seen[1].id], ["e-1", "e-2"]);
    receiver.stop().await;
}

#[tokio::test]
async fn a_receiver_that_was_away_gets_what_it_missed_and_nothing_twice() {
    let Some(nats) = Nats::start().await else { return };
    let database = Database::sqlite().await;
    let relay = database.relay(&nats.url(), &[]).await;
    let receiver = Receiver::start(&nats.url(), "20", |_| Ok(()));
    let first = database.confirmed().await;
    relay.signal.wake();
    receiver.wait_for(1).await;
    receiver.stop().await;

    database.cancel(&first).await;
    let second = database.confirmed().await;
    relay.signal.wake();
    database.wait_until_empty().await;
    let receiver = Receiver::start(&nats.url(), "20", |_| Ok(()));
    receiver.wait_for(2).await;
    let third = database.confirmed().await;
    relay.signal.wake();
    let seen = receiver.wait_for(3).await;
    assert_eq!(kinds(&seen, &first), ["order.cancelled"]);
    assert_eq!(kinds(&seen, &second), ["order.confirmed"]);
    assert_eq!(kinds(&seen, &third), ["order.confirmed"]);
    assert_eq!(seen.len(), 3);
    relay.stop().await;
    receiver.stop().await;
}

#[tokio::test]
async fn a_server_that_goes_away_and_comes_back_costs_no_event() {
    let Some(mut nats) = Nats::start().await else { return };
    let database = Database::sqlite().await;
    let relay = database.relay(&nats.url(), &[("EVENT_ATTEMPTS", "1"), ("PEER_TIMEOUT_MS", "500")]).await;
    let receiver = Receiver::start(&nats.url(), "20", |_| Ok(()));
    let first = database.confirmed().await;
    relay.signal.wake();
    receiver.wait_for(1).await;
    database.wait_until_empty().await;
    nats.stop();
    let second = database.confirmed().await;
    database.cancel(&second).await;
    relay.signal.wake();
    let trace = second.context.trace_id().unwrap();
    eventually("an attempt in vain", async || {
        recorder().spans(&trace).iter().any(|span| span.error.is_some()).then_some(())
    })
    .await;
    nats.restart().await;
    database.wait_until_empty().await;
    let seen = receiver.wait_for(3).await;
    assert_eq!(kinds(&seen, &first), ["order.confirmed"]);
    assert_eq!(kinds(&seen, &second), ["order.confirmed", "order.cancelled"]);
    relay.dead_letters(0).await;
    relay.stop().await;
    receiver.stop().await;
}

#[tokio::test]
async fn two_receivers_of_one_name_share_the_events() {
    let Some(nats) = Nats::start().await else { return };
    let database = Database::sqlite().await;
    let receivers = [(); 2].map(|()| Receiver::start(&nats.url(), "20", |_| Ok(())));
    let relay = database.relay(&nats.url(), &[]).await;
    for _ in 0..100 {
        database.confirmed().await;
    }
    relay.signal.wake();
    database.wait_until_empty().await;
    let all = || receivers.iter().flat_map(Receiver::seen).map(|event| event.id).collect::<Vec<_>>();
    eventually("all events", async || (all().len() >= 100).then_some(())).await;
    let mut ids = all();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), all().len()), (100, 100), "each once");
    relay.stop().await;
    for receiver in receivers {
        receiver.stop().await;
    }
}
