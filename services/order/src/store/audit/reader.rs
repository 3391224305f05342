//! Reading the audit log from outside the service: for `waybill audit`, while the service runs or does not.

use super::{Kept, Result};
use sqlx::{
    ColumnIndex, ConnectOptions, Connection, Decode, Executor, PgConnection, Row, SqliteConnection, Type,
    sqlite::SqliteConnectOptions,
};
use telemetry::audit::Head;

/// Entries asked for at a time.
const PAGE: i64 = 1000;

/// A connection that changes nothing, and sees the database as it was when it was opened.
pub enum AuditReader {
    /// To a file.
    Sqlite(SqliteConnection),
    /// To a server.
    Postgres(PgConnection),
}

/// What is noted beside the entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ends {
    /// The last entry.
    pub head: Head,
    /// The last one that was delivered.
    pub delivered: i64,
    /// How many rows there are, whatever they hold.
    pub count: i64,
}

impl AuditReader {
    /// `sqlite:` and the path of a file, or a `postgres://` URL.
    pub async fn open(url: &str) -> Result<Self> {
        if url.starts_with("sqlite:") {
            let options: SqliteConnectOptions = url.parse()?;
            let mut connection = options.read_only(true).disable_statement_logging().connect().await?;
            connection.execute("BEGIN").await?;
            return Ok(Self::Sqlite(connection));
        }
        let mut connection = PgConnection::connect(url).await?;
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        Ok(Self::Postgres(connection))
    }

    /// What the chain should be, by what is noted beside it.
    pub async fn ends(&mut self) -> Result<Ends> {
        let sql =
            "SELECT h.number, h.hash, d.number AS delivered, (SELECT count(*) FROM audit_entries) AS count
                   FROM audit_head h, audit_delivered d";
        match self {
            Self::Sqlite(connection) => read_ends(&connection.fetch_one(sql).await?),
            Self::Postgres(connection) => read_ends(&connection.fetch_one(sql).await?),
        }
    }

    /// The next entries after that number; none after the last.
    pub async fn page(&mut self, after: i64) -> Result<Vec<Kept>> {
        match self {
            Self::Sqlite(connection) => super::sqlite::entries(connection, after, PAGE).await,
            Self::Postgres(connection) => super::postgres::entries(connection, after, PAGE).await,
        }
    }
}

fn read_ends<R: Row>(row: &R) -> Result<Ends>
where
    &'static str: ColumnIndex<R>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
{
    Ok(Ends {
        head: Head { number: row.try_get("number")?, hash: row.try_get("hash")? },
        delivered: row.try_get("delivered")?,
        count: row.try_get("count")?,
    })
}
