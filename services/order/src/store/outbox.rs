//! The outbox: events that are written with the change they tell of, and wait there for the relay. What nobody
//! takes ends among the dead letters.

pub mod postgres;
pub mod sqlite;

use super::{Backlog, Result};
use api::timestamp::Timestamp;
use service_kit::{postgres::Postgres, sqlite::Sqlite};
use std::time::Duration;
use telemetry::{
    audit::{Act, Actor, Auditor},
    propagation::StoredContext,
};
use uuid::Uuid;

/// The outbox of one database. A cheap handle. Nothing here has a span: the relay asks outside any trace.
#[derive(Clone)]
pub enum Outbox {
    /// For one relay: nobody else opens the file.
    Sqlite(Sqlite),
    /// For any number of relays.
    Postgres(Postgres),
}

/// An event that waits to be published.
#[derive(Debug, Clone)]
pub struct OutboxEvent {
    /// Its place in the order of writing.
    pub position: i64,
    /// The same at every delivery.
    pub event_id: Uuid,
    /// What it is about.
    pub order_id: Uuid,
    /// The CloudEvents `type`.
    pub kind: String,
    /// The trace it belongs to.
    pub context: StoredContext,
    /// When it happened.
    pub created_at: Timestamp,
    /// How often it was refused.
    pub attempts: u32,
}

/// What became of an attempt to publish an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is delivered, and forgotten.
    Delivered,
    /// It waits for `rest`, with the later events of its order.
    Postponed {
        /// Until it is tried again.
        rest: Duration,
        /// What went wrong.
        error: String,
        /// Whether it was refused: nobody refuses an event when nobody is there.
        refused: bool,
    },
    /// It is refused for the last time, and goes to the dead letters; the later events of its order go on.
    Dead {
        /// What went wrong.
        error: String,
    },
}

/// An event that nobody takes.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// The same at every delivery.
    pub event_id: Uuid,
    /// What it is about.
    pub order_id: Uuid,
    /// The CloudEvents `type`.
    pub kind: String,
    /// The trace it belongs to.
    pub context: StoredContext,
    /// When it happened.
    pub created_at: Timestamp,
    /// How often it was refused.
    pub attempts: u32,
    /// What went wrong the last time.
    pub last_error: String,
    /// When it was given up.
    pub died_at: Timestamp,
}

/// Asks the one database that there is.
macro_rules! ask {
    ($outbox:expr, $function:ident($($argument:expr),*)) => {
        match $outbox {
            Outbox::Sqlite(db) => sqlite::$function(db, $($argument),*).await,
            Outbox::Postgres(db) => postgres::$function(db, $($argument),*).await,
        }
    };
}

impl Outbox {
    /// Takes events that are due, at most `limit`: of each order the first that waits, so that an order's events go
    /// out in their order. Not those at the positions in `held`, which the caller has already. For the time of
    /// `lease` no other relay takes them.
    pub async fn claim(&self, limit: usize, held: &[i64], lease: Duration) -> Result<Vec<OutboxEvent>> {
        ask!(self, claim(limit as i64, held, lease))
    }

    /// Notes what became of events, all in one transaction.
    pub async fn settle(&self, fates: &[(i64, Fate)]) -> Result<()> {
        ask!(self, settle(fates))
    }

    /// What waits.
    pub async fn backlog(&self) -> Result<Backlog> {
        let (length, oldest) = ask!(self, backlog())?;
        Ok(Backlog::since(length, oldest))
    }

    /// Keeps an event that its receiver has given up.
    pub async fn bury(&self, letter: &DeadLetter) -> Result<()> {
        ask!(self, bury(letter))
    }

    /// The dead letters, oldest first.
    pub async fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>> {
        ask!(self, dead_letters(i64::from(limit)))
    }

    /// Puts one dead letter, or all, back into the outbox, and says how many that were.
    pub(super) async fn replay(
        &self,
        event_id: Option<Uuid>,
        auditor: &Auditor,
        actor: Actor,
    ) -> Result<u64> {
        ask!(self, replay(event_id, auditor, actor))
    }
}

/// A database has no unsigned numbers.
fn count(number: u32) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

fn replayed(actor: Actor, count: u64) -> Act<'static> {
    Act { count: Some(count), ..Act::new("dead_letters.replayed", actor) }
}
