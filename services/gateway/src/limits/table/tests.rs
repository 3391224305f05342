//! By hand-driven clock, and simulations of what an attacker would try.

use super::*;

const SECOND: u64 = 1_000_000_000;

/// So many a second.
fn table(rate: u32, burst: u32) -> Table {
    Table::new(Rate { interval: Duration::from_secs(1) / rate, burst })
}

impl Table {
    fn take_at(&self, client: Client, count: u64, now: u64) -> Taken {
        self.take_from(&mut self.group(client).unwrap(), client, (count, 0), now)
    }

    /// Of a request that has paid for one.
    fn more_at(&self, client: Client, count: u64, now: u64) -> Taken {
        self.take_from(&mut self.group(client).unwrap(), client, (count, 1), now)
    }

    /// How many of a client's requests are admitted that come at an even pace from `from` for `time`.
    fn admitted(&self, client: Client, requests: u64, from: u64, time: u64) -> u64 {
        let at = |number| from + number * time / requests;
        (0..requests).filter(|number| self.take_at(client, 1, at(*number)).is_admitted).count() as u64
    }
}

/// Numbers that look random and are the same in every run.
fn random(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb)
    })
}

#[test]
fn a_burst_then_the_pace_then_after_a_rest_a_burst() {
    let (table, client) = (table(50, 100), Client(7));
    let first = table.take_at(client, 1, 0);
    assert_eq!(first, Taken { is_admitted: true, left: 99, wait: Duration::from_millis(20) });
    assert_eq!(table.admitted(client, 500, 0, 1), 99);
    let refused = table.take_at(client, 1, 5_000_000);
    assert_eq!(refused, Taken { is_admitted: false, left: 0, wait: Duration::from_millis(15) });
    let then = table.take_at(client, 1, 20_000_000);
    assert_eq!((then.is_admitted, then.left), (true, 0), "the wait that was told is the wait");
    assert_eq!(table.admitted(client, 10_000, SECOND, 10 * SECOND), 49 + 500 - 1);
    assert_eq!(table.admitted(client, 500, 60 * SECOND, 1), 100);
    assert_eq!(table.admitted(Client(8), 500, 60 * SECOND, 1), 100, "another client has its own");
}

#[test]
fn many_at_once_are_all_taken_or_none() {
    let (table, client) = (table(50, 100), Client(7));
    assert_eq!(table.take_at(client, 60, 0).left, 40);
    let refused = table.take_at(client, 60, 0);
    assert_eq!(refused, Taken { is_admitted: false, left: 40, wait: Duration::from_millis(400) });
    assert!(table.take_at(client, 40, 0).is_admitted);
    assert!(table.take_at(Client(8), 1_000_000, 0).is_admitted, "more than a burst is a burst");
    assert!(!table.take_at(Client(8), 1, 0).is_admitted);
}

#[test]
fn a_clock_that_is_read_too_early_does_no_harm() {
    let (table, client) = (table(50, 100), Client(7));
    assert_eq!(table.take_at(client, 100, SECOND).left, 0);
    let refused = table.take_at(client, 1, SECOND - 1);
    assert_eq!(refused, Taken { is_admitted: false, left: 0, wait: Duration::from_millis(20) });
}

#[test]
fn more_than_a_burst_is_a_burst_with_what_was_paid_before() {
    let (table, client) = (table(1, 3), Client(7));
    assert!(table.take_at(client, 1, 0).is_admitted);
    assert_eq!((table.more_at(client, 4, 0).is_admitted, table.take_at(client, 0, 0).left), (true, 0));
}

#[test]
fn a_refused_batch_is_told_when_all_of_it_fits() {
    let (table, client) = (table(1, 10), Client(7));
    table.take_at(client, 7, 0);
    table.take_at(client, 1, 0);
    let refused = table.more_at(client, 4, 0);
    assert_eq!(refused, Taken { is_admitted: false, left: 2, wait: Duration::from_secs(3) });
    assert!(
        table.take_at(client, 1, 3 * SECOND).is_admitted && table.more_at(client, 4, 3 * SECOND).is_admitted
    );
}

