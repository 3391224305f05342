//! The audit log in the database: entries that are written with the change they tell of, and wait there for their
//! relay. Delivered ones stay, so that the chain can be compared with what was delivered.

pub(super) mod postgres;
pub mod reader;
pub(super) mod sqlite;

use super::{Backlog, Result};
use service_kit::{postgres::Postgres, sqlite::Sqlite};

/// The audit log of one database. A cheap handle. Nothing here has a span: the relay asks outside any trace.
#[derive(Clone)]
pub enum AuditLog {
    /// For one relay: nobody else opens the file.
    Sqlite(Sqlite),
    /// For any number of relays, one at a time.
    Postgres(Postgres),
}

/// An entry as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its place in the chain.
    pub number: i64,
    /// The whole of it.
    pub line: String,
}

/// A relay's turn to deliver. No other has one as long as this lives.
pub struct Turn {
    /// How far the relay is. Kept by `end`.
    pub progress: Progress,
    hold: Hold,
}

/// Up to which entry the relay has done what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The last entry that was delivered.
    pub delivered: i64,
    /// The last entry that was a log line.
    pub said: i64,
}

enum Hold {
    Sqlite(Sqlite),
    /// The row of `audit_delivered` is locked.
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

impl AuditLog {
    /// `None` when nothing waits, or another relay is at it. For a relay that does not deliver, entries wait to be log
    /// lines only.
    pub async fn turn(&self, delivers: bool) -> Result<Option<Turn>> {
        match self {
            Self::Sqlite(db) => sqlite::turn(db, delivers).await,
            Self::Postgres(db) => postgres::turn(db, delivers).await,
        }
    }

    /// What waits to be delivered.
    pub async fn backlog(&self) -> Result<Backlog> {
        let (length, oldest) = match self {
            Self::Sqlite(db) => sqlite::backlog(db).await?,
            Self::Postgres(db) => postgres::backlog(db).await?,
        };
        Ok(Backlog::since(length, oldest))
    }
}

impl Turn {
    /// The entries after that number, in their order.
    pub async fn entries(&mut self, after: i64, limit: i64) -> Result<Vec<Kept>> {
        match &mut self.hold {
            Hold::Sqlite(db) => sqlite::entries(db.reader(), after, limit).await,
            Hold::Postgres(transaction) => postgres::entries(transaction, after, limit).await,
        }
    }

    /// Notes how far the relay is.
    pub async fn end(self) -> Result<()> {
        match self.hold {
            Hold::Sqlite(db) => sqlite::note_progress(&db, self.progress).await,
            Hold::Postgres(transaction) => postgres::note_progress(transaction, self.progress).await,
        }
    }
}
