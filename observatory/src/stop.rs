//! Telling tasks to stop.

use tokio::sync::watch;

/// The side that tells.
#[derive(Debug)]
pub(crate) struct Stop(watch::Sender<bool>);

/// The side that is told. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Stopping(watch::Receiver<bool>);

/// A connected pair.
pub(crate) fn pair() -> (Stop, Stopping) {
    let (sender, receiver) = watch::channel(false);
    (Stop(sender), Stopping(receiver))
}

impl Stop {
    pub(crate) fn now(&self) {
        self.0.send_replace(true);
    }
}

impl Stopping {
    /// Resolves once told, and ever after; also when nobody is left to tell.
    pub(crate) async fn told(&mut self) {
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}
