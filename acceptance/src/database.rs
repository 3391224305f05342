//! Looking into a service's database from outside, whichever it is.

use sqlx::{AssertSqlSafe, ColumnIndex, Connection, Decode, PgConnection, Row, SqliteConnection, Type};

/// The database of one service.
pub struct Database {
    url: String,
}

impl Database {
    /// By its URL, `sqlite:…` or `postgres://…`.
    pub fn at(url: &str) -> Self {
        Self { url: url.to_owned() }
    }

    /// The rows of a query that casts each of its columns to text; NULL is empty.
    pub async fn rows(&self, query: &str) -> Vec<Vec<String>> {
        if self.url.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(&self.url).await.expect("a database");
            let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&mut connection).await;
            rows.expect(query).iter().map(texts).collect()
        } else {
            let mut connection = PgConnection::connect(&self.url).await.expect("a database");
            let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&mut connection).await;
            rows.expect(query).iter().map(texts).collect()
        }
    }

    /// How many rows there are, `of` something such as `outbox` or `orders WHERE status = 'pending'`.
    pub async fn count(&self, of: &str) -> i64 {
        let rows = self.rows(&format!("SELECT CAST(count(*) AS TEXT) FROM {of}")).await;
        rows[0][0].parse().expect("a number")
    }

    /// Changes something.
    pub async fn execute(&self, statement: &str) {
        if self.url.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(&self.url).await.expect("a database");
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.expect(statement);
        } else {
            let mut connection = PgConnection::connect(&self.url).await.expect("a database");
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.expect(statement);
        }
    }
}

fn texts<R: Row>(row: &R) -> Vec<String>
where
    usize: ColumnIndex<R>,
    for<'r> Option<String>: Decode<'r, R::Database> + Type<R::Database>,
{
    (0..row.len()).map(|column| row.get::<Option<String>, _>(column).unwrap_or_default()).collect()
}
