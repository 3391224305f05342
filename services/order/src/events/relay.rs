//! The relay: publishes what the outbox holds, at least once and each order's events in their order.
//!
//! It works in rounds: note what became of the events that were on their way, take new ones, wait. Up to
//! [`MOST`] events of different orders are on their way at once, so one that is refused, or never answered, holds up
//! nobody but the later events of its own order. What ends while a round is at the database is noted in the next, in
//! one transaction: the busier, the fewer commits an event costs.

use super::{backlog::DeadLetters, flights::Flights};
use crate::{
    SERVICE,
    config::Config,
    store::outbox::{Fate, Outbox, OutboxEvent},
};
use api::event::{CloudEvent, ORDER_EVENTS};
use service_kit::{
    events::{PublishError, Publisher, back_off},
    shutdown::Shutdown,
};
use std::{sync::Arc, time::Duration};
use telemetry::{messaging, propagation::StoredContext, span};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tracing::Instrument;

/// Events on their way at once.
const MOST: usize = 64;
/// How often the outbox is looked at when nobody calls: for events whose rest is over, and those of other instances.
const LOOK: Duration = Duration::from_millis(250);
/// After something has happened, for more to happen: a commit to the disk costs the same for one event and for many.
const GATHER: Duration = Duration::from_millis(10);
/// The pauses between two looks whether the receiver, or the database, is back.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long an event rests that found nobody there.
const AWAY: Duration = Duration::from_secs(1);
/// What the end may take.
const STOP_TIME: Duration = Duration::from_secs(3);

/// Publishes the events of one outbox.
pub(super) struct Relay {
    sender: Arc<Sender>,
    outbox: Outbox,
    work: Arc<Notify>,
    lease: Duration,
}

/// What one event needs to be sent.
struct Sender {
    publisher: Publisher,
    attempts: u32,
    dead_letters: DeadLetters,
}

impl Relay {
    pub(super) fn new(
        config: &Config,
        outbox: Outbox,
        publisher: Publisher,
        dead_letters: DeadLetters,
        work: Arc<Notify>,
    ) -> Self {
        let sender = Sender { publisher, attempts: config.event_attempts, dead_letters };
        // Longer than an event is on its way, and some time to note what became of it.
        let lease = config.peer_timeout * 2 + Duration::from_secs(3);
        Self { sender: Arc::new(sender), outbox, work, lease }
    }

    pub(super) async fn run(self, stop: Shutdown) {
        let mut flights = Flights::default();
        let mut pause = FIRST_PAUSE;
        loop {
            let wait = match self.round(&mut flights).await {
                Ok(()) => {
                    pause = FIRST_PAUSE;
                    LOOK
                }
                Err(error) => {
                    if pause == FIRST_PAUSE {
                        tracing::warn!(%error, "the outbox does not answer");
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    pause
                }
            };
            tokio::select! {
                () = self.work.notified(), if wait == LOOK && flights.len() < MOST => {}
                () = flights.landed(), if wait == LOOK => {}
                () = sleep(wait) => {}
                () = stop.requested() => break,
            }
            sleep(GATHER).await;
            flights.collect();
            if let Some(away) = flights.away().filter(|_| flights.len() == 0) {
                tokio::select! {
                    () = sleep(away.clamp(FIRST_PAUSE, LONGEST_PAUSE)) => {}
                    () = stop.requested() => break,
                }
            }
        }
        let _ = timeout(STOP_TIME, self.finish(flights)).await;
    }

    /// Publishes what is left, without waiting for anybody who is away.
    async fn finish(&self, mut flights: Flights) -> Result<(), sqlx::Error> {
        loop {
            self.round(&mut flights).await?;
            while flights.len() > 0 {
                flights.landed().await;
            }
            // Nothing was due any more, or nobody is there.
            if flights.fates().is_empty() || flights.away().is_some() {
                return self.outbox.settle(flights.fates()).await;
            }
        }
    }

    /// Notes what has landed and sends off what is due.
    async fn round(&self, flights: &mut Flights) -> Result<(), sqlx::Error> {
        flights.collect();
        if !flights.fates().is_empty() {
            self.outbox.settle(flights.fates()).await?;
            flights.settled();
        }
        // One event finds out whether the receiver is back.
        let most = if flights.away().is_some() { 1 } else { MOST };
        let free = most.saturating_sub(flights.len());
        if free == 0 {
            return Ok(());
        }
        for event in self.outbox.claim(free, &flights.positions(), self.lease).await? {
            let (sender, position) = (self.sender.clone(), event.position);
            flights.start(position, async move { sender.send(event).await });
        }
        Ok(())
    }
}

impl Sender {
    async fn send(&self, event: OutboxEvent) -> Fate {
        let (id, system) = (event.event_id.to_string(), self.publisher.system());
        let span = messaging::publish_span(system, ORDER_EVENTS, &id, &event.context);
        let context = StoredContext::of(&span);
        let refusals = event.attempts.saturating_add(1);
        let order_id = event.order_id.to_string();
        // A stream takes a delivery once. A replay is another delivery: it has another position.
        let delivery = format!("{id}.{}", event.position);
        let work = async {
            span::order(&order_id);
            let event = to_cloud_event(event, id, &order_id, &context);
            match self.publisher.publish(&event, &context, &delivery).await {
                Ok(()) => Fate::Delivered,
                Err(error) => self.fate(error, refusals),
            }
        };
        work.instrument(span).await
    }

    /// Inside the PRODUCER span.
    fn fate(&self, error: PublishError, refusals: u32) -> Fate {
        span::fail("not_delivered", &error.to_string());
        match error {
            PublishError::Away(error) => Fate::Postponed { rest: AWAY, error, refused: false },
            PublishError::NotTaken(error) if refusals < self.attempts => {
                tracing::warn!(attempt = refusals, %error, "an order event was not taken; it is sent again");
                Fate::Postponed { rest: back_off(refusals), error, refused: true }
            }
            PublishError::NotTaken(error) => {
                tracing::error!(attempts = refusals, %error, "an order event is given up: it is a dead letter");
                self.dead_letters.inc();
                Fate::Dead { error }
            }
        }
    }
}

fn to_cloud_event(event: OutboxEvent, id: String, order_id: &str, context: &StoredContext) -> CloudEvent {
    CloudEvent {
        specversion: "1.0".to_owned(),
        id,
        source: format!("/{SERVICE}"),
        kind: event.kind,
        subject: Some(order_id.to_owned()),
        time: Some(event.created_at),
        traceparent: Some(context.traceparent.clone()).filter(|held| !held.is_empty()),
        tracestate: context.tracestate.clone(),
        data: serde_json::json!({ "order_id": order_id }),
    }
}
