//! How much each of many clients has left, in a fixed amount of memory.
//!
//! The algorithm is the token bucket in the form that keeps one number (GCRA): the time up to which a client has paid,
//! if each request costs one interval. A request is refused when that lies further ahead than the burst allows. A
//! client whose time has passed is full again, and no different from one that was never seen.
//!
//! The table is not a map, because those of the known crates (`governor`'s keyed store) grow with every new key until
//! somebody cleans up, and new addresses are what an attacker has most of. It is a number of small groups; a key's
//! hash, which nobody outside knows, says which is its. In a full group a newcomer takes the place of the one who owes
//! least. So nobody is locked out, however many others there are, and who asks too much is forgotten last: a flood of
//! other addresses does not wash away what he owes, unless each of them owes more.
//!
//! What that leaves: of more of somebody's addresses than a group has places, two could take one place from each other
//! without end. As nobody can choose his group, that takes some ten thousand addresses, which may ask for far more
//! than this gains.

use std::hash::BuildHasher;
use std::hash::{Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Rate;

/// In a group. A search looks at all of them: two cache lines.
const PLACES: usize = 8;
/// With eight places each: 65,536 clients who owe something at this moment, in 1.1 MiB.
const GROUPS: usize = 8192;

pub(super) struct Table {
    /// Each with a lock of its own: two workers meet only at the same group.
    groups: Box<[Mutex<Group>]>,
    hashes: RandomState,
    begun: Instant,
    interval: u64,
    most: u64,
}

type Group = [Place; PLACES];

/// A client's. One that has never been taken is that of a client who is full.
#[derive(Clone, Copy, Default)]
struct Place {
    client: u64,
    /// In nanoseconds since `begun`.
    paid_until: u64,
}

/// A client's hash. Two clients share one by a chance of one in 2⁶⁴ for each pair.
#[derive(Clone, Copy)]
pub(super) struct Client(u64);

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) is_admitted: bool,
    /// Requests that would be admitted now.
    pub(super) left: u64,
    /// Until there is one more than that; for one who was refused, until he would be admitted.
    pub(super) wait: Duration,
}

impl Table {
    pub(super) fn new(rate: Rate) -> Self {
        let interval = rate.interval.as_nanos() as u64;
        Self {
            groups: (0..GROUPS).map(|_| Mutex::default()).collect(),
            hashes: RandomState::new(),
            begun: Instant::now(),
            interval,
            most: interval * u64::from(rate.burst),
        }
    }

    pub(super) fn client(&self, key: impl Hash) -> Client {
        Client(self.hashes.hash_one(key))
    }

    /// Takes as many as `count`, or none, for a request that has `paid` for as many before. All of them together cost no
    /// more than a burst: it would never be there otherwise. Who is refused waits for all of them, because he pays for
    /// all of them when he asks again.
    pub(super) fn take(&self, client: Client, count: u64, paid: u64) -> Taken {
        let Some(mut group) = self.group(client) else { return self.taken(true, 0, 0) };
        // Read inside the lock: whoever had it before has written no later time.
        let now = self.now();
        self.take_from(&mut group, client, (count, paid), now)
    }

    fn take_from(&self, group: &mut Group, client: Client, (count, paid): (u64, u64), now: u64) -> Taken {
        let known = group.iter().position(|place| place.client == client.0);
        let owes_least = || (0..PLACES).min_by_key(|at| group.get(*at).map(|place| place.paid_until));
        let at = known.or_else(owes_least).unwrap_or_default();
        let owed = self.owed(group, client, now);
        let after = owed + self.cost(count, paid);
        if after > self.most {
            return self.taken(false, owed, owed + self.cost(count.saturating_add(paid), 0) - self.most);
        }
        if let Some(place) = group.get_mut(at) {
            *place = Place { client: client.0, paid_until: now + after };
        }
        self.standing(after)
    }

    /// Undoes a [`Table::take`] of the same numbers.
    pub(super) fn give_back(&self, client: Client, count: u64, paid: u64) {
        let Some(mut group) = self.group(client) else { return };
        if let Some(place) = group.iter_mut().find(|place| place.client == client.0) {
            place.paid_until = place.paid_until.saturating_sub(self.cost(count, paid));
        }
    }

    /// What a client has left, who takes nothing.
    pub(super) fn left(&self, client: Client) -> Taken {
        let Some(group) = self.group(client) else { return self.taken(true, 0, 0) };
        self.standing(self.owed(&group, client, self.now()))
    }

    fn group(&self, Client(client): Client) -> Option<MutexGuard<'_, Group>> {
        let group = self.groups.get(client as usize % GROUPS)?;
        Some(group.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn now(&self) -> u64 {
        self.begun.elapsed().as_nanos() as u64
    }

    fn owed(&self, group: &Group, Client(client): Client, now: u64) -> u64 {
        let place = group.iter().find(|place| place.client == client);
        place.map_or(0, |place| place.paid_until.saturating_sub(now)).min(self.most)
    }

    /// Of `count` more after `paid`, all of which together cost a burst at most.
    fn cost(&self, count: u64, paid: u64) -> u64 {
        let all = |count: u64| count.saturating_mul(self.interval).min(self.most);
        all(count.saturating_add(paid)) - all(paid)
    }

    fn standing(&self, owed: u64) -> Taken {
        // What is left over after whole requests is how far the next one has come.
        self.taken(true, owed, self.interval - (self.most - owed) % self.interval)
    }

    fn taken(&self, is_admitted: bool, owed: u64, wait: u64) -> Taken {
        Taken { is_admitted, left: (self.most - owed) / self.interval, wait: Duration::from_nanos(wait) }
    }
}

#[cfg(test)]
mod tests;
