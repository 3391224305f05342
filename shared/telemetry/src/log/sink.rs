//! Where lines go: standard output, and a TCP receiver such as Logstash or the observatory. Each has its own
//! bounded queue, so that one that is stuck holds up neither the other nor any request.

use crate::queue::Queue;
use bytes::{Bytes, BytesMut};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

/// Lines for one write: enough to make the system call cheap, little enough to bound what a break can repeat.
const BATCH: usize = 256;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A receiver that takes nothing for so long counts as away.
const PATIENCE: Duration = Duration::from_secs(5);
/// How soon a proxy without a receiver behind it hangs up: it takes a connection, and even lines, all the same.
const PROBATION: Duration = Duration::from_millis(50);

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
    pub(crate) name: &'static str,
    pub(crate) queue: Queue<Bytes>,
    pub(crate) counts: SinkCounts,
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
    pub(crate) fn new(name: &'static str, capacity: usize, linger: Duration) -> Arc<Self> {
        Arc::new(Self { name, queue: Queue::new(capacity, BATCH, linger), counts: SinkCounts::default() })
    }

    fn write(&self, line: Bytes) {
        if !self.queue.push(line) {
            self.counts.dropped_queue_full.fetch_add(1, Relaxed);
        }
    }

    /// Writes to standard output until the queue is closed and empty.
    pub(crate) async fn run_stdout(self: Arc<Self>) {
        let mut stdout = tokio::io::stdout();
        while let Some(lines) = self.queue.next_batch().await {
            let written = async {
                stdout.write_all(&joined(&lines)).await?;
                stdout.flush().await
            };
            let counter = if written.await.is_ok() { &self.counts.shipped } else { &self.counts.failed };
            self.queue.done(|| {
                counter.fetch_add(lines.len() as u64, Relaxed);
            });
        }
    }

    /// Ships to `address` until the queue is closed and empty. A batch whose connection breaks is sent again on the
    /// next one: a line may arrive twice, but is not lost while the process lives.
    pub(crate) async fn run_tcp(self: Arc<Self>, address: String) {
        let mut connection = None;
        while let Some(lines) = self.queue.next_batch().await {
            let bytes = joined(&lines);
            let mut pause = FIRST_PAUSE;
            while let Err(error) = deliver(&mut connection, &address, &bytes).await {
                if pause == FIRST_PAUSE {
                    tracing::warn!(%error, address, "the log receiver is away; lines wait, then are counted as dropped");
                }
                connection = None;
                // Jitter, so that the services don't all come back in the same instant.
                tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            self.queue.done(|| {
                self.counts.shipped.fetch_add(lines.len() as u64, Relaxed);
            });
        }
    }
}

fn joined(lines: &[Bytes]) -> Bytes {
    let length = lines.iter().map(Bytes::len).sum();
    let mut all = BytesMut::with_capacity(length);
    for line in lines {
        all.extend_from_slice(line);
    }
    all.freeze()
}

async fn deliver(connection: &mut Option<TcpStream>, address: &str, bytes: &[u8]) -> io::Result<()> {
    if let Some(stream) = connection.as_mut().filter(|stream| !is_closed(stream)) {
        return timeout(PATIENCE, stream.write_all(bytes)).await?;
    }
    let stream = connection.insert(timeout(PATIENCE, TcpStream::connect(address)).await??);
    timeout(PATIENCE, stream.write_all(bytes)).await??;
    if timeout(PROBATION, stream.readable()).await.is_ok() && is_closed(stream) {
        return Err(io::Error::new(io::ErrorKind::ConnectionReset, "closed unread"));
    }
    Ok(())
}

/// Receivers say nothing, so anything to read is the end. Asked before a write, because the first write to a
/// closed connection succeeds and its lines are gone.
fn is_closed(stream: &TcpStream) -> bool {
    !matches!(stream.try_read(&mut [0; 1]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}
