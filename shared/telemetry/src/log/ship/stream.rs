//! Lines over TCP, with TLS or without.
//!
//! Receivers of lines acknowledge nothing, so a write that succeeds says little: the bytes may still be lost with the
//! connection. Therefore what was written is kept for a while, and sent again when the connection breaks. A line counts
//! as shipped when the receiver ended the connection in good order after it, or did not break it for [`SETTLED`].

use super::{Backoff, PATIENCE};
use crate::{
    log::sink::{Notice, Sink, joined},
    queue::Next,
};
use bytes::Bytes;
use std::{
    collections::VecDeque,
    io::{self, ErrorKind},
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::Poll,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

/// What a receiver has not refused for so long, it has.
const SETTLED: Duration = Duration::from_secs(2);
/// The most bytes that are kept for sending again; the oldest of more count as shipped sooner.
const KEPT: usize = 1024 * 1024;
/// How soon a proxy without a receiver behind it hangs up: it takes a connection, and even lines, all the same.
const PROBATION: Duration = Duration::from_millis(50);

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A receiver that is reached over TCP.
pub(in crate::log) struct Stream {
    address: String,
    tls: Option<TlsConnector>,
    connection: Option<Box<dyn Duplex>>,
    /// Batches that may have to be sent again, and after them those that are to be sent.
    kept: VecDeque<Batch>,
    /// How many of them went into this connection.
    written: usize,
    /// When the connection was made.
    since: Option<Instant>,
    /// Goes on until a connection has lasted: what is kept goes again with each.
    backoff: Backoff,
    notice: Notice,
}

struct Batch {
    bytes: Bytes,
    lines: usize,
    at: Instant,
}

impl Stream {
    pub(in crate::log) fn tcp(address: String) -> Self {
        Self {
            address,
            tls: None,
            connection: None,
            kept: VecDeque::new(),
            written: 0,
            since: None,
            backoff: Backoff::new(),
            notice: Notice::default(),
        }
    }

    pub(in crate::log) fn tls(address: String, tls: TlsConnector) -> Self {
        Self { tls: Some(tls), ..Self::tcp(address) }
    }

    /// Ships until the queue is closed and empty. A line may arrive twice, but is not lost while the process lives,
    /// unless the receiver takes it and breaks the connection later than [`SETTLED`].
    pub(in crate::log) async fn run(mut self, sink: Arc<Sink>) {
        loop {
            let next = match self.kept.front() {
                Some(oldest) => timeout_at(oldest.at + SETTLED, sink.queue.next()).await.ok(),
                None => Some(sink.queue.next().await),
            };
            match next {
                Some(Next::Batch(lines)) => {
                    let (bytes, lines) = (joined(&lines), lines.len());
                    self.kept.push_back(Batch { bytes, lines, at: Instant::now() });
                    self.ship(&sink, false).await;
                }
                Some(Next::Settle) => self.ship(&sink, true).await,
                Some(Next::End) => return,
                None => {}
            }
            self.settle_old(&sink);
        }
    }

    /// Sends what is to be sent, until it has been written; with `finish` until it is known what became of it.
    async fn ship(&mut self, sink: &Sink, finish: bool) {
        loop {
            let done = match self.write(sink).await {
                Ok(()) if finish => self.finish().await,
                other => other,
            };
            let Err(error) = done else { break };
            self.notice.give(|| {
                let address = &self.address;
                tracing::warn!(%error, address, "the log receiver is away; lines wait, then are counted as dropped");
            });
            self.break_off();
            self.backoff.pause().await;
        }
        if finish {
            self.settle(sink, self.kept.len());
        }
    }

    async fn write(&mut self, sink: &Sink) -> io::Result<()> {
        if let Some(connection) = &mut self.connection
            && let Some(end) = ended(connection).await
        {
            // After an end in good order only what came last may have been too late.
            if end.is_ok() {
                self.settle_old(sink);
            }
            if !self.has_lasted() {
                return end.and(Err(io::Error::new(ErrorKind::ConnectionReset, "closed early")));
            }
            self.break_off();
        }
        if self.written == self.kept.len() {
            return Ok(());
        }
        let is_new = self.connection.is_none();
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => {
                let made = timeout(PATIENCE, connect(&self.address, self.tls.as_ref())).await??;
                self.since = Some(Instant::now());
                none.insert(made)
            }
        };
        for batch in self.kept.iter_mut().skip(self.written) {
            timeout(PATIENCE, connection.write_all(&batch.bytes)).await??;
            batch.at = Instant::now();
            self.written += 1;
        }
        timeout(PATIENCE, connection.flush()).await??;
        if is_new && timeout(PROBATION, read_to_end(connection)).await.is_ok() {
            return Err(io::Error::new(ErrorKind::ConnectionReset, "closed unread"));
        }
        Ok(())
    }

    /// Says that nothing more will come, and waits for the receiver to end the connection, too: it does that in good
    /// order only after it has read everything. No answer within [`SETTLED`] is none that it refused.
    async fn finish(&mut self) -> io::Result<()> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        if let Some(end) = ended(connection).await {
            return end.and(Err(io::Error::new(ErrorKind::ConnectionReset, "closed early")));
        }
        connection.shutdown().await?;
        let answer = timeout(SETTLED, read_to_end(connection)).await.unwrap_or(Ok(()));
        self.break_off();
        match answer {
            // The receiver did without TLS's own farewell.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(()),
            other => other,
        }
    }

    fn has_lasted(&self) -> bool {
        self.since.is_some_and(|since| since.elapsed() >= SETTLED)
    }

    /// Everything that is kept will have to be written again.
    fn break_off(&mut self) {
        if self.has_lasted() {
            self.backoff = Backoff::new();
        }
        (self.connection, self.since) = (None, None);
        self.written = 0;
    }

    fn settle_old(&mut self, sink: &Sink) {
        let mut bytes: usize = self.kept.iter().take(self.written).map(|batch| batch.bytes.len()).sum();
        let mut old = 0;
        for batch in self.kept.iter().take(self.written) {
            if batch.at.elapsed() < SETTLED && bytes <= KEPT {
                break;
            }
            bytes -= batch.bytes.len();
            old += 1;
        }
        self.settle(sink, old);
    }

    /// The oldest `batches` have arrived.
    fn settle(&mut self, sink: &Sink, batches: usize) {
        for batch in self.kept.drain(..batches) {
            sink.queue.settled(batch.lines, || {
                sink.counts.shipped.fetch_add(batch.lines as u64, Relaxed);
            });
        }
        self.written = self.written.saturating_sub(batches);
    }
}

async fn connect(address: &str, tls: Option<&TlsConnector>) -> io::Result<Box<dyn Duplex>> {
    let stream = TcpStream::connect(address).await?;
    let Some(tls) = tls else { return Ok(Box::new(stream)) };
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    Ok(Box::new(tls.connect(name, stream).await?))
}

/// How the receiver ended the connection, if it did. Asked before a write, because the first write to a closed
/// connection succeeds.
async fn ended(connection: &mut Box<dyn Duplex>) -> Option<io::Result<()>> {
    let mut end = pin!(read_to_end(connection));
    std::future::poll_fn(|context| {
        Poll::Ready(match end.as_mut().poll(context) {
            Poll::Ready(end) => Some(end),
            Poll::Pending => None,
        })
    })
    .await
}

/// Whatever the receiver says on the way means nothing.
async fn read_to_end(connection: &mut Box<dyn Duplex>) -> io::Result<()> {
    while connection.read(&mut [0; 64]).await? > 0 {}
    Ok(())
}
