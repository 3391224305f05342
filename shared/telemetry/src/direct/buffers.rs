//! Finished spans between the threads that end them and the one that sends them: bytes, ready to be sent.
//!
//! A thread appends to a buffer that it shares with few others or none, and a full buffer is sealed as one batch. How
//! many spans may wait is bounded for all buffers together: each draws on the common credit, many spans at a time.

use super::shard::{SHARDS, Shards, lock, own_shard};
use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

/// Spans that a buffer draws credit for at once, at most.
const MOST_CREDIT: usize = 64;

pub(super) struct Buffers {
    shards: Shards<Shard>,
    sealed: Mutex<Sealed>,
    /// How many spans no buffer has credit for yet.
    credit: AtomicUsize,
    capacity: usize,
    batch: usize,
    linger: Duration,
    /// Nothing came for a while: the next span wakes the consumer.
    resting: AtomicBool,
    work: Notify,
    idle: Notify,
}

/// Finished spans, one after the other, each with its length before it.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) spans: usize,
}

#[derive(Default)]
struct Shard {
    open: Batch,
    credit: usize,
    closed: bool,
}

#[derive(Default)]
struct Sealed {
    batches: VecDeque<Batch>,
    /// Spans of the batch that is being sent.
    in_flight: usize,
    /// When the buffers are looked through again, full or not.
    due: Option<Instant>,
    hurry: bool,
    closed: bool,
}

impl Buffers {
    /// At most `capacity` spans wait; a batch has at most `batch`, and waits at most `linger` for more.
    pub(super) fn new(capacity: usize, batch: usize, linger: Duration) -> Self {
        Self {
            shards: Shards::new(),
            sealed: Mutex::default(),
            credit: AtomicUsize::new(capacity),
            capacity,
            batch: batch.clamp(1, capacity.max(1)),
            linger,
            resting: AtomicBool::new(false),
            work: Notify::new(),
            idle: Notify::new(),
        }
    }

    /// Lets `write` append one span. False when too many wait already, or after the end: then nothing is written.
    #[must_use]
    pub(super) fn push(&self, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let Some(mut shard) = self.shards.get(own_shard()) else { return false };
        let draws = shard.credit == 0;
        if shard.closed || !self.has_credit(&mut shard) {
            return false;
        }
        let is_short = draws && self.is_short();
        shard.credit -= 1;
        write(&mut shard.open.bytes);
        shard.open.spans += 1;
        let spans = shard.open.spans;
        if spans == self.batch {
            // The next batch will be about as large.
            let room = Vec::with_capacity(shard.open.bytes.len());
            let full = std::mem::replace(&mut shard.open, Batch { bytes: room, spans: 0 });
            lock(&self.sealed).batches.push_back(full);
        }
        drop(shard);
        // While something comes all the time, the consumer looks by itself. Before it rests, it says so and then locks
        // every shard: either it finds this span there, or this thread has found that it rests.
        if spans == self.batch || is_short || (spans == 1 && self.resting.swap(false, Relaxed)) {
            self.work.notify_one();
        }
        true
    }

    fn has_credit(&self, shard: &mut Shard) -> bool {
        if shard.credit == 0 {
            // Little of a small capacity, so that no buffer sits on what another one needs.
            let wish = (self.capacity / (4 * SHARDS)).clamp(1, MOST_CREDIT);
            let drawn = self.credit.fetch_update(Relaxed, Relaxed, |left| Some(left - left.min(wish)));
            shard.credit = drawn.unwrap_or_default().min(wish);
        }
        shard.credit > 0
    }

    /// Less than half of the credit is left: what the buffers have is sent before there is no room. No batch need be full
    /// by then, for each of many threads may have the better part of one.
    fn is_short(&self) -> bool {
        self.credit.load(Relaxed) < self.capacity / 2
    }

