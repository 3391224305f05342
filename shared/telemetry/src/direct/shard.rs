//! What threads share is in parts, so that each has one nearly to itself.

use std::{
    cell::Cell,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

/// More than the workers of most services, so that each has one of its own.
pub(super) const SHARDS: usize = 16;

pub(super) struct Shards<T>([Shard<T>; SHARDS]);

/// Not on the cache line of another, which other threads write to; processors fetch lines in pairs.
#[repr(align(128))]
#[derive(Default)]
struct Shard<T>(Mutex<T>);

impl<T: Default> Shards<T> {
    pub(super) fn new() -> Self {
        Self(Default::default())
    }

    #[inline]
    pub(super) fn get(&self, place: usize) -> Option<MutexGuard<'_, T>> {
        self.0.get(place).map(|shard| lock(&shard.0))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = MutexGuard<'_, T>> {
        self.0.iter().map(|shard| lock(&shard.0))
    }
}

/// The place of this thread's.
#[inline]
pub(super) fn own_shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<usize> = Cell::new(NEXT.fetch_add(1, Relaxed) % SHARDS);
    }
    OWN.try_with(Cell::get).unwrap_or_default()
}

#[inline]
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in a critical section can panic half-way, so the state behind a poisoned lock is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
