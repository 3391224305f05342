//! What the store promises, on every database.

use api::ids::OrderId;
use api::money::Money;
use api::payment::{ChargeRequest, PaymentMethod};
use payment::domain::{Decline, Opened, State};
use payment::store::Store;
use service_kit::database::DatabaseUrl;
use sqlx::{Connection, PgConnection, SqliteConnection};
use telemetry::{Env, Telemetry};
use testkit::{Database, on_each_database};
use tokio::task::JoinSet;

pub(crate) async fn open(database: &Database) -> Store {
    let env = Env::from_pairs([("DATABASE_URL", database.url())]);
    let url = DatabaseUrl::from_env(&env, "unused").unwrap();
    Store::open(&url, &Telemetry::for_test(payment::SERVICE)).await.unwrap()
}

pub(crate) fn request(order_id: OrderId, amount_minor: i64) -> ChargeRequest {
    let card_number = api::card::UncheckedCard::from("4242424242424242").try_into().unwrap();
    ChargeRequest { order_id, amount: Money::eur(amount_minor), method: PaymentMethod::Card, card_number }
}

on_each_database! {
    a_charge_is_opened_once,
    an_end_stands,
    only_an_open_charge_becomes_void,
    what_never_came_can_be_void_too,
    one_of_many_ends_wins,
    a_second_charge_or_a_charge_without_money_is_refused_by_the_database,
    it_is_kept,
}

async fn a_charge_is_opened_once(database: &Database) {
    let store = open(database).await;
    let order = OrderId::new();
    let first = store.open_charge(&request(order, 2500)).await.unwrap();
    assert!(matches!(first, Opened::Charge { state: State::Open, .. }));
    assert_eq!(store.open_charge(&request(order, 2500)).await.unwrap(), first);
    assert_eq!(store.open_charge(&request(order, 2501)).await.unwrap(), Opened::OtherCharge);
    assert_ne!(store.open_charge(&request(OrderId::new(), 2500)).await.unwrap(), first);
}

async fn an_end_stands(database: &Database) {
    let store = open(database).await;
    let order = OrderId::new();
    let Opened::Charge { transaction, .. } = store.open_charge(&request(order, 2500)).await.unwrap() else {
        panic!("not opened");
    };
    let declined = State::Declined(Decline::InsufficientFunds);
    let settled = store.close_charge(order, declined).await.unwrap();
    assert_eq!((settled.transaction, settled.state, settled.changed), (Some(transaction), declined, true));
    let settled = store.close_charge(order, State::Approved).await.unwrap();
    assert_eq!((settled.state, settled.changed), (declined, false));
    assert!(!store.refunded(order).await.unwrap(), "nothing to give back");
}

async fn only_an_open_charge_becomes_void(database: &Database) {
    let store = open(database).await;
    for (end, becomes) in [
        (None, State::Voided),
        (Some(State::Approved), State::Approved),
        (Some(State::Declined(Decline::CardDeclined)), State::Declined(Decline::CardDeclined)),
    ] {
        let order = OrderId::new();
        store.open_charge(&request(order, 2500)).await.unwrap();
        if let Some(end) = end {
            store.close_charge(order, end).await.unwrap();
        }
        for ask in 0..2 {
            let settled = store.void(order).await.unwrap();
            assert_eq!((settled.state, settled.changed), (becomes, end.is_none() && ask == 0));
            assert!(settled.transaction.is_some());
        }
        assert_eq!(store.close_charge(order, State::Approved).await.unwrap().state, becomes);
        assert_eq!(store.refunded(order).await.unwrap(), becomes == State::Approved);
        assert!(!store.refunded(order).await.unwrap(), "once");
    }
}

async fn what_never_came_can_be_void_too(database: &Database) {
    let store = open(database).await;
    let order = OrderId::new();
    for changed in [true, false] {
        let settled = store.void(order).await.unwrap();
        assert_eq!((settled.transaction, settled.state, settled.changed), (None, State::Voided, changed));
    }
    assert_eq!(store.open_charge(&request(order, 2500)).await.unwrap(), Opened::TakenBack);
}

async fn one_of_many_ends_wins(database: &Database) {
    let store = open(database).await;
    let order = OrderId::new();
    store.open_charge(&request(order, 2500)).await.unwrap();
    let mut tasks = JoinSet::new();
    for task in 0..12 {
        let store = store.clone();
        tasks.spawn(async move {
            match task % 3 {
                0 => store.void(order).await,
                1 => store.close_charge(order, State::Approved).await,
                _ => store.close_charge(order, State::Declined(Decline::CardDeclined)).await,
            }
        });
    }
    let settled: Vec<_> = tasks.join_all().await.into_iter().map(Result::unwrap).collect();
    assert_eq!(settled.iter().filter(|settled| settled.changed).count(), 1, "{settled:?}");
    assert!(settled.iter().all(|one| one.state == settled[0].state), "{settled:?}");
}

async fn a_second_charge_or_a_charge_without_money_is_refused_by_the_database(database: &Database) {
    let store = open(database).await;
    store.open_charge(&request(OrderId::new(), 2500)).await.unwrap();
    let columns = "amount_minor, currency, method, card_last4, state, changed_at";
    let second = format!(
        "INSERT INTO charges (order_id, transaction_id, {columns}) SELECT order_id, NULL, {columns} FROM charges"
    );
    let nothing = "UPDATE charges SET state = 'approved', amount_minor = NULL".to_owned();
    for sql in [second, nothing] {
        let sql = sqlx::AssertSqlSafe(sql);
        let refused = match database {
            Database::Sqlite(_) => {
                let mut connection = SqliteConnection::connect(&database.url()).await.unwrap();
                sqlx::query(sql).execute(&mut connection).await.unwrap_err()
            }
            Database::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                sqlx::query(sql).execute(&mut connection).await.unwrap_err()
            }
        };
        let kind = refused.as_database_error().unwrap().kind();
        assert!(!matches!(kind, sqlx::error::ErrorKind::Other), "{refused}");
    }
}

async fn it_is_kept(database: &Database) {
    let store = open(database).await;
    let order = OrderId::new();
    let first = store.open_charge(&request(order, 2500)).await.unwrap();
    assert_eq!(store.check().await, Ok(()));
    store.close().await;
    assert!(store.check().await.is_err());
    assert_eq!(open(database).await.open_charge(&request(order, 2500)).await.unwrap(), first);
}
