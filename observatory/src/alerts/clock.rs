//! What time it is for the alerts, so that a test can let hours pass at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::{Nanos, now};

/// The system's clock, or one that is set by hand. Cheap to clone; clones show the same time.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<AtomicU64>>);

impl Clock {
    /// A clock that stands at `time` until it is set.
    pub fn at(time: Nanos) -> Self {
        Self(Some(Arc::new(AtomicU64::new(time))))
    }

    /// Sets a clock made by `at`; the system's clock stays as it is.
    pub fn set(&self, time: Nanos) {
        if let Some(held) = &self.0 {
            held.store(time, Ordering::Relaxed);
        }
    }

    pub(crate) fn now(&self) -> Nanos {
        self.0.as_ref().map_or_else(now, |held| held.load(Ordering::Relaxed))
    }
}

/// Equal when they can never show different times.
impl PartialEq for Clock {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(another)) => Arc::ptr_eq(one, another),
            _ => false,
        }
    }
}

impl Eq for Clock {}
