//! The embedded database: SQLite in WAL mode, one writer and a few readers.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use api::problem::ProblemKind;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Row, SqlitePool, Transaction};
use telemetry::{ConfigError, Env};

use crate::error::ApiError;

/// `DATABASE_URL`, checked: where the database's file is.
#[derive(Debug, Clone)]
pub struct DatabaseUrl(SqliteConnectOptions);

/// The database of one service. A cheap handle.
#[derive(Debug, Clone)]
pub struct Sqlite {
    writer: SqlitePool,
    reader: SqlitePool,
}

/// Why the database could not be opened: one line that names the file.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its folder cannot be made.
    #[error("DATABASE_URL: cannot create the folder of {path}: {source}")]
    Folder {
        /// The database's file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It cannot be opened.
    #[error("DATABASE_URL: cannot open {path}: {source}")]
    Open {
        /// The database's file.
        path: String,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// Its tables cannot be brought up to date.
    #[error("DATABASE_URL: cannot migrate {path}: {source}")]
    Migrate {
        /// The database's file.
        path: String,
        /// What went wrong.
        source: MigrateError,
    },
}

impl DatabaseUrl {
    /// Reads `DATABASE_URL`; `default` is a `sqlite:` URL too.
    pub fn from_env(env: &Env, default: &str) -> Result<Self, ConfigError> {
        // Not shown when it is wrong: a database URL may hold a password.
        let wrong = || {
            ConfigError::secret(
                "DATABASE_URL",
                "sqlite: and the path of a file, such as sqlite:data/order.db",
            )
        };
        let held = env.get("DATABASE_URL").unwrap_or(default);
        // Each connection to `:memory:` would have a database of its own.
        if !held.starts_with("sqlite:") || held.contains(":memory:") || held.contains("mode=memory") {
            return Err(wrong());
        }
        let options: SqliteConnectOptions = held.parse().map_err(|_| wrong())?;
        if options.get_filename().file_name().is_none() { Err(wrong()) } else { Ok(Self(options)) }
    }

    fn path(&self) -> &Path {
        self.0.get_filename()
    }
}

impl Sqlite {
    /// Opens the file, makes it and its folder if need be, and brings its tables up to date.
    pub async fn open(url: &DatabaseUrl, migrator: &Migrator) -> Result<Self, OpenError> {
        let path = url.path().display().to_string();
        if let Some(folder) = url.path().parent() {
            std::fs::create_dir_all(folder)
                .map_err(|source| OpenError::Folder { path: path.clone(), source })?;
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
        let open = |source| OpenError::Open { path: path.clone(), source };
        // SQLite has one writer at a time. One connection makes writers wait in a fair queue, not for a lock.
        let pool =
            || SqlitePoolOptions::new().acquire_timeout(Duration::from_secs(5)).test_before_acquire(false);
        let writer = pool().max_connections(1).connect_with(options.clone()).await.map_err(open)?;
        migrator.run(&writer).await.map_err(|source| OpenError::Migrate { path: path.clone(), source })?;
        let reader = pool().max_connections(2).connect_with(options.read_only(true)).await.map_err(open)?;
        Ok(Self { writer, reader })
    }

    /// A transaction that will write. `IMMEDIATE` takes the write lock at once, so what it reads stays true.
    pub async fn begin(&self) -> Result<Transaction<'static, sqlx::Sqlite>, sqlx::Error> {
        self.writer.begin_with("BEGIN IMMEDIATE").await
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

    /// Closes all connections; the last one folds the WAL into the file.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

/// A database that is busy is worth asking again; anything else is a mistake of ours.
impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        const BUSY: &str = "5";
        let busy = match &error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => true,
            sqlx::Error::Database(database) => database.code().as_deref() == Some(BUSY),
            _ => false,
        };
        if busy {
            return Self::new(ProblemKind::Unavailable, "the database is busy").retry_after(1).source(error);
        }
        Self::internal(error)
    }
}

/// A text column as the type that wrote it. Fails as a decoding error, which is a mistake of ours.
pub fn parsed<T>(row: &SqliteRow, column: &'static str) -> Result<T, sqlx::Error>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: &str = row.try_get(column)?;
    text.parse()
        .map_err(|error| sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(error) })
}
