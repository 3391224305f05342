//! Log lines and session events over TCP, one JSON object a line.
//!
//! A sender is pushed back by not reading from it: for a while when the queue is full, and for as long as it takes when it
//! sends more than its limit.

use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::connections::{Connection, Connections};
use super::lines::{Gathered, MAX_LINE};
use super::{Input, Intake};
use crate::model::{Nanos, now};
use crate::stop::Stopping;

const READ_AT_ONCE: usize = 32 * 1024;
/// A sender that is never read from hangs, so after this lines are dropped and counted.
const PATIENCE: Duration = Duration::from_secs(3);
/// What is remembered of a line that is too long, as a sample.
const BEGINNING: usize = 256;
/// What senders that are still connected when the process stops may take to finish a line.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Takes connections until told to stop, then reads what has arrived and ends.
pub(crate) async fn serve(listener: TcpListener, intake: Intake, mut stopping: Stopping) {
    let mut readers = JoinSet::new();
    let mut connections = Connections::default();
    loop {
        while readers.try_join_next().is_some() {}
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.told() => break,
        };
        match accepted {
            Ok((stream, peer)) => match connections.add(peer.ip()) {
                Some((connection, made_room)) => {
                    if made_room {
                        intake.metrics.closed("idle");
                    }
                    readers.spawn(read(stream, peer.ip(), connection, intake.clone(), stopping.clone()));
                }
                // Closed at once: its sender sees that and tries again later.
                None => intake.metrics.closed("refused"),
            },
            // Out of file descriptors, most likely: accepting again at once would only burn CPU.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    while readers.join_next().await.is_some() {}
}

async fn read(
    mut stream: impl AsyncRead + Unpin,
    sender: IpAddr,
    mut connection: Connection,
    intake: Intake,
    mut stopping: Stopping,
) {
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
            _ = &mut connection.closed => break,
            read = stream.read(&mut buffer) => read,
        };
        // A reset connection ends like a closed one.
        let Ok(count @ 1..) = read else { break };
        connection.use_now();
        let arrived = now();
        let mut lines = 0;
        for piece in buffer.get(..count).unwrap_or_default().split_inclusive(|byte| *byte == b'\n') {
            splitter.add(piece, |line| {
                lines += 1;
                add(&mut gathered, &intake, &line, arrived);
            });
        }
        let _ = gathered.offer_within(&intake, PATIENCE).await;
        if let Some(pause) = intake.limit.pause(sender, lines, count) {
            intake.metrics.paused(Input::Tcp);
            tokio::select! {
                () = &mut stopped => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
    if let Some(line) = splitter.rest() {
        add(&mut gathered, &intake, &line, now());
    }
    let _ = gathered.offer(&intake);
}

fn add(gathered: &mut Gathered, intake: &Intake, line: &Line<'_>, arrived: Nanos) {
    match line {
        Line::Whole(line) => gathered.add(intake, line, arrived),
        Line::TooLong(beginning) => gathered.malformed(intake, beginning, "too_long"),
    }
}

/// A line as it was, or the beginning of one that was too long.
#[derive(Debug, PartialEq)]
enum Line<'a> {
    Whole(&'a [u8]),
    TooLong(&'a [u8]),
}

/// Puts lines together from pieces, remembering no more than the longest line allowed.
#[derive(Debug, Default)]
struct Splitter {
    begun: Vec<u8>,
    too_long: bool,
}

impl Splitter {
    /// Adds a piece that ends at a line end or is the end of what was read; `done` gets each finished line.
    fn add(&mut self, piece: &[u8], mut done: impl FnMut(Line<'_>)) {
        let (part, ends) = piece.strip_suffix(b"\n").map_or((piece, false), |part| (part, true));
        if !self.too_long && self.begun.len() + part.len() > MAX_LINE {
            self.too_long = true;
            self.begun.extend_from_slice(part.get(..BEGINNING).unwrap_or(part));
            self.begun.truncate(BEGINNING);
            self.begun.shrink_to_fit();
        }
        if self.too_long {
            if ends {
                self.too_long = false;
                done(Line::TooLong(&self.begun));
                self.begun.clear();
            }
        } else if ends && self.begun.is_empty() {
            done(Line::Whole(part));
        } else {
            self.begun.extend_from_slice(part);
            if ends {
                done(Line::Whole(&self.begun));
                self.begun.clear();
            }
        }
    }

    /// A last line without a line end.
    fn rest(&self) -> Option<Line<'_>> {
        match &*self.begun {
            [] => None,
            beginning if self.too_long => Some(Line::TooLong(beginning)),
            line => Some(Line::Whole(line)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&[u8]]) -> (Vec<String>, Splitter) {
        let mut splitter = Splitter::default();
        let mut lines = Vec::new();
        for piece in pieces.iter().flat_map(|read| read.split_inclusive(|byte| *byte == b'\n')) {
            splitter.add(piece, |line| {
                lines.push(match line {
                    Line::Whole(line) => String::from_utf8_lossy(line).into_owned(),
                    Line::TooLong(beginning) => format!("{} and more", beginning.len()),
                });
            });
        }
        (lines, splitter)
    }

    #[test]
    fn puts_pieces_together() {
        let (lines, splitter) = split(&[b"one\ntw", b"o", b"\n\nrest"]);
        assert_eq!(lines, ["one", "two", ""]);
        assert_eq!(splitter.rest(), Some(Line::Whole(b"rest")));
    }

    #[test]
    fn skips_a_line_that_is_too_long_and_goes_on() {
        let long = vec![b'x'; MAX_LINE];
        let (lines, splitter) = split(&[&long, b"x", &long, b"\nnext\n"]);
        assert_eq!(lines, ["256 and more", "next"]);
        assert_eq!(splitter.rest(), None);
        let (_, splitter) = split(&[&long, b"and no line end"]);
        assert_eq!(splitter.rest(), Some(Line::TooLong(&long[..BEGINNING])));
    }

    proptest::proptest! {
        #[test]
        fn however_the_bytes_are_cut_the_lines_are_the_same(
            text in proptest::collection::vec(proptest::prop_oneof![proptest::prelude::any::<u8>(), proptest::prelude::Just(b'\n')], 0..200),
            size in 1..40_usize,
        ) {
            let pieces: Vec<&[u8]> = text.chunks(size).collect();
            let (whole, rest) = split(&[&text]);
            let (cut, rest_of_cut) = split(&pieces);
            assert_eq!(cut, whole);
            assert_eq!(rest_of_cut.rest(), rest.rest());
        }
    }
}
