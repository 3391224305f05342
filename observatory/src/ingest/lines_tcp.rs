//! JSON lines over TCP.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::lines::{Gathered, MAX_LINE};
use super::{Input, Intake, Signal};
use crate::model::now;
use crate::stop::Stopping;

/// More would each hold a buffer; a sender needs one.
const MAX_CONNECTIONS: usize = 1024;
const READ_AT_ONCE: usize = 16 * 1024;
/// TCP pushes back by not reading. A sender that is never read from hangs, so after this lines are dropped
/// and counted.
const PATIENCE: Duration = Duration::from_secs(1);
/// What senders that are still connected when the process stops may take to finish a line.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Takes connections until told to stop, then reads what has arrived and ends.
pub(crate) async fn serve(listener: TcpListener, intake: Intake, mut stopping: Stopping) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.told() => break,
        };
        match accepted {
            // A connection over the limit is closed at once: its sender sees that and tries again later.
            Ok((stream, _)) if connections.len() < MAX_CONNECTIONS => {
                connections.spawn(read(stream, intake.clone(), stopping.clone()));
            }
            Ok(_) => {}
            // Out of file descriptors, most likely: accepting again at once would only burn CPU.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    while connections.join_next().await.is_some() {}
}

async fn read(mut stream: impl AsyncRead + Unpin, intake: Intake, mut stopping: Stopping) {
    let stopped = async {
        stopping.told().await;
        tokio::time::sleep(LAST_WORDS).await;
    };
    tokio::pin!(stopped);
    let mut splitter = Splitter::default();
    let mut gathered = Gathered::new(Input::Tcp);
    let mut buffer = vec![0; READ_AT_ONCE];
    loop {
        let read = tokio::select! {
            () = &mut stopped => break,
            read = stream.read(&mut buffer) => read,
        };
        // A reset connection ends like a closed one.
        let Ok(count @ 1..) = read else { break };
        let arrived = now();
        for piece in buffer.get(..count).unwrap_or_default().split_inclusive(|byte| *byte == b'\n') {
            splitter.add(piece, |line| {
                let _ = match line {
                    Some(line) => gathered.add(&intake, line, arrived),
                    None => Err(too_long(&intake)),
                };
            });
        }
        let _ = gathered.offer_within(&intake, PATIENCE).await;
    }
    if let Some(line) = splitter.rest() {
        let _ = gathered.add(&intake, line, now());
    }
    let _ = gathered.offer(&intake);
}

fn too_long(intake: &Intake) -> &'static str {
    intake.metrics.received(Input::Tcp, Signal::Logs, 1);
    intake.metrics.malformed(Input::Tcp, Signal::Logs, "too_long", 1);
    "too_long"
}

/// Puts lines together from pieces, remembering no more than the longest line allowed.
#[derive(Debug, Default)]
struct Splitter {
    begun: Vec<u8>,
    too_long: bool,
}

impl Splitter {
    /// Adds a piece that ends at a line end or is the end of what was read; `done` gets each finished line,
    /// and `None` for one that was too long.
    fn add(&mut self, piece: &[u8], mut done: impl FnMut(Option<&[u8]>)) {
        let (part, ends) = piece.strip_suffix(b"\n").map_or((piece, false), |part| (part, true));
        if self.begun.len() + part.len() > MAX_LINE {
            self.too_long = true;
            self.begun = Vec::new();
        }
        if self.too_long {
            if ends {
                self.too_long = false;
                done(None);
            }
        } else if ends && self.begun.is_empty() {
            done(Some(part));
        } else {
            self.begun.extend_from_slice(part);
            if ends {
                done(Some(&self.begun));
                self.begun.clear();
            }
        }
    }

    /// A last line without a line end.
    fn rest(&self) -> Option<&[u8]> {
        (!self.begun.is_empty()).then_some(&self.begun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&[u8]]) -> (Vec<Option<String>>, Splitter) {
        let mut splitter = Splitter::default();
        let mut lines = Vec::new();
        for piece in pieces.iter().flat_map(|read| read.split_inclusive(|byte| *byte == b'\n')) {
            splitter
                .add(piece, |line| lines.push(line.map(|line| String::from_utf8_lossy(line).into_owned())));
        }
        (lines, splitter)
    }

    #[test]
    fn puts_pieces_together() {
        let (lines, splitter) = split(&[b"one\ntw", b"o", b"\n\nrest"]);
        assert_eq!(lines, [Some("one".into()), Some("two".into()), Some(String::new())]);
        assert_eq!(splitter.rest(), Some(&b"rest"[..]));
    }

    #[test]
    fn skips_a_line_that_is_too_long_and_goes_on() {
        let long = vec![b'x'; MAX_LINE];
        let (lines, splitter) = split(&[&long, b"x", &long, b"\nnext\n"]);
        assert_eq!(lines, [None, Some("next".into())]);
        assert_eq!(splitter.rest(), None);
    }
}
