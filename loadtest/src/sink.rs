//! A receiver of telemetry that takes everything, keeps nothing, and counts the bytes: OTLP/gRPC, JSON lines over TCP,
//! and what a scrape of `/metrics` answers. A process of its own, so that its CPU time is nobody else's.
//!
//! It counts spans and decodes none. A gRPC call is answered with an empty message, which is what an OTLP receiver that
//! took all spans answers.
//!
//! It says where it listens in its first line of output, and then answers each line of its input.

mod spans;

use crate::client::Client;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::{Deserialize, Serialize};
use std::{
    convert::Infallible,
    error::Error,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, BufReader, ReadBuf},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// More often than a Prometheus usually does, so that short rounds have some.
const SCRAPE_EVERY: Duration = Duration::from_secs(1);
/// A gRPC message of no bytes: not compressed, length zero.
const EMPTY_MESSAGE: Bytes = Bytes::from_static(&[0; 5]);

/// Where the sink listens.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Addresses {
    pub(crate) otlp: SocketAddr,
    pub(crate) lines: SocketAddr,
}

/// Bytes so far, as they came from the sockets, and of scrapes the bodies; and spans.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Bytecount {
    pub(crate) otlp: u64,
    pub(crate) lines: u64,
    pub(crate) metrics: u64,
    /// Not bytes: how many came, once for each time they came.
    pub(crate) spans: u64,
}

impl Bytecount {
    /// Adds what came between two counts.
    pub(crate) fn add(&mut self, before: Self, after: Self) {
        self.otlp += after.otlp - before.otlp;
        self.lines += after.lines - before.lines;
        self.metrics += after.metrics - before.metrics;
        self.spans += after.spans - before.spans;
    }
}

/// What can be asked of the sink, a line of JSON each.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// From now on scrape these admin addresses, and no others.
    Scrape(Vec<SocketAddr>),
    Count,
}

#[derive(Default)]
struct Counters {
    otlp: AtomicU64,
    lines: AtomicU64,
    metrics: AtomicU64,
    spans: AtomicU64,
}

/// Runs until its input ends.
pub(crate) async fn run() -> Result<(), Box<dyn Error>> {
    let counters = Arc::new(Counters::default());
    let otlp = TcpListener::bind("127.0.0.1:0").await?;
    let lines = TcpListener::bind("127.0.0.1:0").await?;
    let addresses = Addresses { otlp: otlp.local_addr()?, lines: lines.local_addr()? };
    anstream::println!("{}", serde_json::to_string(&addresses)?);
    tokio::spawn(take_otlp(otlp, counters.clone()));
    tokio::spawn(take_lines(lines, counters.clone()));
    let mut scraper: Option<JoinHandle<()>> = None;
    let mut input = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = input.next_line().await? {
        if let Ask::Scrape(targets) = serde_json::from_str(&line)? {
            if let Some(scraper) = scraper.take() {
                scraper.abort();
            }
            scraper = Some(tokio::spawn(scrape(targets, counters.clone())));
        }
        let count = Bytecount {
            otlp: counters.otlp.load(Relaxed),
            lines: counters.lines.load(Relaxed),
            metrics: counters.metrics.load(Relaxed),
            spans: counters.spans.load(Relaxed),
        };
        anstream::println!("{}", serde_json::to_string(&count)?);
    }
    Ok(())
}

async fn take_otlp(listener: TcpListener, counters: Arc<Counters>) {
    while let Ok((stream, _)) = listener.accept().await {
        let stream = Counted { stream, counters: counters.clone() };
        let counters = counters.clone();
        let server = http2::Builder::new(TokioExecutor::new());
        let take = service_fn(move |request| take_export(request, counters.clone()));
        tokio::spawn(server.serve_connection(TokioIo::new(stream), take));
    }
}

async fn take_export(
    request: Request<Incoming>,
    counters: Arc<Counters>,
) -> Result<Response<impl hyper::body::Body<Data = Bytes, Error = Infallible>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    counters.spans.fetch_add(spans::count(&body), Relaxed);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(EMPTY_MESSAGE).with_trailers(async move { Some(Ok(trailers)) });
    let mut response = Response::new(body);
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    Ok(response)
}

async fn take_lines(listener: TcpListener, counters: Arc<Counters>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let counters = counters.clone();
        tokio::spawn(async move {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                counters.lines.fetch_add(read as u64, Relaxed);
            }
        });
    }
}

async fn scrape(targets: Vec<SocketAddr>, counters: Arc<Counters>) {
    let clients: Vec<Client> =
        targets.iter().flat_map(|target| Client::new(&format!("http://{target}"), false)).collect();
    let mut due = tokio::time::interval(SCRAPE_EVERY);
    loop {
        due.tick().await;
        for client in &clients {
            if let Ok((200, body)) = client.get("/metrics", SCRAPE_EVERY).await {
                counters.metrics.fetch_add(body.len() as u64, Relaxed);
            }
        }
    }
}

/// A connection whose received bytes are counted, framing and all.
struct Counted {
    stream: TcpStream,
    counters: Arc<Counters>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.counters.otlp.fetch_add((buffer.filled().len() - before) as u64, Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
