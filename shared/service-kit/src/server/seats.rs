//! How many connections there are, and how many of one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Limits, Reason};
use crate::address::{Networks, holder};

/// The connections that may be open. Touched when one opens or closes, never by a request.
pub(super) struct Seats {
    all: usize,
    of_address: usize,
    proxies: Networks,
    taken: Mutex<Taken>,
}

/// Never more entries than connections.
#[derive(Default)]
struct Taken {
    all: usize,
    of: HashMap<IpAddr, usize>,
}

/// A connection's; given back when it is dropped.
pub(super) struct Seat {
    seats: Arc<Seats>,
    holder: IpAddr,
}

impl Seats {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            all: limits.connections,
            of_address: limits.connections_of_address,
            proxies: limits.proxies.clone(),
            taken: Mutex::default(),
        })
    }

    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Result<Seat, Reason> {
        let holder = holder(address);
        let mut taken = self.taken();
        if taken.all >= self.all {
            return Err(Reason::Connections);
        }
        let held = taken.of.get(&holder).copied().unwrap_or_default();
        if held >= self.of_address && !self.proxies.contain(address) {
            return Err(Reason::ConnectionsOfAddress);
        }
        taken.all += 1;
        taken.of.insert(holder, held + 1);
        drop(taken);
        Ok(Seat { seats: self.clone(), holder })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Whether so few are left that nobody may keep one for nothing.
    pub(super) fn are_scarce(&self) -> bool {
        self.seats.taken().all > self.seats.all / 2
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        taken.all -= 1;
        match taken.of.get_mut(&self.holder) {
            Some(held) if *held > 1 => *held -= 1,
            _ => {
                taken.of.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry::Env;

    fn seats(all: usize, of_address: usize, proxies: &str) -> Arc<Seats> {
        let limits = Limits::from_env(&Env::default()).unwrap();
        let proxies = Networks::parse(proxies).unwrap();
        Seats::new(&Limits { connections: all, connections_of_address: of_address, proxies, ..limits })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_share_and_a_proxy_all() {
        let seats = seats(4, 2, "10.0.0.0/8");
        let first = seats.take(ip("192.0.2.1")).unwrap();
        let _second = seats.take(ip("192.0.2.1")).unwrap();
        assert_eq!(seats.take(ip("192.0.2.1")).err(), Some(Reason::ConnectionsOfAddress));
        drop(first);
        let _again = seats.take(ip("192.0.2.1")).unwrap();
        let (third, fourth) = (seats.take(ip("10.0.0.1")).unwrap(), seats.take(ip("10.0.0.1")).unwrap());
        assert_eq!(seats.take(ip("192.0.2.2")).err(), Some(Reason::Connections));
        assert!(third.are_scarce());
        drop((third, fourth));
        assert_eq!(seats.taken().of.len(), 1, "who has left is forgotten");
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let seats = seats(4, 1, "");
        let _first = seats.take(ip("2001:db8::1")).unwrap();
        assert_eq!(seats.take(ip("2001:db8::2")).err(), Some(Reason::ConnectionsOfAddress));
        assert!(seats.take(ip("2001:db8:0:1::1")).is_ok());
    }
}
