//! The database of a service: `DATABASE_URL`, what can go wrong with it, and reading rows into types.
//!
//! SQLite needs nothing and serves one machine; PostgreSQL serves several instances of a service.

mod schema;

use std::str::FromStr;

use api::problem::ProblemKind;
use sqlx::{ColumnIndex, Decode, Row, Type};
use telemetry::{ConfigError, Env};

use crate::config::variables::DATABASE_URL;
use crate::error::ApiError;
use crate::postgres::{self, PostgresUrl};
use crate::sqlite::{self, SqliteUrl};
pub use schema::{Migrations, Schema, SchemaError, migrator};
pub(crate) use schema::{bring_up_to_date, prepare};

/// `DATABASE_URL`, checked, with `MIGRATIONS`. Its `Debug` shows no password.
#[derive(Debug, Clone)]
pub enum DatabaseUrl {
    /// `sqlite:` and the path of a file.
    Sqlite(SqliteUrl),
    /// `postgres://user[:password]@host[:port]/database`, and with `?sslmode=` how its server must prove itself.
    Postgres(PostgresUrl),
}

impl DatabaseUrl {
    /// Reads `DATABASE_URL` and `MIGRATIONS`; `default` has one of the first one's forms too.
    pub fn from_env(env: &Env, default: &str) -> Result<Self, ConfigError> {
        let migrations = Migrations::from_env(env)?;
        env.read_or(&DATABASE_URL, default, |held| {
            let sqlite = SqliteUrl::parse(held, migrations).map(Self::Sqlite);
            sqlite.or_else(|| PostgresUrl::parse(held, migrations).map(Self::Postgres))
        })
    }

    /// Brings the tables up to date, whatever `MIGRATIONS` says, and closes the database. One of a later version is
    /// left as it is, so that the version before can be put back.
    pub async fn migrate(&self, schema: &Schema) -> Result<(), OpenError> {
        match self {
            Self::Sqlite(url) => sqlite::migrate(url, &schema.sqlite).await,
            Self::Postgres(url) => postgres::migrate(url, &schema.postgres).await,
        }
    }

    /// The path of the file, or host, port and database: for people.
    pub fn place(&self) -> String {
        match self {
            Self::Sqlite(url) => url.place(),
            Self::Postgres(url) => url.place(),
        }
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
        source: SchemaError,
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
