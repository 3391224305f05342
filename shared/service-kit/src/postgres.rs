//! PostgreSQL: one pool of connections, every commit on the disk before it is answered.

use std::fmt;
use std::io;
use std::time::Duration;

use reqwest::Url;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgPool, Transaction};

use crate::database::{Migrations, OpenError, SchemaError, bring_up_to_date, prepare};

/// Two instances of three services, each with this many, stay below the 100 that PostgreSQL allows by default.
const CONNECTIONS: u32 = 12;

/// How long to wait for a connection.
const WAIT: Duration = Duration::from_secs(5);

/// Where a PostgreSQL database is, and as whom to ask. Its `Debug` shows no password.
#[derive(Clone)]
pub struct PostgresUrl {
    options: PgConnectOptions,
    migrations: Migrations,
}

impl PostgresUrl {
    /// None when the text is no such URL. Host and database must be named; of parameters only those are taken that
    /// say how the server proves who it is.
    pub(crate) fn parse(text: &str, migrations: Migrations) -> Option<Self> {
        let url: Url = text.parse().ok()?;
        let names_a_database = url.path().len() > 1 && !url.path().ends_with('/');
        let complete =
            matches!(url.scheme(), "postgres" | "postgresql") && url.has_host() && names_a_database;
        let known = url.query_pairs().all(|(name, _)| matches!(&*name, "sslmode" | "sslrootcert"));
        if !complete || !known || url.fragment().is_some() {
            return None;
        }
        Some(Self { options: text.parse().ok()?, migrations })
    }

    /// Host, port and database, for people.
    pub(crate) fn place(&self) -> String {
        let database = self.options.get_database().unwrap_or_default();
        format!("{}:{}/{database}", self.options.get_host(), self.options.get_port())
    }

    /// One connection, not of a pool: that would try for as long as a request waits and then not say why.
    async fn connect(&self, options: &PgConnectOptions) -> Result<PgConnection, OpenError> {
        let connected = tokio::time::timeout(WAIT, options.connect()).await;
        let connected = connected.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()));
        connected.map_err(|source| OpenError::Open { database: self.place(), source })
    }

    fn unfit(&self, source: SchemaError) -> OpenError {
        OpenError::Migrate { database: self.place(), source }
    }
}

/// Brings the tables up to date. A migration may take its time, but not stand in everybody's way: whoever waits for a
/// lock on a table makes all who come later wait too.
pub(crate) async fn migrate(url: &PostgresUrl, migrator: &Migrator) -> Result<(), OpenError> {
    let options = url.options.clone().options([("lock_timeout", "5s")]).disable_statement_logging();
    let mut connection = url.connect(&options).await?;
    let migrated = bring_up_to_date(migrator, &mut connection).await;
    let _ = connection.close().await;
    migrated.map_err(|source| url.unfit(source))
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({})", self.place())
    }
}

/// The database of one service. A cheap handle.
#[derive(Debug, Clone)]
pub struct Postgres {
    pool: PgPool,
}

impl Postgres {
    /// Connects, and brings the tables up to date or checks them, as `MIGRATIONS` says. Instances that start together
    /// wait for one another here.
    pub async fn open(url: &PostgresUrl, migrator: &Migrator) -> Result<Self, OpenError> {
        let options = (url.options.clone())
            .options([
                // `off` would lose the last commits when the power fails: orders and charges we have answered for.
                ("synchronous_commit", "on"),
                // A lock or a statement that takes longer than any request waits for helps nobody.
                ("lock_timeout", "5s"),
                ("statement_timeout", "10s"),
                ("idle_in_transaction_session_timeout", "10s"),
            ])
            // The transaction's span says it, in the current names.
            .disable_statement_logging();
        let mut first = url.connect(&options).await?;
        let prepared = prepare(url.migrations, migrator, &mut first).await;
        let _ = first.close().await;
        prepared.map_err(|source| url.unfit(source))?;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(WAIT)
            .test_before_acquire(false)
            .connect_lazy_with(options);
        Ok(Self { pool })
    }

    /// A transaction that will write: READ COMMITTED, so what must stay true is locked (`FOR UPDATE`) or held by a
    /// constraint.
    pub async fn begin(&self) -> Result<Transaction<'static, sqlx::Postgres>, sqlx::Error> {
        self.pool.begin().await
    }

    /// For single statements.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Whether it answers, for `/readyz`.
    pub async fn check(&self) -> Result<(), String> {
        let answer = sqlx::query("SELECT 1").execute(&self.pool).await;
        answer.map(|_| ()).map_err(|_| "the database does not answer".to_owned())
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
