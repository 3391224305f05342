//! Lines over UDP: as many to a datagram as fit. A receiver that is not there costs nothing but its lines.

use super::{Backoff, cut::cut};
use crate::log::sink::{Notice, Sink};
use bytes::{Bytes, BytesMut};
use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, atomic::Ordering::Relaxed},
};
use tokio::net::{UdpSocket, lookup_host};

/// What every path carries in one piece: IPv6's smallest MTU (RFC 8200: 1280) without IPv6's header (40) and UDP's (8).
/// A larger datagram may be sent in fragments, and is lost with any of them.
const LARGEST: usize = 1_232;

/// A receiver that is reached over UDP.
pub(in crate::log) struct Datagrams {
    address: String,
    socket: Option<UdpSocket>,
    notice: Notice,
}

/// Some lines, and how many.
struct Datagram {
    bytes: BytesMut,
    lines: u64,
}

impl Datagrams {
    pub(in crate::log) fn to(address: String) -> Self {
        Self { address, socket: None, notice: Notice::default() }
    }

    /// Sends until the queue is closed and empty. `shipped` means sent: what the network loses is not known here.
    pub(in crate::log) async fn run(mut self, sink: Arc<Sink>) {
        while let Some(lines) = sink.queue.next_batch().await {
            let datagrams = packed(&lines);
            let mut shipped = 0;
            for datagram in datagrams {
                match self.send(&datagram.bytes).await {
                    Ok(()) => shipped += datagram.lines,
                    Err(error) => self.refused(&error),
                }
            }
            sink.queue.done(|| {
                sink.counts.shipped.fetch_add(shipped, Relaxed);
                sink.counts.failed.fetch_add(lines.len() as u64 - shipped, Relaxed);
            });
        }
    }

    async fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let socket = match &mut self.socket {
            Some(socket) => socket,
            none => none.insert(reach(&self.address, &mut self.notice).await),
        };
        socket.send(datagram).await?;
        // A refusal of this datagram, or of one before from farther away: the number is right either way.
        socket.take_error()?.map_or(Ok(()), Err)
    }

    fn refused(&mut self, error: &io::Error) {
        // The name may stand for another machine by now.
        self.socket = None;
        self.notice.give(|| {
            let address = &self.address;
            tracing::warn!(%error, address, "the log receiver takes no datagrams; lines are counted as failed");
        });
    }
}

/// Tries until the name is one that is known.
async fn reach(address: &str, notice: &mut Notice) -> UdpSocket {
    let mut backoff = Backoff::new();
    loop {
        match connect(address).await {
            Ok(socket) => return socket,
            Err(error) => notice.give(|| {
                tracing::warn!(%error, address, "the log receiver is away; lines wait, then are counted as dropped");
            }),
        }
        backoff.pause().await;
    }
}

async fn connect(address: &str) -> io::Result<UdpSocket> {
    let to = lookup_host(address).await?.next();
    let to = to.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"))?;
    let from = match to {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(from).await?;
    socket.connect(to).await?;
    Ok(socket)
}

/// In order. A line that cannot be made to fit is left out.
fn packed(lines: &[Bytes]) -> Vec<Datagram> {
    let mut datagrams: Vec<Datagram> = Vec::new();
    for line in lines.iter().filter_map(|line| cut(line, LARGEST)) {
        match datagrams.last_mut() {
            Some(last) if last.bytes.len() + line.len() <= LARGEST => {
                last.bytes.extend_from_slice(&line);
                last.lines += 1;
            }
            _ => datagrams.push(Datagram { bytes: BytesMut::from(&*line), lines: 1 }),
        }
    }
    datagrams
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_are_filled_in_order_and_never_too_large() {
        let line = |letter: u8, length: usize| {
            Bytes::from(format!("{{\"message\":\"{}\"}}\n", char::from(letter).to_string().repeat(length)))
        };
        let lines = [line(b'a', 500), line(b'b', 500), line(b'c', 500), line(b'd', 5_000), line(b'e', 1)];
        let datagrams = packed(&lines);
        let counts: Vec<_> = datagrams.iter().map(|datagram| datagram.lines).collect();
        assert_eq!(counts, [2, 1, 1, 1]);
        assert!(datagrams.iter().all(|datagram| datagram.bytes.len() <= LARGEST));
        assert_eq!(datagrams[0].bytes, [lines[0].clone(), lines[1].clone()].concat());
        assert!(datagrams[2].bytes.ends_with(b"d\",\"truncated\":true}\n"));
    }
}
