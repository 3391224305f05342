//! A queue bounded by the weight of what waits in it, from many async senders to one blocking taker.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// The item that did not fit, for the sender to keep or to count.
#[derive(Debug)]
pub(crate) struct Full<T>(pub(crate) T);

#[derive(Debug)]
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
    room: Notify,
    capacity: usize,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<(T, usize)>,
    weight: usize,
    closed: bool,
}

impl<T> Queue<T> {
    /// Takes items until their weights add up to `capacity`; one heavier than that, if it comes alone.
    pub(crate) fn new(capacity: usize) -> Self {
        let state = State { items: VecDeque::new(), weight: 0, closed: false };
        Self { state: Mutex::new(state), filled: Condvar::new(), room: Notify::new(), capacity }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.capacity
    }

    /// The weight of what waits.
    pub(crate) fn weight(&self) -> usize {
        self.lock().weight
    }

    /// Refuses at once when there is no room, and always once closed.
    pub(crate) fn push(&self, item: T, weight: usize) -> Result<(), Full<T>> {
        let mut state = self.lock();
        if state.closed || (state.weight > 0 && state.weight.saturating_add(weight) > self.capacity) {
            return Err(Full(item));
        }
        state.weight += weight;
        state.items.push_back((item, weight));
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for room up to `patience`, then refuses.
    pub(crate) async fn push_within(
        &self,
        mut item: T,
        weight: usize,
        patience: Duration,
    ) -> Result<(), Full<T>> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            // Listening before looking: room made in between is not missed.
            room.as_mut().enable();
            match self.push(item, weight) {
                Ok(()) => return Ok(()),
                Err(Full(back)) => item = back,
            }
            if self.lock().closed || tokio::time::timeout_at(deadline, room).await.is_err() {
                return Err(Full(item));
            }
        }
    }

    /// Blocks until there is something, then until `window` has passed or `enough` weight is there, and takes
    /// items up to that weight (at least one). Nothing when `idle_until` comes first; `None` when closed and empty.
    pub(crate) fn take(
        &self,
        enough: usize,
        window: Duration,
        idle_until: Option<Instant>,
    ) -> Option<Vec<T>> {
        let mut state = self.lock();
        while state.items.is_empty() {
            if state.closed {
                return None;
            }
            state = match idle_until.map(|until| until.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return Some(Vec::new()),
                Some(left) => self.filled.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.filled.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        let deadline = Instant::now() + window;
        while state.weight < enough && !state.closed {
            let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            else {
                break;
            };
            state = self.filled.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let mut taken = Vec::new();
        let mut weight = 0;
        while weight < enough
            && let Some((item, item_weight)) = state.items.pop_front()
        {
            weight += item_weight;
            taken.push(item);
        }
        state.weight -= weight;
        drop(state);
        self.room.notify_waiters();
        Some(taken)
    }

    /// Refuses from now on; what waits can still be taken.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
        self.room.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    #[test]
    fn refuses_what_does_not_fit_and_takes_again_after_a_take() {
        let queue = Queue::new(10);
        queue.push('a', 6).unwrap();
        let Full(back) = queue.push('b', 6).unwrap_err();
        assert_eq!((back, queue.weight()), ('b', 6));
        assert_eq!(queue.take(100, SOON, None), Some(vec!['a']));
        queue.push('b', 60).unwrap();
        assert_eq!(queue.take(1, SOON, None), Some(vec!['b']));
        assert_eq!(queue.weight(), 0);
        assert_eq!(queue.take(1, SOON, Some(Instant::now() + SOON)), Some(Vec::new()));
    }

    #[test]
    fn gives_what_waits_after_closing_and_then_ends() {
        let queue = Queue::new(10);
        queue.push('a', 1).unwrap();
        queue.push('b', 1).unwrap();
        queue.close();
        assert!(queue.push('c', 1).is_err());
        assert_eq!(queue.take(1, SOON, None), Some(vec!['a']));
        assert_eq!(queue.take(1, SOON, None), Some(vec!['b']));
        assert_eq!(queue.take(1, SOON, None), None);
    }

    #[tokio::test]
    async fn waits_for_room_but_not_for_ever() {
        let queue = std::sync::Arc::new(Queue::new(1));
        queue.push('a', 1).unwrap();
        assert!(queue.push_within('b', 1, SOON).await.is_err());
        let sender = tokio::spawn({
            let queue = queue.clone();
            async move { queue.push_within('b', 1, Duration::from_secs(10)).await.is_ok() }
        });
        tokio::task::yield_now().await;
        assert_eq!(queue.take(1, SOON, None), Some(vec!['a']));
        assert!(sender.await.unwrap());
    }
}
