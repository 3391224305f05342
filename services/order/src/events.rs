//! The relay: publishes what the outbox holds, at least once and in order, as CloudEvents over HTTP.

use crate::{
    SERVICE,
    config::Config,
    store::{OutboxEvent, Store},
};
use api::event::{CloudEvent, ORDER_EVENTS};
use reqwest::Url;
use service_kit::{cloudevents, shutdown::Shutdown};
use std::{sync::Arc, time::Duration};
use telemetry::{
    messaging,
    propagation::{self, StoredContext},
    span,
};
use tokio::sync::Notify;
use tracing::Instrument;

/// Events read at once.
const BATCH: i64 = 64;
/// How often the outbox is looked at when nobody calls: for events that another run of the process has left.
const LOOK: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Tells the relay that there is something to publish.
#[derive(Clone)]
pub struct OutboxSignal(Arc<Notify>);

impl OutboxSignal {
    /// There is.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// Publishes the events of one database.
pub struct Relay {
    store: Store,
    client: reqwest::Client,
    receiver: Url,
    work: Arc<Notify>,
}

impl Relay {
    /// The relay and its bell.
    pub fn new(config: &Config, store: Store) -> Result<(Self, OutboxSignal), reqwest::Error> {
        // A plain client: the PRODUCER span is the hop, a CLIENT span inside it would say the same again.
        let client =
            reqwest::Client::builder().no_proxy().tcp_nodelay(true).timeout(config.peer_timeout).build()?;
        let work = Arc::new(Notify::new());
        let signal = OutboxSignal(work.clone());
        Ok((Self { store, client, receiver: config.events.clone(), work }, signal))
    }

    /// Publishes until `stop`, then once more what is left, without waiting for a receiver that is away.
    pub async fn run(self, stop: Shutdown) {
        let mut pause = FIRST_PAUSE;
        loop {
            let wait = match self.publish_waiting().await {
                Ok(()) => {
                    pause = FIRST_PAUSE;
                    LOOK
                }
                Err(error) => {
                    if pause == FIRST_PAUSE {
                        tracing::warn!(%error, "order events are not delivered; they stay in the outbox");
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    pause
                }
            };
            tokio::select! {
                () = self.work.notified(), if wait == LOOK => {}
                () = tokio::time::sleep(wait) => {}
                () = stop.requested() => {
                    let _ = self.publish_waiting().await;
                    return;
                }
            }
        }
    }

    /// Everything that waits, oldest first, up to the first that is not taken.
    async fn publish_waiting(&self) -> Result<(), RelayError> {
        loop {
            let events = self.store.waiting_events(BATCH).await?;
            let Some(last) = events.last().map(|event| event.position) else { return Ok(()) };
            let mut delivered = None;
            let mut result = Ok(());
            for event in &events {
                result = self.publish(event).await;
                if result.is_err() {
                    break;
                }
                delivered = Some(event.position);
            }
            if let Some(position) = delivered {
                self.store.delivered(position).await?;
            }
            result?;
            if events.len() < BATCH as usize || delivered != Some(last) {
                return Ok(());
            }
        }
    }

    async fn publish(&self, event: &OutboxEvent) -> Result<(), RelayError> {
        let span = messaging::publish_span("http", ORDER_EVENTS, &event.event_id, &event.context);
        let context = StoredContext::of(&span);
        async {
            span::order(&event.order_id);
            let sent = self.send(event, context).await;
            if let Err(error) = &sent {
                span::fail("not_delivered", &error.to_string());
            }
            sent
        }
        .instrument(span.clone())
        .await
    }

    async fn send(&self, event: &OutboxEvent, context: StoredContext) -> Result<(), RelayError> {
        let event = CloudEvent {
            specversion: "1.0".to_owned(),
            id: event.event_id.clone(),
            source: format!("/{SERVICE}"),
            kind: event.kind.clone(),
            subject: Some(event.order_id.clone()),
            time: Some(event.created_at),
            traceparent: Some(context.traceparent),
            tracestate: context.tracestate,
            data: serde_json::json!({ "order_id": event.order_id }),
        };
        let (mut headers, body) = cloudevents::to_request(&event).map_err(RelayError::Header)?;
        propagation::inject(&tracing::Span::current(), &mut headers);
        let answer = self.client.post(self.receiver.clone()).headers(headers).body(body).send().await?;
        if answer.status().is_success() { Ok(()) } else { Err(RelayError::Refused(answer.status().as_u16())) }
    }
}

#[derive(Debug, thiserror::Error)]
enum RelayError {
    #[error("the outbox cannot be read: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the receiver cannot be reached")]
    Unreachable(#[from] reqwest::Error),
    #[error("the receiver answered {0}")]
    Refused(u16),
    #[error("an attribute does not fit into a header")]
    Header(#[source] axum::http::header::InvalidHeaderValue),
}
