//! One signal that everything in a process can wait for: stop.

use std::future::Future;
use std::io;
use std::sync::Arc;

use telemetry::env::parse;
use telemetry::{ConfigError, Env};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::config::variables::STOP_WITH_STDIN;

/// `STOP_WITH_STDIN`: set for the child of a process that stops it by closing its standard input, which also happens
/// when the parent is killed.
pub fn stops_with_stdin(env: &Env) -> Result<bool, ConfigError> {
    Ok(env.optional(&STOP_WITH_STDIN, parse::value::<String>)?.is_some())
}

/// Waits for the stop. Cheap to clone: servers and workers each hold one.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

/// Calls the stop; so does dropping it.
#[derive(Debug)]
pub struct Trigger(watch::Sender<bool>);

impl Trigger {
    /// Calls the stop.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// A stop that is called by hand: what tests use.
    pub fn by_hand() -> (Trigger, Self) {
        let (sender, receiver) = watch::channel(false);
        (Trigger(sender), Self(receiver))
    }

    /// The stop of a process: SIGTERM, SIGINT, or the end of standard input.
    /// if that is asked for ([`stops_with_stdin`]).
    pub fn of_process(with_stdin: bool) -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (trigger, shutdown) = Self::by_hand();
        let trigger = Arc::new(trigger);
        if with_stdin {
            stop_with_stdin(trigger.clone())?;
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            trigger.stop();
        });
        Ok(shutdown)
    }

    /// Resolves once the stop is called.
    pub fn requested(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut receiver = self.0.clone();
        async move {
            // An error means that the trigger is gone, which is a stop too.
            let _ = receiver.wait_for(|stop| *stop).await;
        }
    }
}

/// A thread of its own: a blocking read inside the runtime would hold up the runtime's end.
fn stop_with_stdin(trigger: Arc<Trigger>) -> io::Result<()> {
    let wait = move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        trigger.stop();
    };
    std::thread::Builder::new().name("stdin".to_owned()).spawn(wait).map(|_| ())
}
