//! The relay of the audit log: whatever is written is delivered, in its order and at least once.
//!
//! A file says itself where it ends, so after a crash nothing comes twice; over HTTP the last delivery may, and is known
//! by its numbers. What cannot be delivered waits in the database and holds nobody up; so does everything as long as
//! there is nowhere to deliver it to.

use super::target::{Refusal, Way, is_same};
use crate::{
    config::Config,
    store::{
        Store,
        audit::{AuditLog, Turn},
    },
};
use service_kit::shutdown::Shutdown;
use std::time::Duration;
use telemetry::audit::{Auditor, Head};
use tokio::time::{sleep, timeout};

/// Entries delivered at once.
const MOST: i64 = 1000;
/// How often the database is looked at: then one write to the disk is for all that have come in the meantime.
const LOOK: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// What the end may take.
const STOP_TIME: Duration = Duration::from_secs(3);

/// Delivers the entries of one database.
pub struct AuditRelay {
    log: AuditLog,
    auditor: Auditor,
    /// `None` where entries are log lines only.
    way: Option<Way>,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Database(#[from] sqlx::Error),
    #[error("{0}")]
    Target(Refusal),
}

impl From<Refusal> for Failure {
    fn from(why: Refusal) -> Self {
        Self::Target(why)
    }
}

impl AuditRelay {
    /// As the settings say.
    pub fn new(config: &Config, store: &Store) -> Result<Self, reqwest::Error> {
        let way =
            config.audit_log.as_ref().map(|target| Way::new(target, config.peer_timeout)).transpose()?;
        Ok(Self { log: store.audit_log(), auditor: store.auditor().clone(), way })
    }

    /// Delivers until `stop`, then what is left.
    pub async fn run(self, stop: Shutdown) {
        let mut pause = LOOK;
        loop {
            match self.deliver_all().await {
                Ok(()) => {
                    if pause > LOOK {
                        tracing::info!("audit entries are delivered again");
                    }
                    pause = LOOK;
                }
                Err(error) => {
                    if pause == LOOK {
                        tracing::warn!(%error, "audit entries are not delivered; they wait in the database");
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = stop.requested() => break,
            }
        }
        // What is left after that is delivered at the next start.
        let _ = timeout(STOP_TIME, self.deliver_all()).await;
    }

    async fn deliver_all(&self) -> Result<(), Failure> {
        while let Some(mut turn) = self.log.turn(self.way.is_some()).await? {
            let said = self.say(&mut turn).await?;
            let delivered = match &self.way {
                Some(way) => deliver(way, &mut turn).await,
                None => Ok(false),
            };
            // Also after a failure: what was said is not said again.
            turn.end().await?;
            if !delivered? && !said {
                break;
            }
        }
        Ok(())
    }

    /// Before they are delivered: where that does not work, they are known all the same. False when all are.
    async fn say(&self, turn: &mut Turn) -> Result<bool, Failure> {
        let entries = turn.entries(turn.progress.said, MOST).await?;
        for entry in &entries {
            self.auditor.say(&entry.line);
            turn.progress.said = entry.number;
        }
        Ok(!entries.is_empty())
    }
}

/// False when there is nothing to deliver.
async fn deliver(way: &Way, turn: &mut Turn) -> Result<bool, Failure> {
    let open = way.open().await?;
    let after = match open.last() {
        Some(last) => end_of(last, turn).await?,
        None => turn.progress.delivered,
    };
    let entries = turn.entries(after, MOST).await?;
    let moves = after != turn.progress.delivered || !entries.is_empty();
    let last = entries.last().map_or(after, |entry| entry.number);
    if !entries.is_empty() {
        open.deliver(entries).await?;
    }
    turn.progress.delivered = last;
    Ok(moves)
}

/// The number that a file ends with. It goes on from there, whatever was noted as delivered.
async fn end_of(last: &Head, turn: &mut Turn) -> Result<i64, Failure> {
    if last.number > 0 && !is_same(last, turn.entries(last.number - 1, 1).await?.first()) {
        let why = "the file ends with an entry that the database does not have: it belongs to another database, or \
                   one of the two was changed";
        return Err(Failure::Target(why.to_owned()));
    }
    if last.number < turn.progress.delivered {
        let number = last.number;
        tracing::error!(
            number,
            "the audit log was cut, or is not the file that the others were delivered to: what it lacks after this \
             entry is written again"
        );
    }
    Ok(last.number)
}
