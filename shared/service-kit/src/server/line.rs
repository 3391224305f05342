//! A connection's bytes, as hyper reads and writes them: watched for progress, and hyper's own bare answers to what
//! is no request given their problem document.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use api::problem::{CONTENT_TYPE, Problem, ProblemKind};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::progress::Progress;
use super::{Reason, Refusals};

pub(super) struct Line {
    stream: TcpStream,
    progress: Progress,
    refusals: Refusals,
    /// What is still to be written in the place of a bare answer.
    instead: Vec<u8>,
}

impl Line {
    pub(super) fn new(stream: TcpStream, progress: Progress, refusals: Refusals) -> Self {
        Self { stream, progress, refusals, instead: Vec::new() }
    }

    /// Takes over when hyper answers by itself: the head was no request, so that no handler was asked.
    fn takes_over(&mut self, written: &[u8]) -> bool {
        let bare = if self.progress.is_busy() { None } else { bare_answer(written) };
        let Some((kind, reason, detail)) = bare else { return false };
        self.refusals.count(reason);
        let problem = Problem { detail: Some(detail.to_owned()), ..Problem::new(kind) };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let (status, title, length) = (kind.status(), kind.title(), body.len());
        self.instead = format!(
            "HTTP/1.1 {status} {title}\r\ncontent-type: {CONTENT_TYPE}\r\ncontent-length: {length}\r\n\
             cache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
        )
        .into_bytes();
        self.instead.extend(body);
        true
    }

    fn write_instead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.instead.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.instead))?;
            self.instead.drain(..written);
        }
        Poll::Ready(Ok(()))
    }

    fn watched<T>(&self, written: Poll<T>) -> Poll<T> {
        if written.is_pending() {
            self.progress.stall();
        }
        written
    }
}

/// hyper's answer to a head that it cannot read. It has no body, which none of our own answers to a mistake lacks.
fn bare_answer(written: &[u8]) -> Option<(ProblemKind, Reason, &'static str)> {
    let rest = written.strip_prefix(b"HTTP/1.1 4")?;
    let head = std::str::from_utf8(rest.strip_suffix(b"\r\n\r\n")?).ok()?;
    if !head.contains("\r\ncontent-length: 0") {
        return None;
    }
    match head.get(..2)? {
        "00" => Some((ProblemKind::MalformedRequest, Reason::Malformed, "what came is not HTTP/1.1")),
        "14" => Some((ProblemKind::UriTooLong, Reason::UriTooLong, "path and query are over 8 KiB")),
        "31" => Some((
            ProblemKind::HeadTooLarge,
            Reason::HeadTooLarge,
            "request line and headers are over 16 KiB, or there are more than 100 headers",
        )),
        _ => None,
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.progress.read();
        }
        read
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.takes_over(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watched(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [only] = slices
            && self.takes_over(only)
        {
            return Poll::Ready(Ok(only.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watched(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let written = self.write_instead(context);
        ready!(self.watched(written))?;
        self.progress.flushed();
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let written = self.write_instead(context);
        ready!(self.watched(written))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
