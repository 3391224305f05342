//! The audit log: what is written, and that it is one chain whatever happens.

mod delivery;

use crate::{
    app::{App, CARD, client, order},
    neighbours::Neighbours,
};
use order::{
    domain::{Asker, ListQuery, Outcome, Step},
    store::{
        KeyClaim, KeyRequest, Store, StoredOrder, audit::reader::AuditReader, forget::Forgotten, outbox::Fate,
    },
};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::time::Duration;
use telemetry::{
    Env, Telemetry,
    audit::{Actor, AuditKey, Entry, Verifier},
};
use testkit::{Answer, Database, eventually, on_each_database};

use crate::store::{confirmed, draft, pending, reserved};
use api::{
    customer::CustomerId,
    ids::OrderId,
    problem::{Problem, ProblemKind},
    timestamp::Timestamp,
};

const KEY: &str = "an audit key of the tests";
const LEASE: Duration = Duration::from_mins(1);

async fn open(database: &Database) -> Store {
    let url = database.url();
    let env = Env::from_pairs([("DATABASE_URL", url.as_str())]);
    let url = service_kit::database::DatabaseUrl::from_env(&env, "").unwrap();
    let telemetry = Telemetry::for_test(order::SERVICE);
    Store::open(&url, &telemetry, AuditKey::new(KEY).unwrap()).await.unwrap()
}

/// All entries of a database. Panics unless they are one whole chain.
async fn chain(url: &str) -> Vec<Entry> {
    let mut reader = AuditReader::open(url).await.unwrap();
    let mut verifier = Verifier::new(AuditKey::new(KEY).unwrap());
    let mut entries = Vec::new();
    loop {
        let page = reader.page(verifier.head().number).await.unwrap();
        if page.is_empty() {
            break;
        }
        for kept in page {
            verifier.check(kept.line.as_bytes()).unwrap();
            assert_eq!(kept.number, verifier.head().number);
            entries.push(Entry::parse(&kept.line).unwrap());
        }
    }
    assert_eq!(reader.ends().await.unwrap().head, *verifier.head());
    entries
}

fn actions(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.action.as_str()).collect()
}

async fn place(store: &Store, customer: &str) -> StoredOrder {
    let new = reserved(&draft(customer));
    store.save(&new, Timestamp::now() + LEASE).await.unwrap();
    assert!(store.finish(new.order.id, &confirmed(), &new.context).await.unwrap());
    new
}

on_each_database!(
    every_act_is_an_entry,
    an_operator_who_acts_for_a_customer_is_named,
    what_is_taken_back_leaves_no_gap,
    instances_write_one_chain,
    a_customer_is_forgotten,
);

async fn every_act_is_an_entry(database: &Database) {
    let store = open(database).await;
    let new = place(&store, "c-1").await;
    store.mark_cancel(new.order.id, &Asker::default(), Timestamp::now() + LEASE).await.unwrap();
    assert!(store.cancelled(new.order.id, &new.context).await.unwrap());
    assert!(!store.cancelled(new.order.id, &new.context).await.unwrap(), "once");
    let failed = reserved(&draft("c-2"));
    store.save(&failed, Timestamp::now() + LEASE).await.unwrap();
    let why = Outcome::Failed(Problem::new(ProblemKind::Unavailable));
    assert!(store.finish(failed.order.id, &why, &failed.context).await.unwrap());
    for _ in 0..2 {
        store.undone(failed.order.id, true).await.unwrap();
    }
    store.note_key_rotation(Actor::Operator("ada".to_owned())).await.unwrap();

    let entries = chain(&database.url()).await;
    assert_eq!(
        actions(&entries),
        [
            "order.created",
            "order.paid",
            "order.refunded",
            "order.cancelled",
            "order.created",
            "order.refunded",
            "customer_key.rotated"
        ]
    );
    let customer = entries[0].customer_ref.clone().unwrap();
    assert_ne!(Some(&customer), entries[4].customer_ref.as_ref());
    for entry in &entries[..4] {
        let by = if entry.action == "order.refunded" { "service:order-service" } else { &customer };
        assert_eq!((entry.actor.as_str(), entry.customer_ref.as_ref()), (by, Some(&customer)));
        assert_eq!(entry.order_id, Some(new.order.id.to_string()));
        assert_eq!(entry.trace_id.as_deref().map(str::len), Some(32));
        let amount = (entry.action != "order.cancelled").then_some((3750, "EUR".to_owned()));
        assert_eq!(entry.amount_minor.zip(entry.currency.clone()), amount, "{entry:?}");
    }
    assert_eq!(entries[6].actor, "operator:ada");
    let everything = format!("{entries:?}");
    // Quoted: a hash may have these digits by chance.
    for secret in ["\"c-1\"", "\"4242\"", "4242424242424242"] {
        assert!(!everything.contains(secret), "{everything}");
    }
}

