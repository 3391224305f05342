//! Spawned work that stays part of the trace it was started in.

use std::future::Future;
use tokio::task::JoinHandle;
use tracing::Instrument;

/// Spawns `work` inside the current span: its spans become children, its log lines carry the same ids.
///
/// Use it for what must finish even when the caller goes away, such as a client that hangs up in the middle of
/// an order.
pub fn spawn<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(work.in_current_span())
}