#[test]
fn what_is_given_back_is_there_again() {
    let (table, client) = (table(1, 10), Client(7));
    assert!(table.take(client, 1, 0).is_admitted && table.take(client, 40, 1).is_admitted);
    table.give_back(client, 40, 1);
    assert_eq!(table.left(client).left, 9);
}

#[test]
fn the_time_until_there_is_one_more() {
    let (table, client) = (table(1, 10), Client(7));
    table.take_at(client, 1, 0);
    let half_way = table.take_at(client, 1, SECOND / 4);
    assert_eq!((half_way.left, half_way.wait), (8, Duration::from_millis(750)));
}

#[test]
fn a_million_addresses_need_no_more_memory_and_are_all_admitted() {
    let table = table(1, 10);
    let before = size_of_val(&*table.groups);
    assert!(before <= 1_200_000, "{before} bytes");
    let admitted =
        random(1).take(1_000_000).filter(|client| table.take_at(Client(*client), 1, 0).is_admitted);
    assert_eq!(admitted.count(), 1_000_000, "nobody is locked out by the others");
    assert_eq!(size_of_val(&*table.groups), before);
}

#[test]
fn a_flood_of_addresses_does_not_wash_away_what_somebody_owes() {
    // One a second with bursts of ten, and 100,000 new addresses a second: all groups are always full.
    let (table, heavy) = (table(1, 10), Client(7));
    let mut others = random(2);
    let mut admitted = 0;
    for number in 0..1_000_000_u64 {
        let now = number * SECOND / 100_000;
        if let Some(other) = others.next() {
            table.take_at(Client(other), 1, now);
        }
        if number % 100 == 0 && table.take_at(heavy, 1, now).is_admitted {
            admitted += 1;
        }
    }
    // A thousand a second for ten seconds: the burst, and one for each second.
    assert!((19..=20).contains(&admitted), "{admitted} of 10000");
}

#[test]
fn who_keeps_to_the_limit_is_admitted_in_a_flood() {
    // One a second. Sixteen addresses of the same group, twice as many as it has places, ask a hundred times as much.
    let (table, polite) = (table(1, 10), Client(7));
    for millis in 0..100_000_u64 {
        let now = millis * SECOND / 1000;
        let other = Client(7 + (1 + millis % 16) * GROUPS as u64);
        for _ in 0..2 {
            table.take_at(other, 1, now);
        }
        if millis % 1_250 == 0 {
            assert!(table.take_at(polite, 1, now).is_admitted, "after {millis} ms");
        }
    }
}

#[test]
fn addresses_that_take_turns_get_what_each_of_them_may() {
    let table = table(1, 100);
    let addresses: Vec<u64> = random(4).take(4_096).collect();
    // All in one instant, as fast as they can: the burst of each, and no more.
    let asked = addresses.iter().cycle().take(1_000_000);
    let admitted = asked.filter(|client| table.take_at(Client(**client), 1, 0).is_admitted).count();
    assert_eq!(admitted, 4_096 * 100);
}

#[test]
fn a_full_group_forgets_who_owes_least() {
    let table = table(1, 100);
    let of_group = |number: u64| Client(number * GROUPS as u64 + 1);
    let owes = |number| 100 - table.take_at(of_group(number), 0, 0).left;
    for number in 1..=PLACES as u64 {
        table.take_at(of_group(number), 10 * number, 0);
    }
    table.take_at(of_group(9), 1, 0);
    assert_eq!((owes(2), owes(8), owes(9)), (20, 80, 1));
    table.take_at(of_group(10), 1, 0);
    assert_eq!((owes(2), owes(8), owes(10)), (20, 80, 1), "and newcomers take it from each other");
}
