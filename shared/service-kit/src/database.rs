//! The database of a service: `DATABASE_URL`, what can go wrong with it, and reading rows into types.
//!
//! SQLite needs nothing and serves one machine; PostgreSQL serves several instances of a service.

use std::str::FromStr;

use api::problem::ProblemKind;
use sqlx::migrate::MigrateError;
use sqlx::{ColumnIndex, Decode, Row, Type};
use telemetry::{ConfigError, Env};

use crate::error::ApiError;
use crate::postgres::PostgresUrl;
use crate::sqlite::SqliteUrl;

/// `DATABASE_URL`, checked. Its `Debug` shows no password.
#[derive(Debug, Clone)]
pub enum DatabaseUrl {
    /// `sqlite:` and the path of a file.
    Sqlite(SqliteUrl),
    /// `postgres://user[:password]@host[:port]/database`
    Postgres(PostgresUrl),
}

impl DatabaseUrl {
    /// Reads `DATABASE_URL`; `default` has one of its forms too.
    pub fn from_env(env: &Env, default: &str) -> Result<Self, ConfigError> {
        let held = env.get("DATABASE_URL").unwrap_or(default);
        SqliteUrl::parse(held)
            .map(Self::Sqlite)
            .or_else(|| PostgresUrl::parse(held).map(Self::Postgres))
            // Not shown when it is wrong: it may hold a password.
            .ok_or_else(|| {
                ConfigError::secret(
                    "DATABASE_URL",
                    "sqlite:data/name.db (the path of a file) or postgres://user:password@host:5432/name",
                )
            })
    }
}

/// Why the database could not be opened: one line that names it, without a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder of its file cannot be made.
    #[error("DATABASE_URL: cannot create the folder of {database}: {source}")]
    Folder {
        /// The database's file.
        database: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It cannot be opened or reached.
    #[error("DATABASE_URL: cannot open {database}: {source}")]
    Open {
        /// The database's file, or its host, port and name.
        database: String,
        /// What the database or the system said.
        source: sqlx::Error,
    },
    /// Its tables cannot be brought up to date.
    #[error("DATABASE_URL: cannot migrate {database}: {source}")]
    Migrate {
        /// The database's file, or its host, port and name.
        database: String,
        /// What went wrong.
        source: MigrateError,
    },
}

/// A database that is busy or away is worth asking again; anything else is a mistake of ours.
impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        if is_passing(&error) {
            return Self::new(ProblemKind::Unavailable, "the database is busy").retry_after(1).source(error);
        }
        Self::internal(error)
    }
}

/// Whether the same work may well succeed a moment later.
pub fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => true,
        sqlx::Error::Database(database) => match database.code().as_deref() {
            // SQLite: SQLITE_BUSY. PostgreSQL: serialization failure, deadlock, lock timeout, statement timeout,
            // too many connections.
            Some("5" | "40001" | "40P01" | "55P03" | "57014" | "53300") => true,
            // PostgreSQL: connection exceptions, and a server that stops, restarts or recovers.
            Some(code) => code.len() == 5 && (code.starts_with("08") || code.starts_with("57P")),
            None => false,
        },
        _ => false,
    }
}

/// A text column as the type that wrote it. Fails as a decoding error, which is a mistake of ours.
pub fn parsed<R, T>(row: &R, column: &'static str) -> Result<T, sqlx::Error>
where
    R: Row,
    for<'a> &'a str: Decode<'a, R::Database> + Type<R::Database>,
    &'static str: ColumnIndex<R>,
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: &str = row.try_get(column)?;
    text.parse().map_err(|error| undecoded(column, error))
}

/// A column of the database's type `C` as a type of ours: `converted::<_, i64, Quantity>(&row, "quantity")`. Fails as
/// a decoding error, which is a mistake of ours.
pub fn converted<R, C, T>(row: &R, column: &'static str) -> Result<T, sqlx::Error>
where
    R: Row,
    for<'a> C: Decode<'a, R::Database> + Type<R::Database>,
    &'static str: ColumnIndex<R>,
    T: TryFrom<C, Error: std::error::Error + Send + Sync + 'static>,
{
    row.try_get::<C, _>(column)?.try_into().map_err(|error| undecoded(column, error))
}

fn undecoded(column: &str, error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(error) }
}
