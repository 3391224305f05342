//! The receiving side: a durable pull consumer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use api::event::{CloudEvent, ORDER_EVENTS};
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::{self, AckKind, Message};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use futures_util::{FutureExt, StreamExt};
use telemetry::propagation::StoredContext;
use telemetry::{Telemetry, messaging, span};
use tokio::task::JoinSet;
use tracing::Instrument;

use super::{DEAD, NatsServer, SYSTEM};
use crate::cloudevents;
use crate::error::ApiError;
use crate::events::back_off;
use crate::shutdown::Shutdown;

/// Messages in work at once, in one instance.
const IN_WORK: usize = 32;
/// What one event may take. The server gives a message to another instance when it hears nothing for longer.
const HANDLING: Duration = Duration::from_secs(8);
const ACK_WAIT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(3);
/// Between attempts to reach the server.
const PAUSE: Duration = Duration::from_millis(500);

/// Who gave an event up, and why.
const CONSUMER: &str = "waybill-consumer";
const ERROR: &str = "waybill-error";
const ATTEMPTS: &str = "waybill-attempts";

/// Receives order events until `shutdown`, each in a CONSUMER span of its trace. Instances that share `durable` share
/// the events.
///
/// An event comes at least once, and out of order after a failure: `handler` must be idempotent and take any order.
/// It comes again, later each time, until the handler answers `Ok`; after `EVENT_ATTEMPTS` it is a dead letter, for
/// [`take_dead_letters`]. The server may be away, at the start too.
pub async fn consume<H, F>(
    server: &NatsServer,
    telemetry: &Telemetry,
    durable: &'static str,
    handler: H,
    shutdown: Shutdown,
) where
    H: Fn(CloudEvent) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), ApiError>> + Send + 'static,
{
    let (telemetry, attempts, handler) = (telemetry.clone(), server.attempts, Arc::new(handler));
    let receive = move |context: jetstream::Context, message: Message| {
        let (telemetry, handler) = (telemetry.clone(), handler.clone());
        async move {
            let Some((event, parent)) = read(&message) else { return settle(&message, AckKind::Term).await };
            let span = messaging::process_span(&telemetry, SYSTEM, ORDER_EVENTS, &event.id, &parent);
            let work = async {
                let Err(why) = handle(async { handler(event).await }).await else { return AckKind::Ack };
                let tries = delivered(&message);
                if tries < attempts {
                    tracing::warn!(attempt = tries, error = %why, "an event could not be handled; it comes again");
                    return AckKind::Nak(Some(back_off(tries)));
                }
                if bury(&context, &message, durable, tries, &why).await.is_err() {
                    return AckKind::Nak(Some(back_off(tries)));
                }
                tracing::error!(attempts = tries, error = %why, "an event is given up: it is a dead letter");
                AckKind::Ack
            };
            let kind = work.instrument(span).await;
            settle(&message, kind).await;
        }
    };
    subscribe(server, durable, ORDER_EVENTS, receive, shutdown).await;
}

/// An event that a receiver has given up.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// As it was published.
    pub event: CloudEvent,
    /// The context of its delivery.
    pub context: StoredContext,
    /// How often the receiver tried.
    pub attempts: u32,
    /// The receiver, and what went wrong there.
    pub error: String,
}

/// Takes what receivers have given up until `shutdown`; what `keep` fails with comes again.
pub async fn take_dead_letters<H, F, E>(server: &NatsServer, keep: H, shutdown: Shutdown)
where
    H: Fn(DeadLetter) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: std::error::Error,
{
    let keep = Arc::new(keep);
    let receive = move |_, message: Message| {
        let keep = keep.clone();
        async move {
            let Some((event, context)) = read(&message) else { return settle(&message, AckKind::Term).await };
            let consumer = header(&message, CONSUMER).unwrap_or_default();
            let error = format!("{consumer}: {}", header(&message, ERROR).unwrap_or_default());
            let attempts = header(&message, ATTEMPTS).and_then(|text| text.parse().ok()).unwrap_or_default();
            let kind = match keep(DeadLetter { event, context, attempts, error }).await {
                Ok(()) => AckKind::Ack,
                Err(error) => {
                    tracing::warn!(%error, "a dead letter could not be kept; it comes again");
                    AckKind::Nak(Some(back_off(delivered(&message))))
                }
            };
            settle(&message, kind).await;
        }
    };
    subscribe(server, "order-dead-letters", DEAD, receive, shutdown).await;
}

/// What went wrong, after the span has been told.
async fn handle(work: impl Future<Output = Result<(), ApiError>>) -> Result<(), String> {
    // A panic counts like any failure: the event would come again for ever.
    let work = AssertUnwindSafe(work).catch_unwind();
    let (error_type, description) = match tokio::time::timeout(HANDLING, work).await {
        Ok(Ok(Ok(()))) => return Ok(()),
        Ok(Ok(Err(error))) => (error.error_type().into_owned(), error.description()),
        Ok(Err(_)) => ("panic".to_owned(), "handling it broke off".to_owned()),
        Err(_) => ("timeout".to_owned(), "handling it took too long".to_owned()),
    };
    span::fail(&error_type, &description);
    Err(description)
}

