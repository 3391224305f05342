//! A database of a test's own, of each kind that a service can have.

use crate::Postgres;
use tempfile::TempDir;

/// A fresh, empty database.
pub enum Database {
    /// A file in a folder that goes with it.
    Sqlite(TempDir),
    /// The URL of a database in the process's PostgreSQL.
    Postgres(String),
}

impl Database {
    /// One in a file.
    ///
    /// # Panics
    /// Where no temporary folder can be made.
    pub fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().expect("a temporary folder"))
    }

    /// None where there is no PostgreSQL, which has been said by then.
    pub async fn postgres() -> Option<Self> {
        Some(Self::Postgres(Postgres::shared().await?.database().await))
    }

    /// One of each kind that is to be had.
    pub async fn each() -> impl Iterator<Item = Self> {
        [Some(Self::sqlite()), Self::postgres().await].into_iter().flatten()
    }

    /// As `DATABASE_URL` takes it.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite:{}", folder.path().join("test.db").display()),
            Self::Postgres(url) => url.clone(),
        }
    }
}

/// Each promise, an `async fn(&Database)`, as a test on each kind of database.
#[macro_export]
macro_rules! on_each_database {
    ($($promise:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(&$crate::Database::sqlite()).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test]
            async fn $promise() {
                if let Some(database) = $crate::Database::postgres().await {
                    super::$promise(&database).await;
                }
            })*
        }
    };
}
