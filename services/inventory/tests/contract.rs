//! What the store promises, on every database.

use std::time::Duration;

use api::ids::OrderId;
use api::items::{Item, Items, Sku};
use api::timestamp::Timestamp;
use inventory::domain::{Outcome, ReserveOutcome};
use inventory::store::{Level, Store};
use service_kit::database::DatabaseUrl;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use telemetry::{Env, Telemetry};
use testkit::{Database, on_each_database};
use tokio::task::JoinSet;

const PU_ERH: &str = "TEA-PUERH-1998";

async fn open(database: &Database) -> Store {
    let env = Env::from_pairs([("DATABASE_URL", database.url())]);
    let url = DatabaseUrl::from_env(&env, "unused").unwrap();
    Store::open(&url, &Telemetry::for_test(inventory::SERVICE)).await.unwrap()
}

/// Runs SQL beside the service.
async fn execute(database: &Database, sql: &str) -> Result<(), sqlx::Error> {
    let sql = AssertSqlSafe(sql.to_owned());
    match database {
        Database::Sqlite(_) => {
            let mut connection = SqliteConnection::connect(&database.url()).await?;
            sqlx::query(sql).execute(&mut connection).await.map(|_| ())
        }
        Database::Postgres(url) => {
            let mut connection = PgConnection::connect(url).await?;
            sqlx::query(sql).execute(&mut connection).await.map(|_| ())
        }
    }
}

/// Makes the tables, if they are not there, and stocks a product.
pub(crate) async fn set_stock(database: &Database, sku: &str, on_hand: i64) {
    open(database).await.close().await;
    execute(database, &format!("UPDATE products SET on_hand = {on_hand} WHERE sku = '{sku}'")).await.unwrap();
}

fn items(list: &[(&str, i64)]) -> Items {
    let item = |&(sku, quantity): &(&str, i64)| Item {
        sku: sku.parse().unwrap(),
        quantity: quantity.try_into().unwrap(),
    };
    list.iter().map(item).collect::<Vec<_>>().try_into().unwrap()
}

fn soon() -> Timestamp {
    Timestamp::now() + Duration::from_mins(15)
}

async fn reserve(store: &Store, order: OrderId, list: &[(&str, i64)]) -> ReserveOutcome {
    store.reserve(order, &items(list), soon()).await.unwrap()
}

/// Available and reserved pieces.
async fn level(store: &Store, sku: &str) -> (i64, i64) {
    let levels = store.levels().await.unwrap();
    let Level { available, reserved, .. } = levels.into_iter().find(|level| level.sku == sku).unwrap();
    (available, reserved)
}

on_each_database! {
    the_catalogue_is_in_order,
    all_is_put_aside_or_nothing,
    asking_again_answers_the_same,
    a_reservation_is_released_sold_and_taken_back,
    what_is_over_is_given_back_once,
    what_has_expired_can_be_had_again_while_there_is_enough,
    nothing_is_known_of_an_order_that_never_came,
    wishes_at_once_leave_the_stock_right,
    the_database_refuses_to_oversell,
    it_is_kept,
}

async fn the_catalogue_is_in_order(database: &Database) {
    let store = open(database).await;
    let products = store.products().await.unwrap();
    assert_eq!(products.len(), 21);
    assert!(products.is_sorted_by_key(|product| product.sku.clone()));
    let tea: Sku = PU_ERH.parse().unwrap();
    let product = store.product(&tea).await.unwrap().unwrap();
    assert!(products.contains(&product));
    assert_eq!((product.available, product.unit_price.amount_minor), (3, 24900));
    assert_eq!(store.product(&"TEA-OF-YESTERDAY".parse().unwrap()).await.unwrap(), None);
}

