//! Waiting without guessing how long something takes.

use std::time::{Duration, Instant};

/// The most that anything in a test is waited for, if nothing else is said. Only failing tests wait so long.
pub const PATIENCE: Duration = Duration::from_secs(20);

const LOOK: Duration = Duration::from_millis(10);

/// Asks `look` until it finds something, at most [`PATIENCE`]; then panics and says what did not come.
pub async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, look).await
}

/// [`eventually`], with another limit.
pub async fn eventually_within<T>(
    limit: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} in vain for {what}");
        tokio::time::sleep(LOOK).await;
    }
}
