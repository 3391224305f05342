//! What comes in: OTLP over gRPC and HTTP, JSON lines over TCP, UDP and HTTP.
//!
//! Every input turns what it gets into a [`Batch`] and offers it to one bounded queue. One thread takes from
//! the queue and commits to the store, so the slow part is in one place and memory is bounded whatever the
//! senders do.

pub(crate) mod lines;
pub(crate) mod lines_http;
pub(crate) mod lines_tcp;
pub(crate) mod lines_udp;
pub(crate) mod otlp;
pub(crate) mod otlp_grpc;
pub(crate) mod otlp_http;
pub(crate) mod otlp_logs;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::ResourceSpans;

use crate::metrics::Metrics;
use crate::model::{Nanos, SpanId, TraceId};
use crate::queue::Queue;

/// The largest request body or gRPC message, unpacked.
pub(crate) const MAX_BODY: usize = 8 * 1024 * 1024;
/// When an input that refuses for want of room asks the sender to try again.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Where something came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    OtlpGrpc,
    OtlpHttp,
    Tcp,
    Udp,
    Http,
}

impl Input {
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

/// A log line on its way to the store.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogRow {
    pub(crate) timestamp: Nanos,
    pub(crate) severity: String,
    pub(crate) service: String,
    pub(crate) message: String,
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) span_id: Option<SpanId>,
    pub(crate) order_id: Option<String>,
    pub(crate) session_id: Option<String>,
    /// The whole line, a JSON object.
    pub(crate) line: String,
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

/// The queue had no room; the sender may try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused;

/// The inputs' side of the queue, which counts what it takes and what it refuses.
#[derive(Debug, Clone)]
pub(crate) struct Intake {
    pub(crate) queue: Arc<Queue<Batch>>,
    pub(crate) metrics: Metrics,
}

impl Intake {
    /// Offers a batch that takes `weight` bytes of memory; counts it as refused when there is no room.
    pub(crate) fn offer(&self, batch: Batch, weight: usize) -> Result<(), Refused> {
        let (input, signal, count) = (batch.input, batch.signal(), batch.count);
        self.queue.push(batch, weight).map_err(|_| {
            self.metrics.refused(input, signal, count);
            Refused
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
            Refused
        })
    }
}
