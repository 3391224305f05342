//! Databases of a real PostgreSQL.

use sqlx::{Connection, PgConnection};
use testkit::Postgres;

#[tokio::test]
async fn every_test_has_a_database_of_its_own() {
    let Some(postgres) = Postgres::shared().await else { return };
    let (one, other) = tokio::join!(postgres.database(), postgres.database());
    assert_ne!(one, other);
    for url in [&one, &other] {
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::query("CREATE TABLE orders (id uuid PRIMARY KEY)").execute(&mut connection).await.unwrap();
    }
}

#[tokio::test]
async fn it_keeps_what_it_answers_for() {
    let Some(postgres) = Postgres::shared().await else { return };
    let mut connection = PgConnection::connect(&postgres.database().await).await.unwrap();
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        let value: String = sqlx::query_scalar("SELECT current_setting($1)")
            .bind(setting)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(value, "on", "{setting}");
    }
}