async fn an_operator_who_acts_for_a_customer_is_named(database: &Database) {
    let store = open(database).await;
    let operator = |name: &str| Some(name.to_owned());
    let new = StoredOrder { placed_by: operator("ada"), ..reserved(&draft("c-1")) };
    store.save(&new, Timestamp::now() + LEASE).await.unwrap();
    assert!(store.finish(new.order.id, &confirmed(), &new.context).await.unwrap());
    let olga = Asker { owner: None, operator: operator("olga") };
    store.mark_cancel(new.order.id, &olga, Timestamp::now() + LEASE).await.unwrap();
    // By a worker, and after a crash perhaps: it is known all the same.
    assert!(store.cancelled(new.order.id, &new.context).await.unwrap());
    let entries = chain(&database.url()).await;
    let actors: Vec<_> = entries.iter().map(|entry| entry.actor.as_str()).collect();
    assert_eq!(actors, ["operator:ada", "operator:ada", "service:order-service", "operator:olga"]);
    assert!(entries.iter().all(|entry| entry.customer_ref.is_some()));
}

/// Orders that are kept and orders that are not (their id is used already), all at once.
async fn what_is_taken_back_leaves_no_gap(database: &Database) {
    let store = open(database).await;
    let first = place(&store, "c-1").await;
    let orders = (0..60).map(|number| {
        let (store, first) = (store.clone(), first.clone());
        tokio::spawn(async move {
            let new = if number % 3 == 0 { first } else { reserved(&draft("c-1")) };
            store.save(&new, Timestamp::now() + LEASE).await.is_ok()
        })
    });
    let mut kept = 0;
    for order in orders.collect::<Vec<_>>() {
        kept += usize::from(order.await.unwrap());
    }
    assert_eq!((kept, chain(&database.url()).await.len()), (40, 42));
}

async fn instances_write_one_chain(database: &Database) {
    // A SQLite file has one process.
    let stores = match database {
        Database::Sqlite(_) => vec![open(database).await],
        Database::Postgres(_) => vec![open(database).await, open(database).await],
    };
    let placing = (0..80).map(|number| {
        let store = stores[number % stores.len()].clone();
        tokio::spawn(async move { drop(place(&store, "c-1").await) })
    });
    for placed in placing.collect::<Vec<_>>() {
        placed.await.unwrap();
    }
    assert_eq!(chain(&database.url()).await.len(), 160);
}

