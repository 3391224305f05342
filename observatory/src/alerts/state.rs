//! From a condition to an alert: inactive, pending, firing, resolved.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::Nanos;

/// How long an alert that is over is still shown.
const SHOWN_AFTER: Nanos = 15 * 60 * 1_000_000_000;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    #[default]
    Inactive,
    /// The condition holds, but not for long enough yet.
    Pending,
    Firing,
    /// It was firing a while ago.
    Resolved,
}

impl State {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

/// Where an alert stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    pub(super) state: State,
    /// When it came to this state.
    pub(super) since: Nanos,
    /// When it began to fire, once it has.
    pub(super) fired: Nanos,
}

impl Standing {
    /// Goes on by one evaluation; true when it began or stopped firing.
    pub(super) fn step(&mut self, holds: bool, hold: Duration, now: Nanos) -> bool {
        let before = self.state;
        let waited = u128::from(now.saturating_sub(self.since));
        let next = match (before, holds) {
            (State::Firing, true) => State::Firing,
            (State::Firing, false) => State::Resolved,
            (State::Pending, true) if waited >= hold.as_nanos() => State::Firing,
            (_, true) if hold.is_zero() => State::Firing,
            (_, true) => State::Pending,
            (State::Resolved, false) if waited < u128::from(SHOWN_AFTER) => State::Resolved,
            (_, false) => State::Inactive,
        };
        if next != before {
            *self = Self { state: next, since: now, fired: self.fired };
        }
        if next == State::Firing && before != State::Firing {
            self.fired = now;
        }
        next != before && (next == State::Firing || before == State::Firing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_waits_fires_and_is_resolved() {
        const SECOND: Nanos = 1_000_000_000;
        let mut standing = Standing::default();
        let mut steps = Vec::new();
        for (second, holds) in [
            (0, false),
            (1, true),
            (5, false),
            (6, true),
            (15, true),
            (16, true),
            (20, true),
            (30, false),
            (40, true),
            (50, false),
        ] {
            let changed = standing.step(holds, Duration::from_secs(10), second * SECOND);
            steps.push((standing.state.name(), standing.since / SECOND, changed));
        }
        assert_eq!(
            steps,
            [
                ("inactive", 0, false),
                ("pending", 1, false),
                ("inactive", 5, false),
                ("pending", 6, false),
                ("pending", 6, false),
                ("firing", 16, true),
                ("firing", 16, false),
                ("resolved", 30, true),
                ("pending", 40, false),
                ("inactive", 50, false),
            ]
        );
        assert_eq!(standing.fired, 16 * SECOND);
    }

    #[test]
    fn without_a_time_to_hold_it_fires_at_once_and_is_forgotten_later() {
        let mut standing = Standing::default();
        assert!(standing.step(true, Duration::ZERO, 7));
        assert_eq!((standing.state, standing.fired), (State::Firing, 7));
        assert!(standing.step(false, Duration::ZERO, 8));
        assert!(!standing.step(false, Duration::ZERO, 8 + SHOWN_AFTER));
        assert_eq!(standing.state, State::Inactive);
    }
}
