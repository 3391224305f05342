//! The embedded database: SQLite in WAL mode, one writer whose commits are shared, and a few readers.

mod group;

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqlitePool};

use crate::database::{Migrations, OpenError, SchemaError, bring_up_to_date, prepare};
pub use group::Unit;
use group::Writer;

/// Where the database's file is.
#[derive(Debug, Clone)]
pub struct SqliteUrl {
    options: SqliteConnectOptions,
    migrations: Migrations,
}

impl SqliteUrl {
    /// None when the text is no `sqlite:` URL of a file.
    pub(crate) fn parse(text: &str, migrations: Migrations) -> Option<Self> {
        // Each connection to `:memory:` would have a database of its own.
        if !text.starts_with("sqlite:") || text.contains(":memory:") || text.contains("mode=memory") {
            return None;
        }
        let options: SqliteConnectOptions = text.parse().ok()?;
        options.get_filename().file_name()?;
        Some(Self { options, migrations })
    }

    fn path(&self) -> &Path {
        self.options.get_filename()
    }

    /// The path, for people.
    pub(crate) fn place(&self) -> String {
        self.path().display().to_string()
    }

    /// How it is opened, in a folder that is there.
    fn options(&self) -> Result<SqliteConnectOptions, OpenError> {
        if let Some(folder) = self.path().parent() {
            std::fs::create_dir_all(folder)
                .map_err(|source| OpenError::Folder { database: self.place(), source })?;
        }
        Ok((self.options.clone())
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // NORMAL would lose the last commits when the power fails: orders and charges we have answered for.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            // The transaction's span says it, in the current names.
            .disable_statement_logging())
    }

    fn closed(&self, source: sqlx::Error) -> OpenError {
        OpenError::Open { database: self.place(), source }
    }

    fn unfit(&self, source: SchemaError) -> OpenError {
        OpenError::Migrate { database: self.place(), source }
    }
}

/// Brings the tables up to date.
pub(crate) async fn migrate(url: &SqliteUrl, migrator: &Migrator) -> Result<(), OpenError> {
    let mut connection = url.options()?.connect().await.map_err(|source| url.closed(source))?;
    let migrated = bring_up_to_date(migrator, &mut connection).await;
    let _ = connection.close().await;
    migrated.map_err(|source| url.unfit(source))
}

/// The database of one service. A cheap handle.
#[derive(Debug, Clone)]
pub struct Sqlite {
    writer: Writer,
    reader: SqlitePool,
}

impl Sqlite {
    /// Opens the file, makes it and its folder if need be, and brings its tables up to date or checks them, as
    /// `MIGRATIONS` says.
    pub async fn open(url: &SqliteUrl, migrator: &Migrator) -> Result<Self, OpenError> {
        let options = url.options()?;
        let mut first = options.connect().await.map_err(|source| url.closed(source))?;
        let prepared = prepare(url.migrations, migrator, &mut first).await;
        let _ = first.close().await;
        prepared.map_err(|source| url.unfit(source))?;
        // SQLite has one writer at a time. One connection makes writers wait in a fair queue, not for a lock.
        let writer = Writer::new(options.connect().await.map_err(|source| url.closed(source))?);
        let reader = SqlitePoolOptions::new()
            .max_connections(2)
            .acquire_timeout(Duration::from_secs(5))
            .test_before_acquire(false)
            .connect_with(options.read_only(true))
            .await
            .map_err(|source| url.closed(source))?;
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
