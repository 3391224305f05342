//! Who brings the tables up to date, on every database.

use service_kit::database::{DatabaseUrl, OpenError, Schema};
use service_kit::postgres::Postgres;
use service_kit::sqlite::Sqlite;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqlSafeStr};
use telemetry::Env;
use testkit::{Database, on_each_database};

fn migrator(statements: &[&'static str]) -> Migrator {
    let one = |(index, sql): (usize, &&'static str)| {
        let version = 1 + index as i64;
        Migration::new(version, "tea".into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(statements.iter().enumerate().map(one).collect())
}

fn schema(statements: &[&'static str]) -> Schema {
    Schema { sqlite: migrator(statements), postgres: migrator(statements) }
}

const FIRST: &str = "CREATE TABLE tea (name text)";
const SECOND: &str = "ALTER TABLE tea ADD COLUMN grams integer";

fn database_url(url: &str, migrations: &str) -> DatabaseUrl {
    let env = Env::from_pairs([("DATABASE_URL", url), ("MIGRATIONS", migrations)]);
    DatabaseUrl::from_env(&env, "unused").unwrap()
}

/// Opens it as a service does.
async fn start(url: &DatabaseUrl, schema: &Schema) -> Result<(), OpenError> {
    match url {
        DatabaseUrl::Sqlite(url) => Sqlite::open(url, &schema.sqlite).await?.close().await,
        DatabaseUrl::Postgres(url) => Postgres::open(url, &schema.postgres).await?.close().await,
    }
    Ok(())
}

on_each_database! {
    a_start_leaves_the_tables_to_the_job,
    a_later_database_serves_an_earlier_program,
    another_migration_of_the_same_number_is_refused,
    jobs_at_once_do_it_once,
}

async fn a_start_leaves_the_tables_to_the_job(database: &Database) {
    let url = database_url(&database.url(), "job");
    for (there, missing) in [(&[][..], 1), (&[FIRST][..], 2)] {
        if !there.is_empty() {
            url.migrate(&schema(there)).await.unwrap();
        }
        let refused = start(&url, &schema(&[FIRST, SECOND])).await.unwrap_err().to_string();
        let said = format!(
            "DATABASE_URL: cannot migrate {}: migration {missing} (tea) has not run, and MIGRATIONS=job leaves that \
             to `migrate`",
            url.place()
        );
        assert_eq!(refused, said);
    }
    url.migrate(&schema(&[FIRST, SECOND])).await.unwrap();
    start(&url, &schema(&[FIRST, SECOND])).await.unwrap();
}

async fn a_later_database_serves_an_earlier_program(database: &Database) {
    let url = database_url(&database.url(), "job");
    url.migrate(&schema(&[FIRST, SECOND])).await.unwrap();
    let earlier = schema(&[FIRST]);
    start(&url, &earlier).await.unwrap();
    url.migrate(&earlier).await.unwrap();
    start(&url, &schema(&[FIRST, SECOND])).await.unwrap();
    let alone = start(&database_url(&database.url(), "start"), &earlier).await.unwrap_err().to_string();
    assert!(alone.contains("migration 2 was previously applied but is missing"), "{alone}");
}

async fn another_migration_of_the_same_number_is_refused(database: &Database) {
    let url = database_url(&database.url(), "job");
    url.migrate(&schema(&[FIRST])).await.unwrap();
    let other = schema(&["CREATE TABLE coffee (name text)"]);
    for refused in [start(&url, &other).await, url.migrate(&other).await] {
        let line = refused.unwrap_err().to_string();
        assert!(line.ends_with("migration 1 was previously applied but has been modified"), "{line}");
    }
}

async fn jobs_at_once_do_it_once(database: &Database) {
    let mut jobs = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let url = database_url(&database.url(), "start");
        jobs.spawn(async move { url.migrate(&schema(&[FIRST, SECOND])).await });
    }
    let done = jobs.join_all().await;
    assert!(done.iter().any(Result::is_ok), "{done:?}");
    let url = database_url(&database.url(), "job");
    url.migrate(&schema(&[FIRST, SECOND])).await.unwrap();
    start(&url, &schema(&[FIRST, SECOND])).await.unwrap();
}

#[test]
fn other_values_are_refused() {
    let env = Env::from_pairs([("MIGRATIONS", "never")]);
    let refused = DatabaseUrl::from_env(&env, "sqlite:x").unwrap_err();
    assert_eq!(refused.to_string(), "MIGRATIONS: `never` won't do; it takes start or job");
}

/// What the job is for: whoever serves requests need not own the tables.
#[tokio::test]
async fn a_service_needs_no_right_to_change_tables() {
    let Some(database) = Database::postgres().await else { return };
    let owner = database.url();
    database_url(&owner, "job").migrate(&schema(&[FIRST])).await.unwrap();
    let mut connection = PgConnection::connect(&owner).await.unwrap();
    // Roles belong to the server, which other tests use too.
    let role = owner.rsplit('/').next().unwrap().replace("test_", "reader_");
    let sql = format!("CREATE ROLE {role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    let reader = owner.replace("waybill:", &format!("{role}:"));
    start(&database_url(&reader, "job"), &schema(&[FIRST])).await.unwrap();
    let refused = start(&database_url(&reader, "start"), &schema(&[FIRST, SECOND])).await.unwrap_err();
    assert!(refused.to_string().contains("cannot migrate"), "{refused}");
}