    /// The next batch; `None` when closed and empty. Call [`Buffers::done`] when it is dealt with.
    pub(super) async fn next_batch(&self) -> Option<Batch> {
        loop {
            let now = Instant::now();
            let (due, closed, is_due) = {
                let mut sealed = lock(&self.sealed);
                let due = *sealed.due.get_or_insert(now + self.linger);
                let is_short = sealed.batches.is_empty() && self.is_short();
                let is_due = sealed.hurry || sealed.closed || is_short || due <= now;
                sealed.due = sealed.due.filter(|_| !is_due);
                (due, sealed.closed, is_due)
            };
            if is_due {
                self.seal_all();
            }
            if let Some(batch) = self.take_sealed() {
                return Some(batch);
            }
            if !is_due {
                // Or until a batch is full, room is short, or somebody is in a hurry.
                let _ = timeout_at(due, self.work.notified()).await;
            } else if closed {
                return None;
            } else {
                self.rest().await;
            }
        }
    }

    fn take_sealed(&self) -> Option<Batch> {
        let mut sealed = lock(&self.sealed);
        let batch = sealed.batches.pop_front()?;
        sealed.in_flight = batch.spans;
        self.credit.fetch_add(batch.spans, Relaxed);
        Some(batch)
    }

    /// Until somebody wakes the consumer: whoever brings the next span, or wants a flush.
    async fn rest(&self) {
        self.resting.store(true, Relaxed);
        // Again, because from now on, and not before, a span wakes it.
        if self.open_spans() == 0 {
            self.work.notified().await;
        }
        self.resting.store(false, Relaxed);
    }

    /// Seals what all buffers have, as few batches as it fits in.
    fn seal_all(&self) {
        for mut shard in self.shards.all() {
            // Both at once: a span is always in one of them.
            let mut sealed = lock(&self.sealed);
            let open = std::mem::take(&mut shard.open);
            match sealed.batches.back_mut() {
                _ if open.spans == 0 => {}
                Some(last) if last.spans + open.spans <= self.batch => {
                    last.bytes.extend_from_slice(&open.bytes);
                    last.spans += open.spans;
                }
                _ => sealed.batches.push_back(open),
            }
        }
    }

    /// The last batch has been dealt with. `count` notes what became of it, unless it was abandoned meanwhile:
    /// then it is counted already.
    pub(super) fn done(&self, count: impl FnOnce()) {
        let open = self.open_spans();
        let mut sealed = lock(&self.sealed);
        if sealed.in_flight > 0 {
            count();
        }
        sealed.in_flight = 0;
        if open == 0 && sealed.batches.is_empty() {
            sealed.hurry = false;
            drop(sealed);
            self.idle.notify_waiters();
        }
    }

    /// Waits until everything pushed before has been dealt with, at most `limit`.
    pub(super) async fn flush(&self, limit: Duration) {
        let _ = tokio::time::timeout(limit, self.idle()).await;
    }

    async fn idle(&self) {
        loop {
            let idle = self.idle.notified();
            tokio::pin!(idle);
            // Registered before the state is looked at, or the last `done` could be missed.
            idle.as_mut().enable();
            {
                let open = self.open_spans();
                let mut sealed = lock(&self.sealed);
                if open == 0 && sealed.batches.is_empty() && sealed.in_flight == 0 {
                    return;
                }
                sealed.hurry = true;
            }
            self.work.notify_one();
            idle.await;
        }
    }

    /// Throws away what still waits, gives up what is on its way, and says how many spans that was.
    pub(super) fn abandon(&self) -> usize {
        let mut lost = 0;
        for mut shard in self.shards.all() {
            shard.closed = true;
            lost += std::mem::take(&mut shard.open).spans;
        }
        let mut sealed = lock(&self.sealed);
        sealed.closed = true;
        lost += sealed.batches.drain(..).map(|batch| batch.spans).sum::<usize>();
        lost += std::mem::take(&mut sealed.in_flight);
        drop(sealed);
        self.work.notify_one();
        self.idle.notify_waiters();
        lost
    }

    /// Spans that wait.
    pub(super) fn len(&self) -> usize {
        let open = self.open_spans();
        open + lock(&self.sealed).batches.iter().map(|batch| batch.spans).sum::<usize>()
    }

