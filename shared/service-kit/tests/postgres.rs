use service_kit::database::{DatabaseUrl, OpenError, is_passing};
use service_kit::postgres::{Postgres, PostgresUrl};
use sqlx::migrate::Migrator;
use telemetry::Env;
use testkit::Database;

fn url(text: &str) -> PostgresUrl {
    match DatabaseUrl::from_env(&Env::from_pairs([("DATABASE_URL", text)]), "unused").unwrap() {
        DatabaseUrl::Postgres(url) => url,
        DatabaseUrl::Sqlite(url) => panic!("{url:?}"),
    }
}

/// None where there is no PostgreSQL, which has been said by then.
async fn database() -> Option<PostgresUrl> {
    Some(url(&testkit::Postgres::shared().await?.database().await))
}

#[tokio::test]
async fn opens_durable_and_keeps_what_is_committed() {
    let Some(url) = database().await else { return };
    let postgres = Postgres::open(&url, &Migrator::DEFAULT).await.unwrap();
    let setting = "SELECT current_setting('synchronous_commit') || current_setting('lock_timeout')";
    let text: String = sqlx::query_scalar(setting).fetch_one(postgres.pool()).await.unwrap();
    assert_eq!(text, "on5s");
    let mut tx = postgres.begin().await.unwrap();
    sqlx::query("CREATE TABLE t (x bigint CHECK (x < 3))").execute(&mut *tx).await.unwrap();
    sqlx::query("INSERT INTO t VALUES (1)").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let mut dropped = postgres.begin().await.unwrap();
    sqlx::query("INSERT INTO t VALUES (2)").execute(&mut *dropped).await.unwrap();
    drop(dropped);
    let refused = sqlx::query("INSERT INTO t VALUES (3)").execute(postgres.pool()).await.unwrap_err();
    assert!(!is_passing(&refused), "{refused}");
    let rows: Vec<i64> = sqlx::query_scalar("SELECT x FROM t").fetch_all(postgres.pool()).await.unwrap();
    assert_eq!(rows, [1]);
    assert_eq!(postgres.check().await, Ok(()));
    postgres.close().await;
    assert!(postgres.check().await.is_err());
    let again = Postgres::open(&url, &Migrator::DEFAULT).await.unwrap();
    let rows: Vec<i64> = sqlx::query_scalar("SELECT x FROM t").fetch_all(again.pool()).await.unwrap();
    assert_eq!(rows, [1]);
}

#[tokio::test]
async fn a_connection_that_breaks_is_worth_asking_again() {
    let Some(url) = database().await else { return };
    let postgres = Postgres::open(&url, &Migrator::DEFAULT).await.unwrap();
    let mut tx = postgres.begin().await.unwrap();
    let killed = sqlx::query("SELECT pg_terminate_backend(pg_backend_pid())").execute(&mut *tx).await;
    assert!(is_passing(&killed.unwrap_err()));
    drop(tx);
    testkit::eventually("another connection", async || postgres.check().await.ok()).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = url(&format!("postgres://me:hunter2@{nobody}/kit"));
    let error = Postgres::open(&url, &Migrator::DEFAULT).await.unwrap_err();
    assert!(matches!(error, OpenError::Open { .. }));
    let line = error.to_string();
    assert!(line.starts_with(&format!("DATABASE_URL: cannot open {nobody}/kit: ")), "{line}");
    assert!(!line.contains('\n') && !line.contains("hunter2"), "{line}");
}

#[tokio::test]
async fn a_server_that_must_prove_itself_and_cannot_is_refused() {
    let Some(Database::Postgres(held)) = Database::postgres().await else { return };
    Postgres::open(&url(&held), &Migrator::DEFAULT).await.unwrap();
    for mode in ["require", "verify-full"] {
        let url = url(&format!("{held}?sslmode={mode}"));
        let error = Postgres::open(&url, &Migrator::DEFAULT).await.unwrap_err().to_string();
        assert!(error.contains("server does not support TLS"), "{error}");
    }
}
