//! That the audit log is delivered.

use super::{KEY, open, place};
use order::{audit::AuditRelay, config::Config, store::Store};
use serde_json::json;
use service_kit::{
    process::ServiceConfig,
    shutdown::{Shutdown, Trigger},
};
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::{path::Path, time::Duration};
use telemetry::{
    Env,
    audit::{AuditKey, Head, Verifier},
};
use testkit::{Answer, Database, Peer, eventually, on_each_database};
use tokio::task::JoinHandle;

on_each_database!(
    a_file_has_every_entry_once,
    a_full_disk_holds_nobody_up,
    a_collector_gets_every_entry,
    what_had_nowhere_to_go_is_delivered_once_it_has,
    what_cannot_be_delivered_is_said_all_the_same,
);

/// A relay of the audit log alone.
struct Relay(Trigger, JoinHandle<()>);

impl Relay {
    fn start(database: &Database, store: &Store, audit_log: &str) -> Self {
        // Empty is not set.
        let pairs = [("DATABASE_URL", database.url()), ("AUDIT_LOG", audit_log.to_owned())];
        let config = Config::from_env(&Env::from_pairs(pairs)).unwrap();
        let (trigger, stop) = Shutdown::by_hand();
        Self(trigger, tokio::spawn(AuditRelay::new(&config, store).unwrap().run(stop)))
    }

    async fn stop(self) {
        self.0.stop();
        self.1.await.unwrap();
    }
}

async fn wait_until_delivered(store: &Store) {
    eventually("all to be delivered", async || {
        (store.audit_log().backlog().await.unwrap().length == 0).then_some(())
    })
    .await;
}

/// The numbers in a file, which is a whole chain.
fn numbers_in(path: &Path) -> Vec<i64> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut verifier = Verifier::new(AuditKey::new(KEY).unwrap());
    let check = |line: &str| {
        verifier.check(line.as_bytes()).unwrap();
        verifier.head().number
    };
    assert!(text.ends_with('\n'));
    text.lines().map(check).collect()
}

async fn a_file_has_every_entry_once(database: &Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.log");
    let place_of_log = path.to_str().unwrap();
    let store = open(database).await;
    place(&store, "c-1").await;
    let relay = Relay::start(database, &store, place_of_log);
    wait_until_delivered(&store).await;
    relay.stop().await;
    assert_eq!(numbers_in(&path), [1, 2]);

    // As after a crash between the write and its note: the entries are there, but nobody knows.
    let whole = std::fs::read(&path).unwrap();
    forget_delivery(database).await;
    let relay = Relay::start(database, &store, place_of_log);
    wait_until_delivered(&store).await;
    assert_eq!(std::fs::read(&path).unwrap(), whole);

    // As after a crash in the middle of a write; and what somebody cuts off comes back.
    for length in [whole.len() - 1, whole.len() / 3, 0] {
        std::fs::write(&path, &whole[..length]).unwrap();
        forget_delivery(database).await;
        wait_until_delivered(&store).await;
        assert_eq!(std::fs::read(&path).unwrap(), whole, "cut at {length}");
    }

    // A file of another chain is not gone on with.
    let whole = String::from_utf8(whole).unwrap();
    let hash = Head::of(whole.lines().last().unwrap()).unwrap().hash;
    let others = whole.replace(&hash, &"f".repeat(64));
    std::fs::write(&path, &others).unwrap();
    place(&store, "c-1").await;
    relay.stop().await;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), others);
    assert_eq!(store.audit_log().backlog().await.unwrap().length, 2);
}

/// The database as it was before anything was delivered.
async fn forget_delivery(database: &Database) {
    let sql = "UPDATE audit_delivered SET number = 0";
    match database {
        Database::Sqlite(_) => {
            let mut connection = SqliteConnection::connect(&database.url()).await.unwrap();
            sqlx::query(sql).execute(&mut connection).await.unwrap();
        }
        Database::Postgres(url) => {
            let mut connection = PgConnection::connect(url).await.unwrap();
            sqlx::query(sql).execute(&mut connection).await.unwrap();
        }
    }
}

