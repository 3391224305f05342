//! The ways that lines go: standard output, a file, receivers such as Logstash or the observatory. Each has its own
//! bounded queue, so that one that is stuck holds up neither the others nor any request.

use super::{
    file::{self, LogFile},
    ship::{Datagrams, Stream, tls},
};
use crate::{
    config::{Carrier, LogsConfig},
    env::ConfigError,
    queue::Queue,
};
use bytes::{Bytes, BytesMut};
use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinSet;
use tracing::level_filters::LevelFilter;

/// Lines for one write: enough to make the system call cheap, little enough to bound what a break can repeat.
const BATCH: usize = 256;
/// How long a line may wait for others to be written with. What it saves is not the write but the waking up for it: of
/// the thread that has the queues, of the one that writes, and of the first again.
const LOCAL_LINGER: Duration = Duration::from_millis(50);
const SHIP_LINGER: Duration = Duration::from_millis(100);

/// Takes lines without ever blocking.
pub(crate) trait LineSink: Send + Sync {
    fn write(&self, line: Bytes);
}

/// What became of the lines that were written to one sink.
#[derive(Debug, Default)]
pub(crate) struct SinkCounts {
    pub(crate) shipped: AtomicU64,
    pub(crate) dropped_queue_full: AtomicU64,
    pub(crate) failed: AtomicU64,
}

/// A queue of lines on their way to one place.
pub(crate) struct Sink {
    /// In metrics.
    pub(crate) name: String,
    pub(crate) queue: Queue<Bytes>,
    pub(crate) counts: SinkCounts,
}

/// A sink with what empties it.
pub(crate) struct Outlet {
    pub(crate) sink: Arc<Sink>,
    way: Way,
}

enum Way {
    Stdout,
    File(LogFile),
    Stream(Stream),
    Datagrams(Datagrams),
}

impl LineSink for Vec<Arc<Sink>> {
    fn write(&self, line: Bytes) {
        let Some((last, others)) = self.split_last() else { return };
        for sink in others {
            sink.write(line.clone());
        }
        last.write(line);
    }
}

impl Sink {
    pub(super) fn new(name: impl Into<String>, capacity: usize, linger: Duration) -> Arc<Self> {
        let queue = Queue::new(capacity, BATCH, linger);
        Arc::new(Self { name: name.into(), queue, counts: SinkCounts::default() })
    }

    fn write(&self, line: Bytes) {
        if !self.queue.push(line) {
            self.counts.dropped_queue_full.fetch_add(1, Relaxed);
        }
    }

    /// Writes to standard output until the queue is closed and empty.
    async fn run_stdout(self: Arc<Self>) {
        while let Some(lines) = self.queue.next_batch().await {
            let all = joined(&lines);
            // One turn of a thread that may block. Tokio's standard output takes two, one to write and one to flush.
            let written = tokio::task::spawn_blocking(move || {
                let mut stdout = std::io::stdout().lock();
                stdout.write_all(&all).and_then(|()| stdout.flush())
            });
            let is_written = matches!(written.await, Ok(Ok(())));
            let counter = if is_written { &self.counts.shipped } else { &self.counts.failed };
            self.queue.done(|| {
                counter.fetch_add(lines.len() as u64, Relaxed);
            });
        }
    }
}

impl Outlet {
    /// All that the configuration names; none when no line is wanted.
    pub(crate) fn all(config: &LogsConfig) -> Result<Vec<Self>, ConfigError> {
        let mut all = Vec::new();
        if config.level == LevelFilter::OFF {
            return Ok(all);
        }
        all.push(Self { sink: Sink::new("stdout", config.queue, LOCAL_LINGER), way: Way::Stdout });
        if let Some(file) = &config.file {
            let way = Way::File(LogFile::begin(file)?);
            all.push(Self { sink: Sink::new("file", config.queue, LOCAL_LINGER), way });
        }
        for (number, receiver) in config.ship.iter().enumerate() {
            let address = receiver.address.clone();
            let (kind, way) = match receiver.carrier {
                Carrier::Tcp => ("tcp", Way::Stream(Stream::tcp(address))),
                Carrier::Tls => {
                    ("tls", Way::Stream(Stream::tls(address, tls::client(config.ship_ca.as_deref())?)))
                }
                Carrier::Udp => ("udp", Way::Datagrams(Datagrams::to(address))),
            };
            // The second of a kind is another series: `tcp`, `tcp2`.
            let before = config.ship.iter().take(number);
            let name = match before.filter(|other| other.carrier == receiver.carrier).count() {
                0 => kind.to_owned(),
                others => format!("{kind}{}", others + 1),
            };
            all.push(Self { sink: Sink::new(name, config.queue, SHIP_LINGER), way });
        }
        Ok(all)
    }

    /// Empties the sink for as long as the process lives.
    pub(crate) async fn run(self) {
        let Self { sink, way } = self;
        match way {
            Way::Stdout => sink.run_stdout().await,
            Way::File(file) => file::run(sink, file).await,
            Way::Stream(stream) => stream.run(sink).await,
            Way::Datagrams(datagrams) => datagrams.run(sink).await,
        }
    }
}

/// Waits until nothing waits in any of them. All at once: one that is stuck must not take the others' time.
pub(crate) async fn idle(sinks: &[Arc<Sink>]) {
    let sinks = sinks.iter().cloned();
    let waiting: JoinSet<()> = sinks.map(|sink| async move { sink.queue.idle().await }).collect();
    waiting.join_all().await;
}

pub(super) fn joined(lines: &[Bytes]) -> Bytes {
    let length = lines.iter().map(Bytes::len).sum();
    let mut all = BytesMut::with_capacity(length);
    for line in lines {
        all.extend_from_slice(line);
    }
    all.freeze()
}

/// At most one warning a minute, however often there would be cause.
#[derive(Default)]
pub(super) struct Notice(Option<Instant>);

impl Notice {
    pub(super) fn give(&mut self, warn: impl FnOnce()) {
        if self.0.is_none_or(|last| last.elapsed() > Duration::from_mins(1)) {
            self.0 = Some(Instant::now());
            warn();
        }
    }
}