async fn all_is_put_aside_or_nothing(database: &Database) {
    let store = open(database).await;
    let order = OrderId::new();
    let wanted = [("TEA-SENCHA", 2), ("POT-CAST-IRON", 1), (PU_ERH, 4)];
    assert_eq!(reserve(&store, order, &wanted).await, ReserveOutcome::Short(vec![1, 2]));
    let wanted = [("TEA-SENCHA", 2), ("TEA-OF-YESTERDAY", 1), ("POT-CAST-IRON", 1)];
    assert_eq!(reserve(&store, order, &wanted).await, ReserveOutcome::Unknown(vec![1]));
    assert_eq!(level(&store, "TEA-SENCHA").await, (1_000_000, 0));
    let wanted = [("TEA-SENCHA", 2), (PU_ERH, 3)];
    let ReserveOutcome::Reserved(reservation) = reserve(&store, order, &wanted).await else {
        panic!("not reserved");
    };
    let got: Vec<_> = reservation
        .items
        .iter()
        .map(|item| (item.sku.as_str(), i64::from(item.quantity), item.unit_price.amount_minor))
        .collect();
    assert_eq!(got, [("TEA-SENCHA", 2, 1340), (PU_ERH, 3, 24900)]);
    assert_eq!((level(&store, "TEA-SENCHA").await, level(&store, PU_ERH).await), ((999_998, 2), (0, 3)));
}

async fn asking_again_answers_the_same(database: &Database) {
    let store = open(database).await;
    let order = OrderId::new();
    let wanted = [(PU_ERH, 1), ("TEA-SENCHA", 2)];
    let first = reserve(&store, order, &wanted).await;
    execute(database, "UPDATE products SET price_minor = 1").await.unwrap();
    assert_eq!(reserve(&store, order, &wanted).await, first, "at the old price");
    assert_eq!(reserve(&store, order, &wanted[..1]).await, ReserveOutcome::OtherItems);
    store.sell(order).await.unwrap();
    assert_eq!(reserve(&store, order, &wanted).await, first);
    assert_eq!(level(&store, PU_ERH).await, (2, 0));
}

async fn a_reservation_is_released_sold_and_taken_back(database: &Database) {
    let store = open(database).await;
    let (released, sold) = (OrderId::new(), OrderId::new());
    reserve(&store, released, &[(PU_ERH, 2)]).await;
    assert_eq!(store.release(released).await.unwrap(), Outcome::Done);
    assert_eq!(store.release(released).await.unwrap(), Outcome::Already);
    assert_eq!(reserve(&store, released, &[(PU_ERH, 2)]).await, ReserveOutcome::Released);
    reserve(&store, sold, &[(PU_ERH, 2)]).await;
    assert_eq!(store.sell(sold).await.unwrap(), Outcome::Done);
    assert_eq!(store.sell(sold).await.unwrap(), Outcome::Already);
    assert_eq!(store.release(sold).await.unwrap(), Outcome::TooLate);
    assert_eq!(level(&store, PU_ERH).await, (1, 0));
    assert_eq!(store.sell(released).await.unwrap(), Outcome::Short(vec![PU_ERH.parse().unwrap()]));
    assert_eq!(store.take_back(sold).await.unwrap(), Outcome::Done);
    assert_eq!(store.take_back(sold).await.unwrap(), Outcome::Already);
    assert_eq!(store.sell(sold).await.unwrap(), Outcome::Already);
    assert_eq!(level(&store, PU_ERH).await, (3, 0));
}

async fn what_is_over_is_given_back_once(database: &Database) {
    let store = open(database).await;
    let mut overdue = vec![OrderId::new(), OrderId::new()];
    for order in &overdue {
        store.reserve(*order, &items(&[(PU_ERH, 1)]), Timestamp::now()).await.unwrap();
    }
    reserve(&store, OrderId::new(), &[(PU_ERH, 1)]).await;
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let store = store.clone();
        tasks.spawn(async move { store.expire_one(Timestamp::now()).await.unwrap() });
    }
    let mut expired: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    // One that others are at is passed over, so the last may be left.
    expired.extend(store.expire_one(Timestamp::now()).await.unwrap());
    expired.sort();
    overdue.sort();
    assert_eq!(expired, overdue);
    assert_eq!(store.expire_one(Timestamp::now()).await.unwrap(), None);
    assert_eq!(level(&store, PU_ERH).await, (2, 1));
}