async fn a_customer_is_forgotten(database: &Database) {
    let store = open(database).await;
    let now = Timestamp::now();
    let me: CustomerId = "c-me".parse().unwrap();
    let request = |order_id| KeyRequest {
        customer: &me,
        key: "key-1",
        fingerprint: b"body",
        order_id,
        now,
        locked_until: now + LEASE,
        oldest: Timestamp::from_micros(0).unwrap(),
    };
    let KeyClaim::Ours(id) = store.claim_key(&request(OrderId::new())).await.unwrap() else { panic!() };
    let mut mine = reserved(&draft("c-me"));
    mine.order.id = id;
    store.save(&mine, now + LEASE).await.unwrap();
    let other = place(&store, "c-other").await;
    let ada = Actor::Operator("ada".to_owned());

    let before = chain(&database.url()).await.len();
    assert_eq!(store.forget(&me, ada.clone()).await.unwrap(), Forgotten::UnderWay { orders: 1 });
    assert_eq!(store.load(id).await.unwrap().unwrap().order.customer_id, me);
    assert_eq!(chain(&database.url()).await.len(), before, "nothing was done, so nothing is written");

    assert!(store.finish(id, &confirmed(), &mine.context).await.unwrap());
    assert_eq!(store.forget(&me, ada.clone()).await.unwrap(), Forgotten::Done { orders: 1 });
    let of_me = ListQuery { customer_id: Some(me.clone()), limit: 10, ..ListQuery::default() };
    assert!(store.list(&of_me).await.unwrap().is_empty());
    let left = store.load(id).await.unwrap().unwrap();
    assert!(left.order.customer_id.as_str().starts_with("forgotten-"));
    assert_eq!((left.order.total, &left.context.baggage, left.sealed_card), (mine.order.total, &None, None));
    assert_eq!(left.order.payment.unwrap().card_last4, "");
    let waiting = store.outbox().claim(10, &[], LEASE).await.unwrap();
    let baggage = |id: OrderId| {
        let event = waiting.iter().find(|event| event.order_id.to_string() == id.to_string());
        event.unwrap().context.baggage.clone()
    };
    assert_eq!((baggage(id), baggage(other.order.id).is_some()), (None, true));
    let fresh = OrderId::new();
    assert_eq!(store.claim_key(&request(fresh)).await.unwrap(), KeyClaim::Ours(fresh), "no key leads to it");

    assert_eq!(store.forget(&me, ada).await.unwrap(), Forgotten::Done { orders: 0 });
    let again = OrderId::new();
    let claim = store.claim_key(&request(again)).await.unwrap();
    assert_eq!(claim, KeyClaim::Ours(again), "also a key whose order was never kept is gone");
    let entries = chain(&database.url()).await;
    let last = entries.last().unwrap();
    assert_eq!(actions(&entries)[before..], ["order.paid", "customer.forgotten", "customer.forgotten"]);
    assert_eq!((last.actor.as_str(), last.count), ("operator:ada", Some(0)));
    assert_eq!(last.customer_ref, entries[0].customer_ref);
}

/// Each has what the other wants when they do not lock the orders first, both.
#[tokio::test]
async fn a_customer_is_forgotten_while_their_events_are_replayed() {
    let Some(database) = Database::postgres().await else { return };
    let store = open(&database).await;
    place(&store, "c-1").await;
    let fates = store.outbox().claim(10, &[], LEASE).await.unwrap();
    let dead = |position| (position, Fate::Dead { error: "refused".to_owned() });
    let fates: Vec<_> = fates.into_iter().map(|event| dead(event.position)).collect();
    store.outbox().settle(&fates).await.unwrap();
    place(&store, "c-1").await;

    let mut other = PgConnection::connect(&database.url()).await.unwrap();
    let mut watch = PgConnection::connect(&database.url()).await.unwrap();
    let mut waiting = async |count: i64| {
        eventually("somebody to wait for a lock", async || {
            let sql = "SELECT count(*) FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
            let waiting: i64 = sqlx::query_scalar(sql).fetch_one(&mut watch).await.unwrap();
            (waiting == count).then_some(())
        })
        .await;
    };
    // Holds the forgetting up after it has locked the orders.
    let mut held = other.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM outbox FOR UPDATE").execute(&mut *held).await.unwrap();
    let ada = || Actor::Operator("ada".to_owned());
    let forgetting = tokio::spawn({
        let store = store.clone();
        async move { store.forget(&"c-1".parse().unwrap(), ada()).await }
    });
    waiting(1).await;
    let replaying = tokio::spawn({
        let store = store.clone();
        async move { store.replay(None, ada()).await }
    });
    waiting(2).await;
    held.rollback().await.unwrap();
    assert_eq!(forgetting.await.unwrap().unwrap(), Forgotten::Done { orders: 2 });
    assert_eq!(replaying.await.unwrap().unwrap(), 1);
    for event in store.outbox().claim(10, &[], Duration::ZERO).await.unwrap() {
        assert_eq!(event.context.baggage, None, "of an order that is nobody's");
    }
}

