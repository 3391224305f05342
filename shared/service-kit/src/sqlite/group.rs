//! Group commit: transactions that wait for the writer share one commit, and so one wait for the disk.
//!
//! SQLite has one writer at a time, and with `synchronous = FULL` every commit waits for the disk. Here the next
//! transaction enters, as a savepoint, the group that the one before it has left open; whoever finds nobody waiting
//! commits for all. Nobody is told that it is committed before the disk has said so.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use sqlx::{Executor, SqliteConnection};
use tokio::runtime::Handle;
use tokio::sync::oneshot::{self, Receiver, Sender};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// Transactions that share a commit at most.
const MOST: usize = 64;
/// A writer that has waited for so long has waited for something that is stuck.
const ACQUIRE: Duration = Duration::from_secs(5);
/// Whoever was to commit for the group may have gone away: after this a member does it.
const LAST: Duration = Duration::from_millis(20);

/// The one connection that writes. A cheap handle.
#[derive(Clone)]
pub(super) struct Writer {
    group: Arc<Mutex<Group>>,
    waiting: Arc<AtomicUsize>,
}

struct Group {
    connection: SqliteConnection,
    /// A transaction is open on the connection.
    open: bool,
    /// The last unit was dropped unfinished: what it wrote is to be taken back.
    abandoned: bool,
    /// Those who are told when it is committed.
    members: Vec<Sender<bool>>,
    /// Nobody begins any more.
    closed: bool,
}

/// A transaction that writes: alone on the connection until it commits or is rolled back, which dropping it does
/// too.
pub struct Unit {
    group: OwnedMutexGuard<Group>,
    writer: Writer,
    ended: bool,
}

impl Writer {
    pub(super) fn new(connection: SqliteConnection) -> Self {
        let group = Group { connection, open: false, abandoned: false, members: Vec::new(), closed: false };
        Self { group: Arc::new(Mutex::new(group)), waiting: Arc::default() }
    }

    pub(super) async fn begin(&self) -> Result<Unit> {
        let group = {
            let _waits = Waits::new(&self.waiting);
            timeout(ACQUIRE, self.group.clone().lock_owned()).await.map_err(|_| sqlx::Error::PoolTimedOut)?
        };
        if group.closed {
            return Err(sqlx::Error::PoolClosed);
        }
        // Ended until it is begun, so that a failure here takes nothing back from the others.
        let mut unit = Unit { group, writer: self.clone(), ended: true };
        unit.group.enter().await?;
        unit.ended = false;
        Ok(unit)
    }

    /// Commits what is open, for whoever is still waiting for it.
    async fn finish(&self) -> Result<()> {
        let mut group = self.group.lock().await;
        if group.open { group.commit().await } else { Ok(()) }
    }

    pub(super) async fn close(&self) -> Result<()> {
        self.group.lock().await.closed = true;
        self.finish().await
    }

    fn somebody_waits(&self) -> bool {
        self.waiting.load(Relaxed) > 0
    }

    async fn told(&self, mut told: Receiver<bool>) -> Result<()> {
        let committed = if let Ok(committed) = timeout(LAST, &mut told).await {
            committed.unwrap_or(false)
        } else {
            let mut group = self.group.lock().await;
            match told.try_recv() {
                Ok(committed) => committed,
                Err(_) => return group.commit().await,
            }
        };
        let failed = || sqlx::Error::Io(std::io::Error::other("the group was not committed"));
        committed.then_some(()).ok_or_else(failed)
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unit").field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Writer")
    }
}

impl Group {
    /// Begins a unit: in the open transaction, or in a new one.
    async fn enter(&mut self) -> Result<()> {
        let begun = async {
            if self.open {
                self.settle().await?;
            } else {
                // `IMMEDIATE` takes the write lock at once, so what is read stays true.
                self.open = true;
                self.connection.execute("BEGIN IMMEDIATE").await?;
            }
            self.connection.execute("SAVEPOINT unit").await.map(|_| ())
        };
        match begun.await {
            Ok(()) => Ok(()),
            Err(error) => {
                self.fail().await;
                Err(error)
            }
        }
    }

    /// Takes back what a dropped unit has written.
    async fn settle(&mut self) -> Result<()> {
        if std::mem::take(&mut self.abandoned) {
            self.connection.execute("ROLLBACK TO unit").await?;
        }
        Ok(())
    }

    async fn commit(&mut self) -> Result<()> {
        let committed = async {
            self.settle().await?;
            self.connection.execute("COMMIT").await.map(|_| ())
        };
        if let Err(error) = committed.await {
            self.fail().await;
            return Err(error);
        }
        self.end(true);
        Ok(())
    }

    /// SQLite may have rolled back by itself, on a full disk for one; then there is nothing to roll back.
    async fn fail(&mut self) {
        let _ = self.connection.execute("ROLLBACK").await;
        self.end(false);
    }

    fn end(&mut self, committed: bool) {
        (self.open, self.abandoned) = (false, false);
        for member in self.members.drain(..) {
            let _ = member.send(committed);
        }
    }
}

impl Unit {
    /// Resolves when it is on the disk.
    pub async fn commit(mut self) -> Result<()> {
        self.ended = true;
        if self.writer.somebody_waits() && self.group.members.len() + 1 < MOST {
            let (tell, told) = oneshot::channel();
            self.group.members.push(tell);
            let writer = self.writer.clone();
            drop(self);
            return writer.told(told).await;
        }
        self.group.commit().await
    }

    /// Takes back what this unit has written, and nothing of the others.
    pub async fn rollback(mut self) -> Result<()> {
        self.ended = true;
        self.group.abandoned = true;
        if self.writer.somebody_waits() && !self.group.members.is_empty() {
            return self.group.settle().await;
        }
        self.group.commit().await
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        self.group.abandoned = true;
        // Nobody may come who would end the group, and some may be waiting for its end.
        if let Ok(runtime) = Handle::try_current() {
            let writer = self.writer.clone();
            runtime.spawn(async move { writer.finish().await });
        }
    }
}

impl Deref for Unit {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.group.connection
    }
}

impl DerefMut for Unit {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.group.connection
    }
}

/// Counts somebody as waiting, for as long as it lives.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Relaxed);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
