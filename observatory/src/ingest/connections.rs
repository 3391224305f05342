//! The TCP connections that are open: not too many of one sender, nor of all.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::oneshot;

use super::limit::network;

/// More would each hold a buffer; a sender needs one.
const MOST: usize = 1024;
/// Of one sender.
const OF_ONE: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Connections {
    open: Vec<Open>,
    clock: Arc<AtomicU64>,
}

/// One of them, as the listener sees it.
#[derive(Debug)]
struct Open {
    sender: IpAddr,
    used: Arc<AtomicU64>,
    close: oneshot::Sender<()>,
}

/// One of them, as its reader sees it; dropped, it is closed.
#[derive(Debug)]
pub(super) struct Connection {
    clock: Arc<AtomicU64>,
    used: Arc<AtomicU64>,
    /// Resolves when it has to make room.
    pub(super) closed: oneshot::Receiver<()>,
}

impl Connections {
    /// `None` when the sender has enough of them. When all are too many, the longest unused one is told to close, and `true`
    /// says so.
    pub(super) fn add(&mut self, from: IpAddr) -> Option<(Connection, bool)> {
        self.open.retain(|open| !open.close.is_closed());
        let sender = network(from);
        if self.open.iter().filter(|open| open.sender == sender).count() >= OF_ONE {
            return None;
        }
        let is_full = self.open.len() >= MOST;
        if is_full {
            let ages = self.open.iter().map(|open| open.used.load(Ordering::Relaxed)).enumerate();
            if let Some((longest, _)) = ages.min_by_key(|(_, used)| *used) {
                let _ = self.open.swap_remove(longest).close.send(());
            }
        }
        let (close, closed) = oneshot::channel();
        let connection = Connection { clock: Arc::clone(&self.clock), used: Arc::default(), closed };
        connection.use_now();
        self.open.push(Open { sender, used: Arc::clone(&connection.used), close });
        Some((connection, is_full))
    }
}

impl Connection {
    /// Notes that something came. Uses are numbered: which came last is all there is to know.
    pub(super) fn use_now(&self) {
        self.used.store(self.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(last: usize) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, last as u8))
    }

    #[test]
    fn one_sender_has_its_share_and_gets_it_back() {
        let mut connections = Connections::default();
        let mut open: Vec<_> = (0..OF_ONE).map(|_| connections.add(address(1)).unwrap().0).collect();
        assert!(connections.add(address(1)).is_none());
        assert!(connections.add(address(2)).is_some());
        open.pop();
        assert!(connections.add(address(1)).is_some());
    }

    #[test]
    fn the_longest_unused_makes_room() {
        let mut connections = Connections::default();
        let mut open: Vec<_> =
            (0..MOST).map(|number| connections.add(address(number / OF_ONE)).unwrap().0).collect();
        open[0].use_now();
        let (_new, made_room) = connections.add(address(9)).unwrap();
        assert!(made_room);
        assert!(open[0].closed.try_recv().is_err() && open[1].closed.try_recv().is_ok());
        drop(open);
        assert!(!connections.add(address(9)).unwrap().1);
    }
}