#[tokio::test]
async fn an_operator_forgets_a_customer_over_http() {
    let neighbours = Neighbours::start();
    let app = App::start_with(&neighbours, &[("AUDIT_KEY", KEY)]).await;
    let placed = app.post("/orders", &order(CARD)).await;
    assert_eq!(placed.status, 201, "{}", placed.body);
    let id = placed.body["id"].as_str().unwrap();
    let forget = async |operator: &str, body: Value| {
        let request = client().post(format!("{}/admin/customers/forget", app.admin));
        let answer = request.header("x-operator", operator).json(&body).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json::<Value>().await.unwrap())
    };
    let (status, body) = forget("ada@tea.example", json!({"customer_id": crate::app::CUSTOMER})).await;
    assert_eq!((status, &body["orders"]), (200, &json!(1)), "{body}");
    let found = app.get(&format!("/orders?customer_id={}", crate::app::CUSTOMER)).await;
    assert_eq!(found.body["orders"], json!([]));
    let kept = app.kept(id).await;
    assert!(kept["customer_id"].as_str().unwrap().starts_with("forgotten-"), "{kept}");
    assert_eq!((&kept["total"], kept["payment"].get("card_last4")), (&placed.body["total"], None));

    for (operator, body, refused) in [
        ("4242424242424242", json!({"customer_id": "c-1"}), 400),
        ("ada", json!({"customer_id": "not an id"}), 422),
        ("ada", json!({"customer": "c-1"}), 422),
    ] {
        let (status, body) = forget(operator, body).await;
        assert_eq!(status, refused, "{body}");
    }
    let database = format!("sqlite:{}", neighbours.folder.path().join("order.db").display());
    app.stop().await;
    let entries = chain(&database).await;
    assert_eq!(actions(&entries), ["order.created", "order.paid", "customer.forgotten"]);
    assert_eq!(entries[2].actor, "operator:ada@tea.example");
}

#[tokio::test]
async fn an_order_under_way_is_not_forgotten() {
    let neighbours = Neighbours::start();
    neighbours.inventory.script(|_| Answer::Empty(503));
    let app = App::start(&neighbours).await;
    let mut request = client().post(app.url("/orders")).header("prefer", "respond-async");
    request = request.json(&order(CARD));
    assert_eq!(request.send().await.unwrap().status(), 202);
    let body = json!({"customer_id": crate::app::CUSTOMER});
    let forget = client().post(format!("{}/admin/customers/forget", app.admin)).json(&body);
    let answer = forget.send().await.unwrap();
    assert_eq!(answer.status(), 409);
    let detail = answer.json::<Value>().await.unwrap()["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("1 of this customer's order is still under way"), "{detail}");
    app.kill();
}

#[tokio::test]
async fn an_accepted_order_has_no_amount_until_it_is_paid() {
    let database = Database::sqlite();
    let store = open(&database).await;
    let draft = draft("c-1");
    store.save(&pending(&draft), Timestamp::now() + LEASE).await.unwrap();
    store.reserved(&reserved(&draft).order).await.unwrap();
    assert_eq!(store.load(draft.id).await.unwrap().unwrap().step, Some(Step::Charge));
    store.finish(draft.id, &confirmed(), &pending(&draft).context).await.unwrap();
    let amounts: Vec<_> = chain(&database.url()).await.iter().map(|entry| entry.amount_minor).collect();
    assert_eq!(amounts, [None, Some(3750)]);
}