    /// All that waits.
    #[cfg(test)]
    pub(super) fn everything(&self) -> Vec<u8> {
        self.seal_all();
        lock(&self.sealed).batches.drain(..).flat_map(|batch| batch.bytes).collect()
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    fn open_spans(&self) -> usize {
        self.shards.all().map(|shard| shard.open.spans).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::Arc, thread};
    use tokio::time::timeout;

    const LONG: Duration = Duration::from_mins(1);

    fn push(buffers: &Buffers, byte: u8) -> bool {
        buffers.push(|bytes| bytes.push(byte))
    }

    #[tokio::test]
    async fn full_buffers_refuse_and_a_batch_is_bounded() {
        let buffers = Buffers::new(3, 2, LONG);
        assert_eq!([1, 2, 3, 4].map(|byte| push(&buffers, byte)), [true, true, true, false]);
        assert_eq!(buffers.len(), 3);
        assert_eq!(buffers.next_batch().await.unwrap().bytes, [1, 2]);
        assert!(push(&buffers, 5), "what was taken makes room");
        buffers.done(|| ());
        assert_eq!(buffers.next_batch().await.unwrap().bytes, [3, 5]);
        assert_eq!(buffers.abandon(), 2, "what is on its way is lost, too");
        buffers.done(|| panic!("counted twice"));
        assert!(!push(&buffers, 6));
        assert!(buffers.next_batch().await.is_none());
    }

    #[tokio::test]
    async fn a_flush_does_not_wait_for_a_full_batch_and_threads_share_one() {
        let buffers = Arc::new(Buffers::new(100, 50, LONG));
        let consumer = tokio::spawn({
            let buffers = buffers.clone();
            async move {
                let mut batches = Vec::new();
                while let Some(batch) = buffers.next_batch().await {
                    batches.push(batch.spans);
                    buffers.done(|| ());
                }
                batches
            }
        });
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..5).for_each(|byte| assert!(push(&buffers, byte))));
            }
        });
        buffers.flush(LONG).await;
        assert_eq!((buffers.len(), buffers.abandon()), (0, 0));
        assert_eq!(consumer.await.unwrap(), [20]);
    }

    #[tokio::test]
    async fn a_consumer_that_rests_is_woken() {
        let buffers = Arc::new(Buffers::new(10, 5, Duration::from_millis(1)));
        for byte in [1, 2, 3] {
            let consumer = tokio::spawn({
                let buffers = buffers.clone();
                async move { buffers.next_batch().await.unwrap().bytes }
            });
            while !buffers.resting.load(Relaxed) {
                tokio::task::yield_now().await;
            }
            assert!(push(&buffers, byte));
            assert_eq!(consumer.await.unwrap(), [byte]);
            buffers.done(|| ());
        }
    }

    /// No buffer has a full batch, all together have more than half of what may wait.
    #[tokio::test]
    async fn what_many_threads_have_is_sent_before_there_is_no_room() {
        const SOON: Duration = Duration::from_secs(5);
        let buffers = Arc::new(Buffers::new(256, 128, LONG));
        let fill = || {
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| (0..20).for_each(|byte| assert!(push(&buffers, byte))));
                }
            });
        };
        fill();
        // How the threads share buffers decides how many are in the first of the two.
        let mut sent = 0;
        for _ in 0..2 {
            sent += timeout(SOON, buffers.next_batch()).await.expect("a batch").unwrap().spans;
            buffers.done(|| ());
        }
        assert_eq!(sent, 160);
        // And who waits already is woken.
        let waiting = tokio::spawn({
            let buffers = buffers.clone();
            async move { buffers.next_batch().await.unwrap() }
        });
        // The runtime has one thread: now it waits.
        tokio::task::yield_now().await;
        fill();
        timeout(SOON, waiting).await.expect("a batch").unwrap();
    }

    #[test]
    fn threads_lose_nothing_uncounted() {
        let buffers = Buffers::new(1_000, 64, LONG);
        let taken: usize = thread::scope(|scope| {
            let pushing = || (0..500).filter(|_| push(&buffers, 0)).count();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(pushing)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(buffers.len(), taken);
        assert!((1_000 - SHARDS * 15..=1_000).contains(&taken), "{taken}");
        assert_eq!(buffers.abandon(), taken);
    }
}
