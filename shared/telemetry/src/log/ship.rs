//! Lines to receivers over the network: streams over TCP, with TLS or without, and datagrams over UDP.

mod cut;
mod datagrams;
mod stream;
pub(super) mod tls;

pub(super) use cut::cut;
pub(super) use datagrams::Datagrams;
pub(super) use stream::Stream;

use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A receiver that takes nothing for so long counts as away.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pauses between attempts: each longer than the one before.
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { next: FIRST_PAUSE }
    }

    pub(super) async fn pause(&mut self) {
        // Jitter, so that the services don't all come back in the same instant.
        tokio::time::sleep(self.next.mul_f64(rand::random_range(0.5..1.0))).await;
        self.next = (self.next * 2).min(LONGEST_PAUSE);
    }
}
