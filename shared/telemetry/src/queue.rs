//! The bounded queue between code that must never wait and a background task that may.
//!
//! `push` takes a lock for a few instructions and never blocks on the consumer: a full queue refuses, and the
//! caller counts the loss. The consumer takes batches: when enough has come, when it has waited long enough, or when
//! someone asks for a flush. While something comes all the time it looks by itself, and only a push that fills a batch
//! wakes it. It may have several on their way before it says what became of the first.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    work: Notify,
    idle: Notify,
    capacity: usize,
    batch: usize,
    linger: Duration,
}

/// What the consumer is to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<T> {
    /// Deal with these.
    Batch(Vec<T>),
    /// Nothing waits, but somebody wants to know what became of what is on its way.
    Settle,
    /// The queue is closed and empty.
    End,
}

struct State<T> {
    waiting: VecDeque<T>,
    in_flight: usize,
    hurry: bool,
    closed: bool,
    /// When what waits is handed out, full batch or not.
    due: Option<Instant>,
    /// Nothing came for a while: the next push wakes the consumer.
    resting: bool,
}

impl<T> Queue<T> {
    /// At most `capacity` items wait; a batch has at most `batch`, and waits at most `linger` for more.
    pub(crate) fn new(capacity: usize, batch: usize, linger: Duration) -> Self {
        let waiting = VecDeque::new();
        let state = State { waiting, in_flight: 0, hurry: false, closed: false, due: None, resting: false };
        Self {
            state: Mutex::new(state),
            work: Notify::new(),
            idle: Notify::new(),
            capacity,
            batch: batch.clamp(1, capacity.max(1)),
            linger,
        }
    }

    /// False when the queue is full or closed: the item is gone, and the caller counts it.
    #[must_use]
    pub(crate) fn push(&self, item: T) -> bool {
        let wake = {
            let mut state = self.lock();
            if state.closed || state.waiting.len() >= self.capacity {
                return false;
            }
            state.waiting.push_back(item);
            std::mem::take(&mut state.resting) || state.waiting.len() == self.batch
        };
        if wake {
            self.work.notify_one();
        }
        true
    }

    /// For a consumer that has one batch at a time: the next; `None` when the queue is closed and empty. Call
    /// [`Queue::done`] when it is dealt with.
    pub(crate) async fn next_batch(&self) -> Option<Vec<T>> {
        match self.next().await {
            Next::Batch(batch) => Some(batch),
            Next::Settle | Next::End => None,
        }
    }

