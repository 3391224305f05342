use std::path::PathBuf;

use service_kit::database::DatabaseUrl;
use service_kit::error::ApiError;
use service_kit::sqlite::{Sqlite, SqliteUrl};
use sqlx::migrate::Migrator;
use telemetry::Env;

/// A folder that goes when the test does.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("waybill-kit-{}", uuid::Uuid::now_v7())))
    }

    fn url(&self, file: &str) -> SqliteUrl {
        let url = format!("sqlite:{}", self.0.join(file).display());
        let env = Env::from_pairs([("DATABASE_URL", url)]);
        match DatabaseUrl::from_env(&env, "sqlite:unused").unwrap() {
            DatabaseUrl::Sqlite(url) => url,
            DatabaseUrl::Postgres(url) => panic!("{url:?}"),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn pragma(sqlite: &Sqlite, name: &'static str) -> String {
    let sql = match name {
        "journal_mode" => "SELECT * FROM pragma_journal_mode",
        _ => "SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous",
    };
    sqlx::query_scalar(sql).fetch_one(&mut *sqlite.begin().await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn opens_durable_and_keeps_what_is_committed() {
    let folder = Folder::new();
    let url = folder.url("deep/down/kit.db");
    let sqlite = Sqlite::open(&url, &Migrator::DEFAULT).await.unwrap();
    assert_eq!(pragma(&sqlite, "journal_mode").await, "wal");
    assert_eq!(pragma(&sqlite, "synchronous").await, "2");
    let mut tx = sqlite.begin().await.unwrap();
    sqlx::query("CREATE TABLE t (x INTEGER)").execute(&mut *tx).await.unwrap();
    sqlx::query("INSERT INTO t VALUES (1)").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let mut dropped = sqlite.begin().await.unwrap();
    sqlx::query("INSERT INTO t VALUES (2)").execute(&mut *dropped).await.unwrap();
    drop(dropped);
    let rows = sqlx::query_scalar::<_, i64>("SELECT x FROM t").fetch_all(sqlite.reader()).await.unwrap();
    assert_eq!(rows, [1]);
    assert!(
        sqlx::query("INSERT INTO t VALUES (3)").execute(sqlite.reader()).await.is_err(),
        "readers only read"
    );
    assert_eq!(sqlite.check().await, Ok(()));
    sqlite.close().await;
    assert!(sqlite.check().await.is_err());
    let again = Sqlite::open(&url, &Migrator::DEFAULT).await.unwrap();
    let rows = sqlx::query_scalar::<_, i64>("SELECT x FROM t").fetch_all(again.reader()).await.unwrap();
    assert_eq!(rows, [1]);
    again.close().await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let folder = Folder::new();
    std::fs::create_dir_all(&folder.0).unwrap();
    std::fs::write(folder.0.join("kit.db"), "this is no database, it is a text of some length").unwrap();
    let error = Sqlite::open(&folder.url("kit.db"), &Migrator::DEFAULT).await.unwrap_err().to_string();
    assert!(error.starts_with("DATABASE_URL: cannot "), "{error}");
    assert!(!error.contains('\n'), "{error}");
    let error =
        Sqlite::open(&folder.url("kit.db/below.db"), &Migrator::DEFAULT).await.unwrap_err().to_string();
    assert!(error.starts_with("DATABASE_URL: cannot create the folder"), "{error}");
}

#[tokio::test]
async fn a_closed_database_is_unavailable_and_not_a_mistake() {
    let folder = Folder::new();
    let sqlite = Sqlite::open(&folder.url("kit.db"), &Migrator::DEFAULT).await.unwrap();
    sqlite.close().await;
    let error = ApiError::from(sqlite.begin().await.unwrap_err());
    assert_eq!(error.kind(), api::problem::ProblemKind::Unavailable);
}

async fn table(sqlite: &Sqlite) {
    let mut tx = sqlite.begin().await.unwrap();
    sqlx::query("CREATE TABLE t (x INTEGER PRIMARY KEY)").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

/// Many at once, of which every third is rolled back and every fifth dropped in the middle or refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_each_is_whole_or_nothing() {
    let folder = Folder::new();
    let url = folder.url("group.db");
    let sqlite = Sqlite::open(&url, &Migrator::DEFAULT).await.unwrap();
    table(&sqlite).await;
    let mut writers = tokio::task::JoinSet::new();
    for n in 1..=300_i64 {
        let sqlite = sqlite.clone();
        writers.spawn(async move {
            let mut tx = sqlite.begin().await.unwrap();
            for x in [n * 10, n * 10 + 1] {
                sqlx::query("INSERT INTO t VALUES (?)").bind(x).execute(&mut *tx).await.unwrap();
            }
            if n % 3 == 0 {
                tx.rollback().await.unwrap();
            } else if n % 5 == 0 {
                drop(tx);
            } else if n % 7 == 0 {
                let again = sqlx::query("INSERT INTO t VALUES (?)").bind(n * 10).execute(&mut *tx).await;
                assert!(again.is_err(), "it is there already");
            } else {
                tx.commit().await.unwrap();
                // What is committed is seen from outside.
                let seen = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM t WHERE x / 10 = ?").bind(n);
                assert_eq!(seen.fetch_one(sqlite.reader()).await.unwrap(), 2);
            }
        });
    }
    while let Some(written) = writers.join_next().await {
        written.unwrap();
    }
    let expected: Vec<i64> = (1..=300).filter(|n| n % 3 != 0 && n % 5 != 0 && n % 7 != 0).collect();
    let rows =
        sqlx::query_scalar::<_, i64>("SELECT x / 10 FROM t GROUP BY x / 10 HAVING count(*) = 2 ORDER BY 1");
    assert_eq!(rows.fetch_all(sqlite.reader()).await.unwrap(), expected);
    let odd =
        sqlx::query_scalar::<_, i64>("SELECT count(*) FROM t").fetch_one(sqlite.reader()).await.unwrap();
    assert_eq!(odd, 2 * expected.len() as i64);
}

/// Those who wait for a group are told its end even when whoever was to commit has gone away.
#[tokio::test]
async fn a_writer_that_gives_up_leaves_nobody_waiting() {
    let folder = Folder::new();
    let sqlite = Sqlite::open(&folder.url("group.db"), &Migrator::DEFAULT).await.unwrap();
    table(&sqlite).await;
    for x in 0..20_i64 {
        let mut tx = sqlite.begin().await.unwrap();
        sqlx::query("INSERT INTO t VALUES (?)").bind(x).execute(&mut *tx).await.unwrap();
        let waiting = tokio::spawn({
            let sqlite = sqlite.clone();
            async move { drop(sqlite.begin().await) }
        });
        tokio::task::yield_now().await;
        let committing = tokio::spawn(tx.commit());
        waiting.abort();
        committing.await.unwrap().unwrap();
    }
    let rows = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM t");
    assert_eq!(rows.fetch_one(sqlite.reader()).await.unwrap(), 20);
}
