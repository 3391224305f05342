//! How much one sender may send. A sender is a source address: what is claimed inside a record proves nothing.
//!
//! A token bucket for records and one for bytes, each filled at its rate and holding two seconds' worth. What has arrived
//! is taken from them even if that leaves a debt; a sender in debt has to wait until it is paid.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Input;
use crate::model::{Nanos, now};
use crate::recent::Recent;

/// Bytes a second for each record a second: no limit for lines of ordinary length.
const BYTES_A_RECORD: f64 = 1024.0;
const BURST_SECONDS: f64 = 2.0;
/// Senders that are remembered. One that is forgotten starts anew.
const SENDERS: usize = 1024;

/// What a limited sender lost, or how often it was slowed down.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Limited {
    pub(crate) sender: IpAddr,
    /// Records that were dropped.
    pub(crate) dropped: u64,
    /// Times that reading from it paused.
    pub(crate) paused: u64,
    pub(crate) since: Nanos,
    pub(crate) last: Nanos,
}

#[derive(Debug)]
struct Sender {
    records: f64,
    bytes: f64,
    filled: Instant,
    limited: Option<Limited>,
}

/// The limit of all senders; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    /// Records a second; `None` is no limit.
    rate: Option<f64>,
    senders: Arc<Mutex<Recent<IpAddr, Sender>>>,
}

impl Limit {
    pub(crate) fn new(records_a_second: Option<u32>) -> Self {
        let senders = Arc::new(Mutex::new(Recent::new(SENDERS)));
        Self { rate: records_a_second.map(f64::from), senders }
    }

    pub(crate) fn rate(&self) -> Option<f64> {
        self.rate
    }

    pub(crate) fn bytes_a_second(&self) -> Option<f64> {
        self.rate.map(|rate| rate * BYTES_A_RECORD)
    }

    /// Takes what has arrived, unless the sender is in debt: then it is to be dropped, and the error is the time until
    /// the debt is paid.
    pub(super) fn admit(&self, from: IpAddr, records: u64, bytes: usize) -> Result<(), Duration> {
        self.with(from, |sender, rate| {
            if let Some(wait) = sender.debt(rate) {
                sender.note(from).dropped += records;
                return Err(wait);
            }
            sender.take(records, bytes);
            Ok(())
        })
        .unwrap_or(Ok(()))
    }

    /// Takes what has been read already, and says how long to read no more.
    pub(super) fn pause(&self, from: IpAddr, records: u64, bytes: usize) -> Option<Duration> {
        self.with(from, |sender, rate| {
            sender.take(records, bytes);
            sender.debt(rate).inspect(|_| sender.note(from).paused += 1)
        })?
    }

    fn with<T>(&self, from: IpAddr, act: impl FnOnce(&mut Sender, f64) -> T) -> Option<T> {
        let rate = self.rate?;
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        let full = || Sender {
            records: rate * BURST_SECONDS,
            bytes: rate * BYTES_A_RECORD * BURST_SECONDS,
            filled: Instant::now(),
            limited: None,
        };
        let sender = senders.entry(&network(from), full);
        sender.fill(rate);
        Some(act(sender, rate))
    }

    /// The senders that were limited, the latest first.
    pub(crate) fn limited(&self) -> Vec<Limited> {
        let senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        let mut limited: Vec<_> = senders.iter().filter_map(|(_, sender)| sender.limited.clone()).collect();
        limited.sort_by_key(|sender| std::cmp::Reverse(sender.last));
        limited
    }
}

impl Sender {
    fn fill(&mut self, rate: f64) {
        let now = Instant::now();
        let seconds = now.duration_since(self.filled).as_secs_f64();
        self.filled = now;
        self.records = (self.records + seconds * rate).min(rate * BURST_SECONDS);
        let bytes = rate * BYTES_A_RECORD;
        self.bytes = (self.bytes + seconds * bytes).min(bytes * BURST_SECONDS);
    }

    fn take(&mut self, records: u64, bytes: usize) {
        self.records -= records as f64;
        self.bytes -= bytes as f64;
    }

    fn debt(&self, rate: f64) -> Option<Duration> {
        let seconds = (-self.records / rate).max(-self.bytes / (rate * BYTES_A_RECORD));
        (seconds > 0.0).then(|| Duration::from_secs_f64(seconds))
    }

    fn note(&mut self, from: IpAddr) -> &mut Limited {
        let now = now();
        let limited = self.limited.get_or_insert(Limited {
            sender: network(from),
            dropped: 0,
            paused: 0,
            since: now,
            last: now,
        });
        limited.last = now;
        limited
    }
}

/// Whoever has one IPv6 address has the 2⁶⁴ of its network.
pub(super) fn network(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

/// Inputs that are limited; OTLP is bounded by the queue alone.
pub(crate) const LIMITED: [Input; 3] = [Input::Tcp, Input::Udp, Input::Http];

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn a_burst_is_taken_and_then_one_sender_waits_while_others_do_not() {
        let limit = Limit::new(Some(10));
        assert_eq!(limit.admit(ONE, 100, 100), Ok(()));
        let wait = limit.admit(ONE, 5, 5).unwrap_err();
        assert!(wait > Duration::from_secs(7) && wait <= Duration::from_secs(8), "{wait:?}");
        assert_eq!(limit.admit(OTHER, 1, 1), Ok(()));
        assert!(limit.pause(OTHER, 1, 30_000).is_some(), "bytes count, too");
        let limited = limit.limited();
        let seen: Vec<_> = limited.iter().map(|one| (one.sender, one.dropped, one.paused)).collect();
        assert!(seen.contains(&(ONE, 5, 0)) && seen.contains(&(OTHER, 0, 1)), "{seen:?}");
    }

    #[test]
    fn a_network_of_many_addresses_is_one_sender() {
        let limit = Limit::new(Some(1));
        let address = |last: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last));
        assert_eq!(limit.admit(address(1), 100, 1), Ok(()));
        assert!(limit.admit(address(2), 1, 1).is_err());
        assert!(Limit::new(None).admit(address(1), u64::MAX, 1).is_ok());
    }
}
