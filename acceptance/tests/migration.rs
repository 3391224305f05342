//! Databases of the version before are opened, and what they hold is gone on with.

use acceptance::{CARD, Database, EARL_GREY, Settings, Stack};
use sqlx::{Connection, SqliteConnection, migrate::Migrator};
use std::path::Path;
use tempfile::TempDir;

/// The last migration of each service before orders were resumed.
const BEFORE: [(&str, i64); 3] = [("order", 1), ("payment", 1), ("inventory", 2)];

const CONFIRMED: &str = "0193f5c2-0000-7000-8000-000000000001";
const PENDING: &str = "0193f5c2-0000-7000-8000-000000000002";
const EVENT: &str = "0193f5c2-0000-7000-8000-000000000003";
const TRANSACTION: &str = "0193f5c2-0000-7000-8000-000000000004";
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test]
async fn what_the_version_before_left_behind() {
    let folder = TempDir::new().unwrap();
    for (service, last) in BEFORE {
        migrate(folder.path(), service, last).await;
    }
    fill(folder.path()).await;
    let stack = Stack::start(Settings { folder: Some(folder), ..Settings::default() }).await;

    let confirmed = stack.get("gateway", &format!("/api/orders/{CONFIRMED}")).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.body);
    assert_eq!(confirmed.body["payment"]["transaction_id"], TRANSACTION);
    assert_eq!(confirmed.body["total"]["amount_minor"], 2500);
    assert_eq!(confirmed.body["items"][0]["sku"], EARL_GREY);

    // The event that waited is delivered; the order that nobody can pay any more is given up and undone.
    stack.at_rest().await;
    let order = async |id: &str| stack.get("gateway", &format!("/api/orders/{id}")).await.body;
    assert_eq!(order(CONFIRMED).await["status"], "confirmed");
    assert_eq!(order(PENDING).await["status"], "failed");
    let reservations = "SELECT order_id, state FROM reservations ORDER BY order_id";
    let reservations = stack.database("inventory").rows(reservations).await;
    assert_eq!(reservations, [[CONFIRMED, "sold"], [PENDING, "released"]]);
    assert_eq!(stack.stock().await[EARL_GREY], 999_998);
    let charges = "SELECT order_id FROM charges WHERE state = 'approved'";
    assert_eq!(stack.database("payment").rows(charges).await, [[CONFIRMED]]);

    // And life goes on.
    let listed = stack.get("gateway", "/api/orders?customer_id=c-before").await;
    assert_eq!(listed.body["orders"].as_array().map(Vec::len), Some(2), "{}", listed.body);
    let placed = stack.place(EARL_GREY, CARD).await;
    assert_eq!(placed.status, 201, "{}", placed.body);
}

/// Makes a database as the migrations up to `last` make it.
async fn migrate(folder: &Path, service: &str, last: i64) {
    let migrations =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../services/{service}/migrations/sqlite"));
    let all = Migrator::new(migrations).await.unwrap();
    let before = all.iter().filter(|migration| migration.version <= last).cloned().collect();
    let url = format!("sqlite:{}/{service}.db?mode=rwc", folder.display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    Migrator::with_migrations(before).run(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// One order that is confirmed and whose event waits, and one that a crash has left.
async fn fill(folder: &Path) {
    let database = |service: &str| Database::at(&format!("sqlite:{}/{service}.db", folder.display()));
    database("order")
        .execute(&format!(
            "INSERT INTO orders VALUES
                 ('{CONFIRMED}', 'c-before', 'confirmed', 2500, 'EUR', '{TRANSACTION}', '4242',
                  '{TRACEPARENT}', NULL, NULL, 1732270272000000, 1732270272000000),
                 ('{PENDING}', 'c-before', 'pending', 2500, 'EUR', NULL, NULL,
                  '{TRACEPARENT}', NULL, NULL, 1732270272000000, 1732270272000000);
             INSERT INTO order_items VALUES
                 ('{CONFIRMED}', 0, '{EARL_GREY}', 2, 1250, 'EUR'), ('{PENDING}', 0, '{EARL_GREY}', 2, 1250, 'EUR');
             INSERT INTO outbox VALUES
                 (1, '{EVENT}', '{CONFIRMED}', 'order.confirmed', '{TRACEPARENT}', NULL, NULL, 1732270272000000);"
        ))
        .await;
    database("payment")
        .execute(&format!(
            "INSERT INTO charges VALUES
                 ('{CONFIRMED}', '{TRANSACTION}', 2500, 'EUR', 'card', '4242', 'approved', 1732270272000000);"
        ))
        .await;
    database("inventory")
        .execute(&format!(
            "UPDATE products SET reserved = 4 WHERE sku = '{EARL_GREY}';
             INSERT INTO reservations VALUES
                 ('{CONFIRMED}', 'held', 1732270272000000), ('{PENDING}', 'held', 1732270272000000);
             INSERT INTO reservation_items VALUES
                 ('{CONFIRMED}', 0, '{EARL_GREY}', 2, 1250, 'EUR'), ('{PENDING}', 0, '{EARL_GREY}', 2, 1250, 'EUR');"
        ))
        .await;
}

/// They are listed by name, so that none is built into the compiler: a new file has to be listed, too.
#[test]
fn every_migration_is_listed() {
    for service in ["order", "payment", "inventory"] {
        let folder = format!("{}/../services/{service}", env!("CARGO_MANIFEST_DIR"));
        let store = std::fs::read_to_string(format!("{folder}/src/store.rs")).unwrap();
        for kind in ["sqlite", "postgres"] {
            let (_, list) = store.split_once(&format!("\"{kind}\":")).unwrap();
            let (list, _) = list.split_once(')').unwrap();
            let mut listed: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
            let files = std::fs::read_dir(format!("{folder}/migrations/{kind}")).unwrap();
            let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
            files.sort();
            listed.sort_unstable();
            let names: Vec<_> =
                files.iter().map(|file| file.file_stem().unwrap().to_str().unwrap()).collect();
            assert_eq!(listed, names, "{service}, {kind}");
        }
    }
}
