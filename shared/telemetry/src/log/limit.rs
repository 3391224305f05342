//! A limit of lines a second for each place in the code that writes lines.
//!
//! Every place has a slot of a fixed table, which is found by the place's address and holds its state in one atomic
//! number: threads that write lines share no lock, and those at different places nothing at all.

use std::{
    ptr,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tracing::Metadata;

/// Several times the places that there are in a service with all its libraries.
const SLOTS: usize = 1024;
/// A place that finds so many slots taken has no limit.
const PROBES: usize = 16;
/// What a place that was quiet may write at once: a second's worth.
const BURST: Duration = Duration::from_secs(1);

pub(super) struct Limits {
    /// Between two lines, in nanoseconds.
    interval: u64,
    begun: Instant,
    slots: Box<[Slot]>,
}

#[derive(Default)]
struct Slot {
    place: OnceLock<&'static Metadata<'static>>,
    /// When all lines so far were due at the limit's pace, in nanoseconds since `begun`. How far that is ahead of
    /// now says how much of the burst is used up.
    paid_until: AtomicU64,
    left_out: AtomicU64,
    /// How many of them have been said.
    said: AtomicU64,
}

impl Limits {
    /// So many lines a second.
    pub(super) fn new(limit: u32) -> Self {
        Self {
            interval: 1_000_000_000 / u64::from(limit.max(1)),
            begun: Instant::now(),
            slots: (0..SLOTS).map(|_| Slot::default()).collect(),
        }
    }

    pub(super) fn passes(&self, place: &'static Metadata<'static>) -> bool {
        self.passes_at(place, self.begun.elapsed())
    }

    fn passes_at(&self, place: &'static Metadata<'static>, now: Duration) -> bool {
        let Some(slot) = self.slot(place) else { return true };
        let now = now.as_nanos() as u64;
        let pay = |paid_until: u64| {
            let from = paid_until.max(now);
            (from - now < BURST.as_nanos() as u64).then_some(from + self.interval)
        };
        let passes = slot.paid_until.fetch_update(Relaxed, Relaxed, pay).is_ok();
        if !passes {
            slot.left_out.fetch_add(1, Relaxed);
        }
        passes
    }

    fn slot(&self, place: &'static Metadata<'static>) -> Option<&Slot> {
        // Metadata is larger than 64 bytes, so the lowest bits say little.
        let first = ptr::from_ref(place).addr() >> 6;
        (first..first + PROBES).find_map(|number| {
            let slot = self.slots.get(number % SLOTS)?;
            ptr::eq(*slot.place.get_or_init(|| place), place).then_some(slot)
        })
    }

    /// All lines left out so far.
    pub(super) fn left_out(&self) -> u64 {
        self.slots.iter().map(|slot| slot.left_out.load(Relaxed)).sum()
    }

    /// How many were left out since the last time, and where; the most first.
    pub(super) fn news(&self) -> Vec<(u64, String)> {
        let news = self.slots.iter().filter_map(|slot| {
            let (place, left_out) = (slot.place.get()?, slot.left_out.load(Relaxed));
            let count = left_out.saturating_sub(slot.said.swap(left_out, Relaxed));
            (count > 0).then(|| (count, name(place)))
        });
        let mut news: Vec<_> = news.collect();
        news.sort_by(|a, b| b.cmp(a));
        news
    }
}

fn name(place: &Metadata<'_>) -> String {
    let module = place.module_path().unwrap_or(place.target());
    place.line().map_or_else(|| module.to_owned(), |line| format!("{module}:{line}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use tracing::{
        Event, Subscriber,
        span::{Attributes, Id, Record},
    };

    /// Collects the places of events.
    #[derive(Default)]
    struct Places(Mutex<Vec<&'static Metadata<'static>>>);

    impl Subscriber for Places {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            self.0.lock().unwrap().push(event.metadata());
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    fn places() -> [&'static Metadata<'static>; 2] {
        let places = std::sync::Arc::new(Places::default());
        tracing::subscriber::with_default(places.clone(), || {
            tracing::error!("one");
            tracing::info!("two");
        });
        let found = places.0.lock().unwrap();
        [found[0], found[1]]
    }

    #[test]
    fn a_place_has_its_burst_then_its_pace_and_leaves_others_alone() {
        let (limits, [one, two]) = (Limits::new(100), places());
        let passed = |place, from: Duration, tries: usize| {
            (0..tries).filter(|_| limits.passes_at(place, from)).count()
        };
        assert_eq!(passed(one, Duration::ZERO, 1_000), 100, "a second's worth at once");
        assert_eq!(passed(one, Duration::from_millis(100), 1_000), 10, "then as many as the time allows");
        assert_eq!(passed(two, Duration::from_millis(100), 50), 50);
        assert_eq!(passed(one, Duration::from_mins(1), 1_000), 100, "and after a rest the burst again");
        assert_eq!(limits.left_out(), 900 + 990 + 900);
    }

    #[test]
    fn what_was_left_out_is_told_once_with_its_place() {
        let (limits, [one, _]) = (Limits::new(1), places());
        for _ in 0..3 {
            limits.passes_at(one, Duration::ZERO);
        }
        let news = limits.news();
        assert_eq!(news.len(), 1);
        assert_eq!(news[0].0, 2);
        let (module, line) = news[0].1.rsplit_once(':').unwrap();
        assert!(module.ends_with("log::limit::tests") && line.parse::<u32>().is_ok(), "{news:?}");
        assert_eq!(limits.news(), []);
        assert_eq!(limits.left_out(), 2);
    }

    #[test]
    fn threads_together_keep_the_limit() {
        let (limits, [one, _]) = (Limits::new(1_000), places());
        let passed: usize = std::thread::scope(|scope| {
            let try_all = || (0..1_000).filter(|_| limits.passes_at(one, Duration::ZERO)).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(try_all)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(passed, 1_000);
    }
}
