//! What a connection is doing, and since when: what its time limits are measured by.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Limits, Reason};

/// Of one connection. All who hold it run in that connection's task, so that its lock is always free.
#[derive(Clone)]
pub(super) struct Progress(Arc<Mutex<State>>);

struct State {
    phase: Phase,
    since: Instant,
    /// Since when an answer has waited for the client to read.
    writing_since: Option<Instant>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing of the next request is there. A new connection begins here, too: clients keep some in store.
    Idle,
    /// A part of its head is.
    Head,
    /// It is being worked on. How long that may take is the request's deadline.
    Busy,
}

/// Why a connection is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// It was idle for long enough.
    Idle,
    /// Its client was too slow.
    Slow(Reason),
}

impl Progress {
    pub(super) fn new() -> Self {
        let state = State { phase: Phase::Idle, since: Instant::now(), writing_since: None };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Some bytes have come. While a request is worked on they may be its body or the next head, and nobody knows which:
    /// a part of a head that came so early has the idle time, until more of it comes.
    pub(super) fn read(&self) {
        let mut state = self.state();
        if state.phase == Phase::Idle {
            state.enter(Phase::Head);
        }
    }

    /// A request is there.
    pub(super) fn begin(&self) {
        self.state().enter(Phase::Busy);
    }

    /// Its answer is ready to be written.
    pub(super) fn end(&self) {
        self.state().enter(Phase::Idle);
    }

    pub(super) fn is_busy(&self) -> bool {
        self.state().phase == Phase::Busy
    }

    /// The client does not read as fast as it is written to.
    pub(super) fn stall(&self) {
        self.state().writing_since.get_or_insert_with(Instant::now);
    }

    /// All that was to be written is.
    pub(super) fn flushed(&self) {
        self.state().writing_since = None;
    }

    /// Why the connection should end now; else for how long it may go on before this is asked again.
    pub(super) fn check(&self, limits: &Limits, seats_are_scarce: bool) -> Result<Duration, Overdue> {
        let State { phase, since, writing_since } = *self.state();
        let idle_time = if seats_are_scarce { limits.head_time } else { limits.idle_time };
        let (since, time, overdue) = match (writing_since, phase) {
            (Some(since), _) => (since, limits.write_time, Overdue::Slow(Reason::SlowReader)),
            (None, Phase::Head) => (since, limits.head_time, Overdue::Slow(Reason::SlowHead)),
            (None, Phase::Idle) => (since, idle_time, Overdue::Idle),
            (None, Phase::Busy) => return Ok(limits.tick()),
        };
        let left = time.saturating_sub(since.elapsed());
        if left.is_zero() { Err(overdue) } else { Ok(left.min(limits.tick())) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry::Env;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn each_phase_has_its_time() {
        let limits = Limits::from_env(&Env::default()).unwrap();
        let (head, idle, write) = (limits.head_time, limits.idle_time, limits.write_time);
        let progress = Progress::new();
        let check = |scarce| progress.check(&limits, scarce);
        assert!(check(false).is_ok());
        progress.read();
        tokio::time::advance(head.saturating_sub(SECOND)).await;
        assert_eq!(check(false), Ok(SECOND));
        tokio::time::advance(SECOND).await;
        assert_eq!(check(false), Err(Overdue::Slow(Reason::SlowHead)));
        progress.begin();
        tokio::time::advance(10 * idle).await;
        assert!(check(false).is_ok(), "a request's time is its deadline");
        progress.end();
        tokio::time::advance(head).await;
        assert!(check(false).is_ok());
        assert_eq!(check(true), Err(Overdue::Idle), "where seats are scarce nobody keeps one for nothing");
        progress.begin();
        progress.read();
        progress.end();
        tokio::time::advance(head).await;
        assert!(check(false).is_ok(), "what came during a request is no head of its own");
        progress.read();
        assert!(check(true).is_ok(), "the next head has its own time");
        tokio::time::advance(head / 2).await;
        progress.read();
        tokio::time::advance(head / 2).await;
        assert_eq!(check(false), Err(Overdue::Slow(Reason::SlowHead)), "a byte now and then buys no time");
        progress.begin();
        progress.end();
        progress.stall();
        tokio::time::advance(write / 2).await;
        progress.stall();
        tokio::time::advance(write / 2).await;
        assert_eq!(check(false), Err(Overdue::Slow(Reason::SlowReader)));
        progress.flushed();
        assert!(check(false).is_ok());
    }
}