async fn what_has_expired_can_be_had_again_while_there_is_enough(database: &Database) {
    let store = open(database).await;
    let (first, second) = (OrderId::new(), OrderId::new());
    for order in [first, second] {
        store.reserve(order, &items(&[("TEA-SENCHA", 1), (PU_ERH, 2)]), Timestamp::now()).await.unwrap();
        assert_eq!(store.expire_one(Timestamp::now()).await.unwrap(), Some(order));
    }
    let again = reserve(&store, first, &[("TEA-SENCHA", 1), (PU_ERH, 2)]).await;
    assert!(matches!(again, ReserveOutcome::Reserved(_)), "{again:?}");
    assert_eq!(store.expire_one(Timestamp::now()).await.unwrap(), None, "it has a time of its own");
    let wanted = [("TEA-SENCHA", 1), (PU_ERH, 2)];
    assert_eq!(reserve(&store, second, &wanted).await, ReserveOutcome::Short(vec![1]));
    assert_eq!(store.sell(second).await.unwrap(), Outcome::Short(vec![PU_ERH.parse().unwrap()]));
    store.take_back(first).await.unwrap();
    assert_eq!(store.sell(second).await.unwrap(), Outcome::Done);
    assert_eq!((level(&store, PU_ERH).await, level(&store, "TEA-SENCHA").await), ((1, 0), (999_999, 0)));
}

async fn nothing_is_known_of_an_order_that_never_came(database: &Database) {
    let store = open(database).await;
    let order = OrderId::new();
    assert_eq!(store.sell(order).await.unwrap(), Outcome::NothingKnown);
    assert_eq!(store.release(order).await.unwrap(), Outcome::Noted);
    assert_eq!(store.sell(order).await.unwrap(), Outcome::NothingKnown);
    assert_eq!(store.take_back(order).await.unwrap(), Outcome::Done);
    assert_eq!(store.sell(order).await.unwrap(), Outcome::Already);
    let cancelled = OrderId::new();
    assert_eq!(store.take_back(cancelled).await.unwrap(), Outcome::Noted);
    assert_eq!(store.sell(cancelled).await.unwrap(), Outcome::Already);
    assert_eq!(reserve(&store, cancelled, &[(PU_ERH, 1)]).await, ReserveOutcome::Released);
}

/// Every order ends returned, whatever came first: no piece may be missing.
async fn wishes_at_once_leave_the_stock_right(database: &Database) {
    let store = open(database).await;
    let mut tasks = JoinSet::new();
    for number in 0..60 {
        let (store, order) = (store.clone(), OrderId::new());
        tasks.spawn(async move {
            let mut list = [("TEA-SENCHA", 1), ("TEA-OOLONG", 1)];
            list.rotate_left(number % 2);
            let list = items(&list);
            let (one, two, three, four, five) = tokio::join!(
                store.reserve(order, &list, Timestamp::now()),
                store.sell(order),
                store.expire_one(Timestamp::now()),
                store.release(order),
                store.take_back(order),
            );
            one.map(drop).and(two.map(drop)).and(three.map(drop)).and(four.map(drop)).and(five.map(drop))
        });
    }
    for outcome in tasks.join_all().await {
        outcome.unwrap();
    }
    for sku in ["TEA-SENCHA", "TEA-OOLONG"] {
        assert_eq!(level(&store, sku).await, (1_000_000, 0));
    }
}

async fn the_database_refuses_to_oversell(database: &Database) {
    open(database).await.close().await;
    for change in ["reserved = on_hand + 1", "reserved = -1", "on_hand = -1"] {
        let sql = format!("UPDATE products SET {change} WHERE sku = '{PU_ERH}'");
        let error = execute(database, &sql).await.unwrap_err();
        let kind = error.as_database_error().unwrap().kind();
        assert!(matches!(kind, sqlx::error::ErrorKind::CheckViolation), "{error}");
    }
}

async fn it_is_kept(database: &Database) {
    let store = open(database).await;
    let order = OrderId::new();
    let first = reserve(&store, order, &[(PU_ERH, 2)]).await;
    store.close().await;
    assert!(store.check().await.is_err());
    let store = open(database).await;
    assert_eq!(store.check().await, Ok(()));
    assert_eq!(reserve(&store, order, &[(PU_ERH, 2)]).await, first);
}
