//! `order-events`: what the outbox holds goes to the receivers, and what nobody takes waits for somebody who looks.
//!
//! | module | what |
//! |---|---|
//! | `relay` | publishes what the outbox holds, at least once, each order's events in their order |
//! | `flights` | the events that are on their way |
//! | [`dead_letters`] | those that nobody takes: from the receivers of a stream, and for people |
//! | `backlog` | what waits, as metrics |

mod backlog;
pub mod dead_letters;
mod flights;
mod relay;

use crate::{config::Config, store::outbox::Outbox};
pub use backlog::BacklogMetrics;
use backlog::DeadLetters;
use relay::Relay;
use service_kit::{
    access::Guard,
    events::{EventsUrl, Publisher},
    shutdown::Shutdown,
};
use std::sync::Arc;
use telemetry::Telemetry;
use tokio::sync::Notify;

/// Tells the relay that there is something to publish.
#[derive(Clone)]
pub struct OutboxSignal(Arc<Notify>);

impl OutboxSignal {
    /// There is.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

/// Everything that moves events.
pub struct Events {
    relay: Relay,
    outbox: Outbox,
    dead_letters: DeadLetters,
    url: EventsUrl,
}

impl Events {
    /// What moves the events of one outbox, and its bell.
    pub fn new(
        config: &Config,
        telemetry: &Telemetry,
        guard: &Guard,
        outbox: Outbox,
    ) -> Result<(Self, OutboxSignal), reqwest::Error> {
        let work = Arc::new(Notify::new());
        let token = guard.token_for("inventory-service");
        let publisher = Publisher::new(&config.events, config.peer_timeout, token)?;
        let dead_letters = DeadLetters::new(telemetry.metrics());
        let relay = Relay::new(config, outbox.clone(), publisher, dead_letters.clone(), work.clone());
        Ok((Self { relay, outbox, dead_letters, url: config.events.clone() }, OutboxSignal(work)))
    }

    /// Runs until `stop`, then once more publishes what is left, without waiting for a receiver that is away.
    pub async fn run(self, stop: Shutdown) {
        let Self { relay, outbox, dead_letters, url } = self;
        match url {
            // The one receiver's refusals are answers to the relay.
            EventsUrl::Http(_) => relay.run(stop).await,
            EventsUrl::Nats(server) => {
                tokio::join!(
                    relay.run(stop.clone()),
                    dead_letters::take(&server, outbox, dead_letters, stop)
                );
            }
        }
    }
}