    /// What to do next. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&self) -> Next<T> {
        loop {
            let (ready, due) = {
                let mut state = self.lock();
                if state.waiting.is_empty() && state.hurry && state.in_flight > 0 {
                    return Next::Settle;
                }
                if state.waiting.is_empty() && state.closed {
                    return Next::End;
                }
                let (length, now) = (state.waiting.len(), Instant::now());
                let due = *state.due.get_or_insert(now + self.linger);
                let wanted = state.hurry || state.closed || due <= now;
                (length >= self.batch || (length > 0 && wanted), due)
            };
            if ready {
                return Next::Batch(self.take());
            }
            if timeout_at(due, self.work.notified()).await.is_err() && self.rests() {
                self.work.notified().await;
            }
        }
    }

    /// Whether the next push has to wake the consumer, because nothing came.
    fn rests(&self) -> bool {
        let mut state = self.lock();
        state.resting = state.waiting.is_empty();
        if state.resting {
            state.due = None;
        }
        state.resting
    }

    /// All that was on its way has been dealt with. `count` notes what became of it, unless it was abandoned
    /// meanwhile: then it is counted already.
    pub(crate) fn done(&self, count: impl FnOnce()) {
        self.settled(usize::MAX, count);
    }

    /// The same of the oldest `items` on their way.
    pub(crate) fn settled(&self, items: usize, count: impl FnOnce()) {
        let mut state = self.lock();
        if state.in_flight > 0 {
            count();
        }
        state.in_flight = state.in_flight.saturating_sub(items);
        if state.waiting.is_empty() && state.in_flight == 0 {
            state.hurry = false;
            drop(state);
            self.idle.notify_waiters();
        }
    }

    /// Waits until everything pushed before has been dealt with; false when `limit` passed first.
    pub(crate) async fn flush(&self, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.idle()).await.is_ok()
    }

    /// Waits until nothing waits and nothing is on its way, and makes the consumer hurry.
    pub(crate) async fn idle(&self) {
        loop {
            let idle = self.idle.notified();
            tokio::pin!(idle);
            // Registered before the state is looked at, or the last `done` could be missed.
            idle.as_mut().enable();
            {
                let mut state = self.lock();
                if state.waiting.is_empty() && state.in_flight == 0 {
                    return;
                }
                state.hurry = true;
            }
            self.work.notify_one();
            idle.await;
        }
    }

    /// Takes nothing more; what waits is still handed out.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_one();
    }

    /// Throws away what still waits, gives up what is on its way, and says how much that was.
    pub(crate) fn abandon(&self) -> usize {
        let mut state = self.lock();
        state.closed = true;
        let lost = state.waiting.len() + state.in_flight;
        state.waiting.clear();
        state.in_flight = 0;
        drop(state);
        self.work.notify_one();
        self.idle.notify_waiters();
        lost
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    fn take(&self) -> Vec<T> {
        let mut state = self.lock();
        let count = state.waiting.len().min(self.batch);
        state.in_flight += count;
        state.due = None;
        state.waiting.drain(..count).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing in a critical section can panic half-way, so the state behind a poisoned lock is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn a_full_queue_refuses_and_a_batch_is_bounded() {
        let queue = Queue::new(3, 2, LONG);
        assert_eq!([1, 2, 3, 4].map(|item| queue.push(item)), [true, true, true, false]);
        assert_eq!(queue.next_batch().await, Some(vec![1, 2]));
        queue.done(|| ());
        queue.close();
        assert!(!queue.push(5));
        assert_eq!(queue.next_batch().await, Some(vec![3]));
        assert_eq!(queue.next_batch().await, None);
    }

    #[tokio::test]
    async fn a_flush_does_not_wait_for_a_full_batch() {
        let queue = Arc::new(Queue::new(100, 50, LONG));
        let consumer = tokio::spawn({
            let queue = queue.clone();
            async move {
                let mut seen = Vec::new();
                while let Some(batch) = queue.next_batch().await {
                    seen.extend(batch);
                    queue.done(|| ());
                }
                seen
            }
        });
        for item in 0..70 {
            assert!(queue.push(item));
        }
        assert!(queue.flush(LONG).await);
        assert_eq!(queue.len(), 0);
        queue.close();
        assert_eq!(consumer.await.unwrap(), (0..70).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_consumer_that_rests_is_woken() {
        let queue = Arc::new(Queue::new(10, 5, Duration::from_millis(1)));
        for item in [1, 2, 3] {
            let consumer = tokio::spawn({
                let queue = queue.clone();
                async move { queue.next_batch().await }
            });
            while !queue.lock().resting {
                tokio::task::yield_now().await;
            }
            assert!(queue.push(item));
            assert_eq!(consumer.await.unwrap(), Some(vec![item]));
            queue.done(|| ());
        }
    }

    #[tokio::test]
    async fn a_flush_without_consumer_gives_up_and_the_rest_is_counted() {
        let queue = Queue::new(10, 5, LONG);
        assert!(queue.push("span"));
        assert!(!queue.flush(Duration::from_millis(5)).await);
        assert_eq!(queue.abandon(), 1);
    }

    #[tokio::test]
    async fn a_batch_has_one_fate() {
        let queue = Queue::new(10, 1, LONG);
        assert!(queue.push("first") && queue.push("second"));
        assert_eq!(queue.next_batch().await, Some(vec!["first"]));
        assert_eq!(queue.abandon(), 2, "what is on its way is lost, too");
        queue.done(|| panic!("counted twice"));
    }

    #[tokio::test]
    async fn what_is_on_its_way_is_asked_for_when_somebody_waits() {
        let queue = Queue::new(10, 1, LONG);
        assert!(queue.push("first") && queue.push("second"));
        assert_eq!(queue.next().await, Next::Batch(vec!["first"]));
        assert_eq!(queue.next().await, Next::Batch(vec!["second"]));
        let consumer = async {
            queue.settled(1, || ());
            assert_eq!(queue.next().await, Next::Settle);
            queue.settled(1, || ());
        };
        assert!(tokio::join!(queue.flush(LONG), consumer).0);
    }
}
