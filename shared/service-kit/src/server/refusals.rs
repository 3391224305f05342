//! Who was turned away, and why: counted each, said once a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use prometheus_client::encoding::EncodeLabelSet;
use telemetry::Telemetry;
use telemetry::metrics::Counter;
use telemetry::names::metric;

/// Why a request or a connection is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// 429: its address has asked too often.
    RateAddress,
    /// 429: its customer has asked too often.
    RateToken,
    /// 503: as many requests as may be are being worked on.
    InFlight,
    /// Closed: there are as many connections as may be.
    Connections,
    /// Closed: its address has its share of them.
    ConnectionsOfAddress,
    /// 400: it is not HTTP/1.1.
    Malformed,
    /// 414: path and query are too long.
    UriTooLong,
    /// 431: the request line and the headers are too long, or there are too many headers.
    HeadTooLarge,
    /// Closed: the head did not come in time.
    SlowHead,
    /// Closed: the answer was not taken in time.
    SlowReader,
}

impl Reason {
    const ALL: [Self; 10] = [
        Self::RateAddress,
        Self::RateToken,
        Self::InFlight,
        Self::Connections,
        Self::ConnectionsOfAddress,
        Self::Malformed,
        Self::UriTooLong,
        Self::HeadTooLarge,
        Self::SlowHead,
        Self::SlowReader,
    ];

    /// As the metric and the log line have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RateAddress => "rate_address",
            Self::RateToken => "rate_token",
            Self::InFlight => "in_flight",
            Self::Connections => "connections",
            Self::ConnectionsOfAddress => "connections_of_address",
            Self::Malformed => "malformed",
            Self::UriTooLong => "uri_too_long",
            Self::HeadTooLarge => "head_too_large",
            Self::SlowHead => "slow_head",
            Self::SlowReader => "slow_reader",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    reason: &'static str,
}

/// Counts refusals. A cheap handle.
#[derive(Clone)]
pub struct Refusals(Arc<Inner>);

struct Inner {
    counter: Counter<Label>,
    begun: Instant,
    said: [Said; Reason::ALL.len()],
}

/// What the log knows of one reason.
#[derive(Default)]
struct Said {
    /// The second of the last line, counted from one.
    second: AtomicU64,
    /// Refusals since.
    since: AtomicU64,
}

impl Refusals {
    /// Those of one process: make them once.
    pub fn new(telemetry: &Telemetry) -> Self {
        let labels = Reason::ALL.map(|reason| Label { reason: reason.as_str() });
        let counter = telemetry.metrics().counter(metric::HTTP_SERVER_REFUSED).from_zero(labels);
        Self(Arc::new(Inner { counter, begun: Instant::now(), said: Default::default() }))
    }

    /// One more. A flood of refusals must not become a flood of lines: there is one a second for each reason, and it
    /// says how many it stands for.
    pub fn count(&self, reason: Reason) {
        let inner = &*self.0;
        inner.counter.inc(&Label { reason: reason.as_str() });
        let Some(said) = inner.said.get(reason as usize) else { return };
        said.since.fetch_add(1, Relaxed);
        let (now, last) = (inner.begun.elapsed().as_secs() + 1, said.second.load(Relaxed));
        if now != last && said.second.compare_exchange(last, now, Relaxed, Relaxed).is_ok() {
            let refused = said.since.swap(0, Relaxed);
            tracing::warn!(reason = reason.as_str(), refused, "turned away");
        }
    }
}
