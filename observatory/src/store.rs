//! The store: one SQLite file a day, one writer, a few readers.

mod days;
mod dependencies;
mod forget;
mod logs;
mod orders;
mod terms;
#[cfg(test)]
mod tests;
mod traces;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::model::{
    LogPage, LogQuery, LogRecord, Nanos, OrderSummary, SpanKind, Trace, TraceId, TraceQuery, TraceSummary,
};
use days::{Days, Part};

pub(crate) use days::Retention;
pub(crate) use write::Writer;

/// Reads at one time. More would not be faster on few cores, and each has its own caches.
const READERS: usize = 4;
/// Lines of one order, or of one of its traces.
const ORDER_LINES: usize = 1_000;
/// An order that is looked at again and again gathers traces; the story is in the first.
const ORDER_TRACES: usize = 20;

/// Why the store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory cannot be made, listed or cleaned.
    #[error("{}: {source}", dir.display())]
    Directory {
        /// The directory or a file in it.
        dir: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A day file cannot be opened.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// A file has a day file's name but not its content.
    #[error("{}: written by another version; move it away", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// A statement failed.
    #[error("database: {0}")]
    Database(#[from] rusqlite::Error),
    /// A stored chunk of spans cannot be read back.
    #[error("stored spans: {0}")]
    Decode(#[from] prost::DecodeError),
    /// `LogQuery::cursor` is not one that `LogPage::next_cursor` gave.
    #[error("not a cursor of this log")]
    BadCursor,
    /// The process is stopping.
    #[error("the store has stopped")]
    Stopped,
}

impl StoreError {
    fn is_disk_full(&self) -> bool {
        match self {
            Self::File { source, .. } | Self::Database(source) => {
                source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
            }
            _ => false,
        }
    }
}

/// A handle for reading; cheap to clone. Reads block a thread of the runtime's blocking pool, not the caller.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    days: Days,
    idle: Mutex<Vec<Reader>>,
    permits: Arc<Semaphore>,
}

/// A connection for each file, newest first.
type Reader = Vec<(Part, Connection)>;

impl Store {
    /// Opens the directory's day files; the writer is the only one that changes them.
    pub(crate) fn open(dir: &Path, retention: Retention) -> Result<(Self, Writer), StoreError> {
        let shared = Arc::new(Shared {
            days: Days::open(dir, retention)?,
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(READERS)),
        });
        let writer = Writer::new(Arc::clone(&shared));
        Ok((Self { shared }, writer))
    }

    /// Services that sent spans, by name.
    pub async fn services(&self) -> Result<Vec<String>, StoreError> {
        self.read(traces::services).await
    }

    /// Span names of one service with their kinds, by name.
    pub async fn operations(&self, service: &str) -> Result<Vec<(String, SpanKind)>, StoreError> {
        let service = service.to_owned();
        self.read(move |reader| traces::operations(reader, &service)).await
    }

    /// All stored spans of a trace; `None` if there are none.
    pub async fn trace(&self, id: TraceId) -> Result<Option<Trace>, StoreError> {
        self.read(move |reader| traces::load(reader, id)).await
    }

    /// Traces that fit, newest first.
    pub async fn find_traces(&self, query: &TraceQuery) -> Result<Vec<TraceSummary>, StoreError> {
        let query = query.clone();
        let found = self.read(move |reader| traces::find(reader, &query)).await?;
        Ok(found.iter().filter_map(traces::summarise).collect())
    }

    /// As `find_traces`, with all spans.
    pub(crate) async fn find_whole_traces(&self, query: TraceQuery) -> Result<Vec<Trace>, StoreError> {
        self.read(move |reader| traces::find(reader, &query)).await
    }

    /// Log lines that fit: oldest first when the query names a trace, span, order or session,
    /// else newest first.
    pub async fn logs(&self, query: &LogQuery) -> Result<LogPage, StoreError> {
        let query = query.clone();
        self.read(move |reader| logs::find(reader, &query)).await
    }

    /// Services that wrote log lines of late, by name.
    pub async fn log_services(&self) -> Result<Vec<String>, StoreError> {
        self.read(logs::services).await
    }

    /// The orders placed last, newest first.
    pub async fn recent_orders(&self, limit: usize) -> Result<Vec<OrderSummary>, StoreError> {
        self.read(move |reader| orders::recent(reader, limit)).await
    }

    /// One order as the list of recent orders has it; `None` if no trace is known to hold it.
    pub async fn order(&self, order_id: &str) -> Result<Option<OrderSummary>, StoreError> {
        let order_id = order_id.to_owned();
        self.read(move |reader| orders::one(reader, &order_id)).await
    }

    /// Everything written about an order, oldest first: the lines that name it, and those of its traces that name no
    /// order because it had no id yet.
    pub async fn order_lines(
        &self,
        order_id: &str,
        traces: &[TraceId],
    ) -> Result<Vec<LogRecord>, StoreError> {
        let query = LogQuery { limit: ORDER_LINES, ..LogQuery::default() };
        let of_order = LogQuery { order_id: Some(order_id.to_owned()), ..query.clone() };
        let mut lines = self.logs(&of_order).await?.logs;
        for trace_id in traces.iter().take(ORDER_TRACES) {
            let of_trace = LogQuery { trace_id: Some(*trace_id), ..query.clone() };
            let others = self.logs(&of_trace).await?.logs;
            lines.extend(others.into_iter().filter(|line| line.order_id.is_none()));
        }
        lines.sort_by_key(|line| line.timestamp);
        Ok(lines)
    }

    /// Every trace an order occurs in, oldest first.
    pub async fn order_traces(&self, order_id: &str) -> Result<Vec<TraceId>, StoreError> {
        let order_id = order_id.to_owned();
        self.read(move |reader| orders::traces_of(reader, &order_id)).await
    }

    /// Who called whom how often in traces that began within `lookback` before `end`: caller, callee, calls.
    pub async fn dependencies(
        &self,
        end: Nanos,
        lookback: Nanos,
    ) -> Result<Vec<(String, String, u64)>, StoreError> {
        self.read(move |reader| dependencies::count(reader, end.saturating_sub(lookback), end)).await
    }

    /// Takes a user out of everything that is stored, and says of how many records.
    pub(crate) async fn forget_user(&self, user_ref: String) -> Result<u64, StoreError> {
        let shared = Arc::clone(&self.shared);
        let task = tokio::task::spawn_blocking(move || forget::user(&shared.days, &user_ref));
        task.await.map_err(|_| StoreError::Stopped)?
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = Arc::clone(&self.shared);
        let permit = Arc::clone(&shared.permits).acquire_owned().await.map_err(|_| StoreError::Stopped)?;
        let task = tokio::task::spawn_blocking(move || {
            // Held until the read ends, even if nobody waits for it any more.
            let _permit = permit;
            let reader = shared.reader()?;
            let result = work(&reader);
            shared.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
            result
        });
        task.await.map_err(|_| StoreError::Stopped)?
    }
}

impl Shared {
    /// Closes what no query uses at the moment: a deleted file takes room until nobody has it open.
    fn close_idle(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// An idle reader or a new one, brought up to the days there are now.
    fn reader(&self) -> Result<Reader, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut open = idle.unwrap_or_default();
        let mut reader = Reader::new();
        for day in self.days.newest_first() {
            match open.iter().position(|(other, _)| *other == day) {
                Some(index) => reader.push(open.swap_remove(index)),
                None => match self.days.connect_for_read(day) {
                    Ok(connection) => reader.push((day, connection)),
                    // Its time came between listing and opening.
                    Err(_) if !self.days.newest_first().contains(&day) => {}
                    Err(error) => return Err(error),
                },
            }
        }
        Ok(reader)
    }
}

/// SQLite has signed integers only; a time after the year 2262 is as good as the last it can hold.
fn sql_time(time: Nanos) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

/// Back from `sql_time`.
fn nanos(time: i64) -> Nanos {
    Nanos::try_from(time).unwrap_or_default()
}
