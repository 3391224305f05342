//! The embedded database: SQLite in WAL mode, one writer whose commits are shared, and a few readers.

mod group;

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqlitePool};

use crate::database::OpenError;
pub use group::Unit;
use group::Writer;

/// Where the database's file is.
#[derive(Debug, Clone)]
pub struct SqliteUrl(SqliteConnectOptions);

impl SqliteUrl {
    /// None when the text is no `sqlite:` URL of a file.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        // Each connection to `:memory:` would have a database of its own.
        if !text.starts_with("sqlite:") || text.contains(":memory:") || text.contains("mode=memory") {
            return None;
        }
        let options: SqliteConnectOptions = text.parse().ok()?;
        options.get_filename().file_name()?;
        Some(Self(options))
    }

    fn path(&self) -> &Path {
        self.0.get_filename()
    }
}

/// The database of one service. A cheap handle.
#[derive(Debug, Clone)]
pub struct Sqlite {
    writer: Writer,
    reader: SqlitePool,
}

impl Sqlite {
    /// Opens the file, makes it and its folder if need be, and brings its tables up to date.
    pub async fn open(url: &SqliteUrl, migrator: &Migrator) -> Result<Self, OpenError> {
        let database = url.path().display().to_string();
        if let Some(folder) = url.path().parent() {
            std::fs::create_dir_all(folder)
                .map_err(|source| OpenError::Folder { database: database.clone(), source })?;
        }
        let options = (url.0.clone())
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // NORMAL would lose the last commits when the power fails: orders and charges we have answered for.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            // The transaction's span says it, in the current names.
            .disable_statement_logging();
        let open = |source| OpenError::Open { database: database.clone(), source };
        let pool =
            || SqlitePoolOptions::new().acquire_timeout(Duration::from_secs(5)).test_before_acquire(false);
        let migrating = pool().max_connections(1).connect_with(options.clone()).await.map_err(open)?;
        let migrated = migrator.run(&migrating).await;
        migrated.map_err(|source| OpenError::Migrate { database: database.clone(), source })?;
        migrating.close().await;
        // SQLite has one writer at a time. One connection makes writers wait in a fair queue, not for a lock.
        let writer = Writer::new(options.connect().await.map_err(open)?);
        let reader = pool().max_connections(2).connect_with(options.read_only(true)).await.map_err(open)?;
        Ok(Self { writer, reader })
    }

    /// A transaction that will write. Nobody else writes until it ends, so what it reads stays true.
    pub async fn begin(&self) -> Result<Unit, sqlx::Error> {
        self.writer.begin().await
    }

    /// For single statements that read.
    pub fn reader(&self) -> &SqlitePool {
        &self.reader
    }

    /// Whether it answers, for `/readyz`.
    pub async fn check(&self) -> Result<(), String> {
        let answer = sqlx::query("SELECT 1").execute(&self.reader).await;
        answer.map(|_| ()).map_err(|_| "the database does not answer".to_owned())
    }

    /// Ends what is open. The connections close with the last handle; the last one folds the WAL into the file.
    pub async fn close(&self) {
        self.reader.close().await;
        if let Err(error) = self.writer.close().await {
            tracing::warn!(%error, "the last transactions were not committed, and nobody was told that they were");
        }
    }
}
