//! What comes in: OTLP over gRPC and HTTP; log lines and session events as JSON over TCP, UDP and HTTP.
//!
//! Every input turns what it gets into a [`Batch`] and offers it to one bounded queue. One thread takes from
//! the queue and commits to the store, so the slow part is in one place and memory is bounded whatever the
//! senders do.

mod connections;
pub(crate) mod limit;
pub(crate) mod lines;
pub(crate) mod lines_http;
pub(crate) mod lines_tcp;
pub(crate) mod lines_udp;
pub(crate) mod otlp;
pub(crate) mod otlp_grpc;
pub(crate) mod otlp_http;
pub(crate) mod otlp_logs;
pub(crate) mod otlp_weight;
#[cfg(test)]
mod properties;
pub(crate) mod record;
pub(crate) mod report;
pub(crate) mod room;
pub(crate) mod samples;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::ResourceSpans;

use crate::metrics::Metrics;
use crate::model::{Nanos, SpanId, TraceId};
use crate::queue::Queue;
use crate::user_key::UserKey;
use limit::Limit;
use room::Room;
use samples::Samples;

/// The largest request body or gRPC message, unpacked.
pub(crate) const MAX_BODY: usize = 8 * 1024 * 1024;
/// When an input that refuses for want of room asks the sender to try again.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Where something came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Input {
    OtlpGrpc,
    OtlpHttp,
    Tcp,
    Udp,
    Http,
}

impl Input {
    pub(crate) const ALL: [Self; 5] = [Self::OtlpGrpc, Self::OtlpHttp, Self::Tcp, Self::Udp, Self::Http];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::OtlpGrpc => "otlp_grpc",
            Self::OtlpHttp => "otlp_http",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Http => "http",
        }
    }
}

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Logs,
}

impl Signal {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
        }
    }
}

/// A log line or session event on its way to the store.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogRow {
    pub(crate) timestamp: Nanos,
    pub(crate) severity: Cow<'static, str>,
    pub(crate) service: String,
    pub(crate) message: String,
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) span_id: Option<SpanId>,
    pub(crate) order_id: Option<String>,
    pub(crate) session_id: Option<String>,
    /// Keyed hash of the user's id.
    pub(crate) user_ref: Option<String>,
    pub(crate) terminal_id: Option<String>,
    /// A session event, not a line: without a session it waits for one.
    pub(crate) is_event: bool,
    /// The whole record, a JSON object, but for the user's id.
    pub(crate) line: String,
}

impl LogRow {
    /// Bytes of memory, roughly: the row, the record, and what is copied out of it.
    pub(crate) fn weight(&self) -> usize {
        Self::weight_of(1, self.line.len())
    }

    /// The same of `rows` rows whose records have `length` bytes together.
    const fn weight_of(rows: usize, length: usize) -> usize {
        rows * size_of::<Self>() + 2 * length
    }
}

/// Some spans or lines on their way to the store.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) input: Input,
    pub(crate) count: u64,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    Spans(Vec<ResourceSpans>),
    Lines(Vec<LogRow>),
}

impl Batch {
    pub(crate) const fn signal(&self) -> Signal {
        match self.content {
            Content::Spans(_) => Signal::Traces,
            Content::Lines(_) => Signal::Logs,
        }
    }
}

/// Why nothing of a request was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// There is no room at the moment; the sender may try again.
    #[error("no room at the moment")]
    Full,
    /// There never is.
    #[error("larger than a request may be in memory")]
    TooLarge,
}

/// The inputs' side of the queue, which counts what it takes and what it refuses.
#[derive(Debug, Clone)]
pub(crate) struct Intake {
    pub(crate) queue: Arc<Queue<Batch>>,
    pub(crate) metrics: Metrics,
    pub(crate) limit: Limit,
    pub(crate) room: Room,
    pub(crate) samples: Samples,
    pub(crate) user_key: UserKey,
}

impl Intake {
    /// Counts a record that cannot be understood, and keeps it as a sample.
    fn malformed(&self, input: Input, reason: &'static str, record: &[u8]) {
        self.metrics.malformed(input, Signal::Logs, reason, 1);
        self.samples.add(input, reason, record);
    }

    /// Offers a batch that takes `weight` bytes of memory; counts it as refused when there is no room.
    pub(crate) fn offer(&self, batch: Batch, weight: usize) -> Result<(), Refused> {
        let (input, signal, count) = (batch.input, batch.signal(), batch.count);
        self.queue.push(batch, weight).map_err(|_| {
            self.metrics.refused(input, signal, count);
            Refused::Full
        })
    }

    /// As `offer`, but waits for room for a while. For senders that only notice by not being read from.
    pub(crate) async fn offer_within(
        &self,
        batch: Batch,
        weight: usize,
        patience: Duration,
    ) -> Result<(), Refused> {
        let (input, signal, count) = (batch.input, batch.signal(), batch.count);
        self.queue.push_within(batch, weight, patience).await.map_err(|_| {
            self.metrics.refused(input, signal, count);
            Refused::Full
        })
    }
}