/// Gives every message of a subject to `receive`, at most [`IN_WORK`] at once, over broken connections, until
/// `shutdown`.
async fn subscribe<R, F>(
    server: &NatsServer,
    durable: &'static str,
    subject: &'static str,
    receive: R,
    shutdown: Shutdown,
) where
    R: Fn(jetstream::Context, Message) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let mut work = JoinSet::new();
    let mut connection: Option<jetstream::Context> = None;
    let mut reached = true;
    let pull = async {
        loop {
            let broken: async_nats::Error = match server.connect(TIMEOUT).await {
                Ok(context) => {
                    if !reached {
                        tracing::info!(subject, "events come again");
                    }
                    reached = true;
                    let context = connection.insert(context);
                    pull(server, context, durable, subject, &receive, &mut work).await
                }
                Err(error) => error,
            };
            if std::mem::replace(&mut reached, false) {
                tracing::warn!(error = %broken, subject, "events do not come; trying again");
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::select! {
        () = pull => {}
        () = shutdown.requested() => {}
    }
    while work.join_next().await.is_some() {}
    if let Some(context) = connection {
        // The answers to the last messages are on their way only then.
        let _ = tokio::time::timeout(TIMEOUT, context.client().flush()).await;
    }
}

/// Receives until something breaks.
async fn pull<R, F>(
    server: &NatsServer,
    context: &jetstream::Context,
    durable: &'static str,
    subject: &'static str,
    receive: &R,
    work: &mut JoinSet<()>,
) -> async_nats::Error
where
    R: Fn(jetstream::Context, Message) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let mut messages = match open(server, context, durable, subject).await {
        Ok(messages) => Waiting(messages),
        Err(error) => return error,
    };
    loop {
        while work.len() >= IN_WORK {
            work.join_next().await;
        }
        match messages.0.next().await {
            Some(Ok(message)) => drop(work.spawn(receive(context.clone(), message))),
            Some(Err(error)) => return error.into(),
            None => return "the subscription ended".into(),
        }
        while work.try_join_next().is_some() {}
    }
}

async fn open(
    server: &NatsServer,
    context: &jetstream::Context,
    durable: &'static str,
    subject: &'static str,
) -> Result<pull::Stream, async_nats::Error> {
    let config = pull::Config {
        durable_name: Some(durable.to_owned()),
        filter_subject: subject.to_owned(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        ..pull::Config::default()
    };
    let consumer = server.ensure_stream(context).await?.get_or_create_consumer(durable, config).await?;
    let messages = consumer
        .stream()
        .max_messages_per_batch(IN_WORK)
        .expires(Duration::from_secs(5))
        .heartbeat(Duration::from_secs(1))
        .messages();
    Ok(messages.await?)
}

/// Messages that have come and not been looked at. Left behind, they go to another instance at once, not when the
/// server has waited for their answer in vain.
struct Waiting(pull::Stream);

impl Drop for Waiting {
    fn drop(&mut self) {
        while let Some(Some(Ok(message))) = self.0.next().now_or_never() {
            // It only goes into the client's queue, which has room.
            settle(&message, AckKind::Nak(None)).now_or_never();
        }
    }
}

/// Says what is to become of a message. Unsaid, it comes again.
async fn settle(message: &Message, kind: AckKind) {
    if let Err(error) = message.ack_with(kind).await {
        tracing::debug!(%error, "an event's answer did not reach NATS");
    }
}

/// Puts an event where its publisher finds it.
async fn bury(
    context: &jetstream::Context,
    message: &Message,
    durable: &str,
    tries: u32,
    why: &str,
) -> Result<(), async_nats::Error> {
    let mut headers = message.headers.clone().unwrap_or_default();
    let place = message.info().map(|info| info.stream_sequence).unwrap_or_default();
    headers.insert("Nats-Msg-Id", format!("{durable}.{place}"));
    headers.insert(CONSUMER, durable);
    // A header is one line.
    headers.insert(ERROR, why.replace(['\r', '\n'], " "));
    headers.insert(ATTEMPTS, tries.to_string());
    context.publish_with_headers(DEAD, headers, message.payload.clone()).await?.await?;
    Ok(())
}

fn read(message: &Message) -> Option<(CloudEvent, StoredContext)> {
    let mut headers = HeaderMap::new();
    for (name, values) in message.headers.iter().flat_map(|headers| headers.iter()) {
        let name = HeaderName::try_from(name.to_string()).ok();
        let value = values.first().and_then(|value| HeaderValue::from_str(value.as_str()).ok());
        if let (Some(name), Some(value)) = (name, value) {
            headers.insert(name, value);
        }
    }
    match cloudevents::read(&headers, &Bytes::clone(&message.payload)) {
        Ok(event) => {
            let delivery = StoredContext {
                traceparent: header(message, "traceparent").unwrap_or_default(),
                tracestate: header(message, "tracestate"),
                baggage: header(message, "baggage"),
            };
            let happening = StoredContext {
                traceparent: event.traceparent.clone().unwrap_or_default(),
                tracestate: event.tracestate.clone(),
                baggage: delivery.baggage.clone(),
            };
            let context = if delivery.traceparent.is_empty() { happening } else { delivery };
            Some((event, context))
        }
        Err(error) => {
            tracing::error!(%error, "a message is not an event; it is dropped");
            None
        }
    }
}

fn header(message: &Message, name: &str) -> Option<String> {
    message.headers.as_ref()?.get(name).map(|value| value.as_str().to_owned())
}

/// How often it has come, this time included.
fn delivered(message: &Message) -> u32 {
    message.info().map_or(1, |info| info.delivered.try_into().unwrap_or(u32::MAX))
}