async fn wait_until_said(database: &Database, number: i64) {
    let sql = "SELECT said FROM audit_delivered";
    eventually("entries to be log lines", async || {
        let said: i64 = match database {
            Database::Sqlite(_) => {
                let mut connection = SqliteConnection::connect(&database.url()).await.unwrap();
                sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
            }
            Database::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
            }
        };
        (said == number).then_some(())
    })
    .await;
}

async fn what_had_nowhere_to_go_is_delivered_once_it_has(database: &Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.log");
    let store = open(database).await;
    place(&store, "c-1").await;
    let relay = Relay::start(database, &store, "");
    wait_until_said(database, 2).await;
    relay.stop().await;
    assert_eq!(store.audit_log().backlog().await.unwrap().length, 2);

    let relay = Relay::start(database, &store, path.to_str().unwrap());
    wait_until_delivered(&store).await;
    relay.stop().await;
    assert_eq!(numbers_in(&path), [1, 2]);
}

async fn what_cannot_be_delivered_is_said_all_the_same(database: &Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no such folder/audit.log");
    let store = open(database).await;
    let relay = Relay::start(database, &store, path.to_str().unwrap());
    place(&store, "c-1").await;
    wait_until_said(database, 2).await;
    relay.stop().await;
    assert_eq!(store.audit_log().backlog().await.unwrap().length, 2);
}

#[tokio::test]
async fn entries_wait_in_metrics_only_where_they_are_delivered() {
    let database = crate::relay::Database::sqlite().await;
    database.confirmed().await;
    for (audit_log, waiting) in [("", None), ("audit.log", Some(2))] {
        let relay = database.relay("http://127.0.0.1:1/events", &[("AUDIT_LOG", audit_log)]).await;
        assert_eq!(relay.metric("audit_undelivered").await, waiting);
        relay.stop().await;
    }
}

/// One of two instances has an `AUDIT_LOG`: what the other one has written is in it.
#[tokio::test]
async fn one_instance_delivers_for_all() {
    let Some(database) = Database::postgres().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.log");
    let stores = [open(&database).await, open(&database).await];
    let relays = [
        Relay::start(&database, &stores[0], path.to_str().unwrap()),
        Relay::start(&database, &stores[1], ""),
    ];
    for number in 0..6 {
        place(&stores[number % 2], "c-1").await;
    }
    wait_until_delivered(&stores[0]).await;
    for relay in relays {
        relay.stop().await;
    }
    assert_eq!(numbers_in(&path), (1..=12).collect::<Vec<_>>());
}

async fn a_full_disk_holds_nobody_up(database: &Database) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.log");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let store = open(database).await;
    let relay = Relay::start(database, &store, path.to_str().unwrap());
    for _ in 0..3 {
        place(&store, "c-1").await;
    }
    // It has been tried, in vain.
    eventually("entries to wait", async || {
        let backlog = store.audit_log().backlog().await.unwrap();
        (backlog.length == 6 && backlog.oldest > Duration::from_millis(600)).then_some(())
    })
    .await;
    std::fs::remove_file(&path).unwrap();
    wait_until_delivered(&store).await;
    assert_eq!(numbers_in(&path), [1, 2, 3, 4, 5, 6]);
    relay.stop().await;
}

async fn a_collector_gets_every_entry(database: &Database) {
    let collector = Peer::start(|_| Answer::Empty(503));
    let store = open(database).await;
    let relay = Relay::start(database, &store, &format!("{}/audit", collector.url()));
    place(&store, "c-1").await;
    collector.wait_for("/audit", 2).await;
    // A success that takes only some is none.
    collector.script(|_| Answer::Json(200, json!({"accepted": 1, "rejected": 1})));
    collector.wait_for("/audit", 4).await;
    assert_eq!(store.audit_log().backlog().await.unwrap().length, 2);
    collector.script(|_| Answer::Empty(204));
    wait_until_delivered(&store).await;
    let last = collector.received("/audit").pop().unwrap();
    assert_eq!(last.header("content-type"), "application/x-ndjson");
    relay.stop().await;
}
