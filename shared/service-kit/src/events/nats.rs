//! CloudEvents over NATS JetStream, in binary mode.
//! Spec: <https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/nats-protocol-binding.md>
//!
//! One stream keeps the events on disk. A receiver is a durable consumer: instances that share its name share its
//! events. What a receiver gives up goes to a subject of its own, from where the publisher takes it back.

mod consumer;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use api::event::{CloudEvent, ORDER_EVENTS};
use async_nats::connection::State;
use async_nats::jetstream::context::{ContextBuilder, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, stream};
use async_nats::{ConnectOptions, ServerAddr};
use reqwest::Url;
use telemetry::propagation::StoredContext;
use tokio::sync::OnceCell;

use super::{PublishError, to_message};
pub use consumer::{DeadLetter, consume, take_dead_letters};

/// `messaging.system`
pub(super) const SYSTEM: &str = "nats";
const STREAM: &str = "ORDER_EVENTS";
/// Where events go that a receiver has given up.
const DEAD: &str = "order-events.dead";
/// A receiver that is away for longer misses events.
const KEPT: Duration = Duration::from_hours(7 * 24);
/// So does one that is away while more than this comes, 2 GiB: the oldest make room, so that a full stream refuses
/// nothing. The server sets the room aside when the stream is made.
const KEPT_BYTES: i64 = 2 << 30;
/// How long the stream remembers what it has taken: longer than a publisher goes on with one delivery at a time.
const DUPLICATES: Duration = Duration::from_mins(10);

/// Where the server is. Its `Debug` shows no password.
#[derive(Clone)]
pub struct NatsServer {
    address: ServerAddr,
    attempts: u32,
    replicas: usize,
}

impl NatsServer {
    /// None when the URL is not `nats://[user:password@]host[:port]`. A receiver gives an event up after `attempts`;
    /// the stream is made with so many `replicas`.
    pub(super) fn new(url: &Url, attempts: u32, replicas: usize) -> Option<Self> {
        let only_a_server = url.has_host()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.host_str() != Some("");
        let address = ServerAddr::from_url(url.clone()).ok().filter(|_| only_a_server)?;
        Some(Self { address, attempts, replicas })
    }

    /// Connects, and makes the stream if there is none. The connection mends itself from then on.
    async fn connect(&self, timeout: Duration) -> Result<jetstream::Context, async_nats::Error> {
        let client = ConnectOptions::new()
            .connection_timeout(timeout)
            .reconnect_delay_callback(|tries| Duration::from_millis(50 * (tries as u64).min(20)))
            .connect(self.address.clone())
            .await?;
        let context = ContextBuilder::new().timeout(timeout).build(client);
        self.ensure_stream(&context).await?;
        Ok(context)
    }

    /// The stream, made if there is none. One that is there stays as it is: its replicas and its size are changed on
    /// the servers. Only one without a size is given ours.
    async fn ensure_stream(&self, context: &jetstream::Context) -> Result<stream::Stream, async_nats::Error> {
        let config = stream::Config {
            name: STREAM.to_owned(),
            subjects: vec![ORDER_EVENTS.to_owned(), DEAD.to_owned()],
            storage: stream::StorageType::File,
            max_age: KEPT,
            max_bytes: KEPT_BYTES,
            duplicate_window: DUPLICATES,
            num_replicas: self.replicas,
            ..stream::Config::default()
        };
        let stream = context.get_or_create_stream(config).await?;
        let held = &stream.cached_info().config;
        if held.max_bytes <= 0 {
            let bounded = stream::Config { max_bytes: KEPT_BYTES, ..held.clone() };
            // It works without, until the disk is full.
            if let Err(error) = context.update_stream(bounded).await {
                tracing::warn!(%error, "the stream of events could not be given a size");
            }
        }
        Ok(stream)
    }
}

impl fmt::Debug for NatsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NatsServer({}:{})", self.address.host(), self.address.port())
    }
}

/// Publishes to the stream. A cheap handle.
#[derive(Clone)]
pub struct NatsPublisher {
    server: NatsServer,
    timeout: Duration,
    context: Arc<OnceCell<jetstream::Context>>,
}

impl NatsPublisher {
    pub(super) fn new(server: NatsServer, timeout: Duration) -> Self {
        Self { server, timeout, context: Arc::default() }
    }

    pub(super) async fn publish(
        &self,
        event: &CloudEvent,
        context: &StoredContext,
        delivery: &str,
    ) -> Result<(), PublishError> {
        let (headers, body) = to_message(event, context)?;
        let mut message = PublishMessage::build().payload(body.into()).message_id(delivery);
        for (name, value) in &headers {
            let value = value.to_str().map_err(|_| not_taken("an attribute does not fit into a header"))?;
            message = message.header(name.as_str(), value);
        }
        // Connecting included, and less than the time for which an event is nobody else's.
        match tokio::time::timeout(self.timeout, self.send(message)).await {
            Ok(sent) => sent,
            Err(_) => Err(PublishError::Away("NATS did not answer in time".to_owned())),
        }
    }

    /// In a task of its own: what the client says of its connection is not about the event, and must not be among the
    /// log lines of its order.
    async fn connect(&self) -> Result<jetstream::Context, PublishError> {
        let (server, timeout) = (self.server.clone(), self.timeout);
        let connecting = tokio::spawn(async move { server.connect(timeout).await });
        connecting.await.map_err(|_| away())?.map_err(|_| away())
    }

    async fn send(&self, message: PublishMessage) -> Result<(), PublishError> {
        // The first events come together: one of them connects and the others wait.
        let jetstream = self.context.get_or_try_init(|| self.connect()).await?;
        // A message would wait in the client for the connection, and be forgotten there when the process ends.
        if jetstream.client().connection_state() != State::Connected {
            return Err(away());
        }
        let sent = async { jetstream.send_publish(ORDER_EVENTS, message).await?.await };
        match sent.await.map_err(|error| error.kind()) {
            Ok(_) => Ok(()),
            Err(PublishErrorKind::MaxPayloadExceeded) => {
                Err(not_taken("the event is larger than NATS takes"))
            }
            Err(PublishErrorKind::StreamNotFound) => {
                let _ = self.server.ensure_stream(jetstream).await;
                Err(PublishError::Away("there was no stream".to_owned()))
            }
            Err(kind) => Err(PublishError::Away(format!("NATS did not take it: {kind}"))),
        }
    }
}

fn not_taken(why: &str) -> PublishError {
    PublishError::NotTaken(why.to_owned())
}

fn away() -> PublishError {
    PublishError::Away("NATS cannot be reached".to_owned())
}
