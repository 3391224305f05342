//! What every order store promises, asked of each database.

use api::{
    customer::CustomerId,
    ids::{OrderId, TransactionId},
    inventory::{Reservation, ReservedItem},
    items::{Item, Quantity},
    money::Money,
    order::{Order, OrderPayment, OrderStatus},
    problem::{Problem, ProblemKind},
    timestamp::Timestamp,
};
use order::{
    domain::{Asker, Draft, ListQuery, Outcome, Step, priced},
    store::{KeyClaim, KeyRequest, Store, StoredOrder},
};
use service_kit::database::DatabaseUrl;
use std::time::Duration;
use telemetry::{Env, Telemetry, audit::AuditKey, propagation::StoredContext};
use testkit::Database;

const LEASE: Duration = Duration::from_mins(1);

/// Runs a test on a fresh database of each kind.
async fn on_both(test: impl AsyncFn(Store)) {
    for database in Database::each().await {
        test(open(&database.url()).await).await;
    }
}

pub async fn open(url: &str) -> Store {
    let env = Env::from_pairs([("DATABASE_URL", url)]);
    let url = DatabaseUrl::from_env(&env, "").unwrap();
    let telemetry = Telemetry::for_test(order::SERVICE);
    Store::open(&url, &telemetry, AuditKey::random()).await.unwrap()
}

pub fn draft(customer: &str) -> Draft {
    let item =
        |sku: &str, pieces| Item { sku: sku.parse().unwrap(), quantity: Quantity::try_from(pieces).unwrap() };
    Draft {
        id: OrderId::new(),
        customer_id: customer.parse().unwrap(),
        items: vec![item("TEA-EARL-GREY", 2), item("POT-GLASS", 1)].try_into().unwrap(),
        created_at: Timestamp::now(),
        placed_by: None,
    }
}

/// An order of two positions that is to be charged.
pub fn reserved(draft: &Draft) -> StoredOrder {
    let items = draft.items.as_slice().iter().map(|item| ReservedItem {
        sku: item.sku.clone(),
        quantity: item.quantity,
        unit_price: Money::eur(1250),
    });
    let reservation = Reservation { order_id: draft.id, items: items.collect() };
    StoredOrder {
        order: priced(pending(draft).order, reservation).unwrap(),
        step: Some(Step::Charge),
        ..pending(draft)
    }
}

pub fn pending(draft: &Draft) -> StoredOrder {
    StoredOrder {
        order: draft.unpriced(OrderStatus::Pending),
        step: Some(Step::Reserve),
        context: StoredContext {
            traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned(),
            tracestate: Some("vendor=1".to_owned()),
            baggage: Some("session_id=s-1".to_owned()),
        },
        placed_by: None,
        sealed_card: Some(vec![1, 2, 3]),
        problem: None,
        attempts: 0,
    }
}

pub fn confirmed() -> Outcome {
    Outcome::Confirmed(OrderPayment { transaction_id: TransactionId::new(), card_last4: "4242".to_owned() })
}

fn same(one: &Order, other: &Order) -> bool {
    one.id == other.id
        && one.items == other.items
        && one.total == other.total
        && one.created_at == other.created_at
}

#[tokio::test]
async fn what_is_saved_is_loaded_whole() {
    on_both(async |store| {
        let new = reserved(&draft("c-1"));
        store.save(&new, Timestamp::now() + LEASE).await.unwrap();
        let loaded = store.load(new.order.id).await.unwrap().unwrap();
        assert!(same(&loaded.order, &new.order), "{loaded:?}");
        assert_eq!((loaded.step, loaded.attempts), (Some(Step::Charge), 0));
        assert_eq!((&loaded.context, &loaded.sealed_card), (&new.context, &new.sealed_card));
        assert!(store.load(OrderId::new()).await.unwrap().is_none());
        assert!(store.save(&new, Timestamp::now()).await.is_err(), "an id is used once");
    })
    .await;
}

#[tokio::test]
async fn an_order_ends_once_and_its_card_is_erased() {
    on_both(async |store| {
        let new = reserved(&draft("c-1"));
        store.save(&new, Timestamp::now() + LEASE).await.unwrap();
        assert!(store.finish(new.order.id, &confirmed(), &new.context).await.unwrap());
        let late = Outcome::Failed(Problem::new(ProblemKind::Unavailable));
        assert!(!store.finish(new.order.id, &late, &new.context).await.unwrap());
        let loaded = store.load(new.order.id).await.unwrap().unwrap();
        assert_eq!((loaded.order.status, loaded.step), (OrderStatus::Confirmed, None));
        assert_eq!(loaded.order.payment.unwrap().card_last4, "4242");
        assert_eq!(loaded.sealed_card, None);
    })
    .await;
}

#[tokio::test]
async fn one_transaction_pays_one_order() {
    on_both(async |store| {
        let (one, other) = (reserved(&draft("c-1")), reserved(&draft("c-1")));
        let outcome = confirmed();
        for new in [&one, &other] {
            store.save(new, Timestamp::now() + LEASE).await.unwrap();
        }
        assert!(store.finish(one.order.id, &outcome, &one.context).await.unwrap());
        assert!(store.finish(other.order.id, &outcome, &other.context).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_failed_order_is_undone_and_then_at_rest() {
    on_both(async |store| {
        let new = reserved(&draft("c-1"));
        store.save(&new, Timestamp::now() + LEASE).await.unwrap();
        let why =
            Problem { code: Some("card_declined".to_owned()), ..Problem::new(ProblemKind::CardDeclined) };
        assert!(store.finish(new.order.id, &Outcome::Declined(why.clone()), &new.context).await.unwrap());
        let loaded = store.load(new.order.id).await.unwrap().unwrap();
        assert_eq!((loaded.order.status, loaded.step), (OrderStatus::Declined, Some(Step::Undo)));
        assert_eq!(loaded.problem, Some(why));
        store.undone(new.order.id, false).await.unwrap();
        assert_eq!(store.load(new.order.id).await.unwrap().unwrap().step, None);
    })
    .await;
}

#[tokio::test]
async fn an_accepted_order_gets_its_prices() {
    on_both(async |store| {
        let draft = draft("c-1");
        let new = pending(&draft);
        store.save(&new, Timestamp::now() + LEASE).await.unwrap();
        assert_eq!(store.load(draft.id).await.unwrap().unwrap().order.total, None);
        let priced = reserved(&draft).order;
        store.reserved(&priced).await.unwrap();
        let loaded = store.load(draft.id).await.unwrap().unwrap();
        assert!(same(&loaded.order, &priced), "{loaded:?}");
        assert_eq!(loaded.step, Some(Step::Charge));
    })
    .await;
}

#[tokio::test]
async fn unfinished_orders_are_claimed_once_their_lease_is_over() {
    on_both(async |store| {
        let (left, held, ended) = (reserved(&draft("c-1")), reserved(&draft("c-1")), reserved(&draft("c-1")));
        let now = Timestamp::now();
        store.save(&left, now).await.unwrap();
        store.save(&held, now + LEASE).await.unwrap();
        store.save(&ended, now).await.unwrap();
        store.finish(ended.order.id, &confirmed(), &ended.context).await.unwrap();

        let later = now + Duration::from_secs(1);
        // Two at once: each order goes to one of them.
        let (one, other) =
            tokio::join!(store.claim(later, later + LEASE, 10), store.claim(later, later + LEASE, 10));
        let claimed = [one.unwrap(), other.unwrap()].concat();
        assert_eq!(claimed.iter().map(|stored| stored.order.id).collect::<Vec<_>>(), [left.order.id]);
        assert_eq!((claimed[0].attempts, &claimed[0].sealed_card), (1, &left.sealed_card));
        assert!(same(&claimed[0].order, &left.order));

        store.postpone(left.order.id, later).await.unwrap();
        let again = later + Duration::from_secs(1);
        assert_eq!(store.claim(again, again + LEASE, 10).await.unwrap()[0].attempts, 2);
    })
    .await;
}

#[tokio::test]
async fn only_a_confirmed_order_is_cancelled_and_only_once() {
    on_both(async |store| {
        let new = reserved(&draft("c-1"));
        let id = new.order.id;
        store.save(&new, Timestamp::now() + LEASE).await.unwrap();
        store.mark_cancel(id, &Asker::default(), Timestamp::now() + LEASE).await.unwrap();
        assert_eq!(store.load(id).await.unwrap().unwrap().step, Some(Step::Charge), "pending");
        store.finish(id, &confirmed(), &new.context).await.unwrap();
        let (owner, other) = ("c-1".parse().unwrap(), "c-2".parse().unwrap());
        let by = |owner: &CustomerId| Asker { owner: Some(owner.clone()), operator: None };
        assert!(store.load_of(id, Some(&owner)).await.unwrap().is_some());
        assert!(store.load_of(id, Some(&other)).await.unwrap().is_none());
        store.mark_cancel(id, &by(&other), Timestamp::now() + LEASE).await.unwrap();
        assert_eq!(store.load(id).await.unwrap().unwrap().step, None, "another's");
        store.mark_cancel(id, &by(&owner), Timestamp::now() + LEASE).await.unwrap();
        assert_eq!(store.load(id).await.unwrap().unwrap().step, Some(Step::Cancel));
        assert!(store.cancelled(id, &new.context).await.unwrap());
        assert!(!store.cancelled(id, &new.context).await.unwrap());
        let loaded = store.load(id).await.unwrap().unwrap();
        assert_eq!((loaded.order.status, loaded.step), (OrderStatus::Cancelled, None));
        assert_eq!(loaded.first_status(), OrderStatus::Confirmed);
    })
    .await;
}

#[tokio::test]
async fn lists_are_newest_first_filtered_and_paged() {
    on_both(async |store| {
        let mut ids = Vec::new();
        for customer in ["c-1", "c-2", "c-1", "c-1"] {
            let new = reserved(&draft(customer));
            store.save(&new, Timestamp::now() + LEASE).await.unwrap();
            ids.push(new.order.id);
        }
        store.finish(ids[2], &confirmed(), &StoredContext::default()).await.unwrap();
        let list = async |query: ListQuery| {
            let page = store.list(&query).await.unwrap();
            assert!(page.iter().all(|stored| stored.order.items.len() == 2), "whole orders");
            page.iter().map(|stored| stored.order.id).collect::<Vec<_>>()
        };
        let all = ListQuery { limit: 10, ..ListQuery::default() };
        assert_eq!(list(all.clone()).await, [ids[3], ids[2], ids[1], ids[0]]);
        let of_one = ListQuery { customer_id: Some("c-1".parse().unwrap()), ..all.clone() };
        assert_eq!(list(of_one.clone()).await, [ids[3], ids[2], ids[0]]);
        assert_eq!(list(ListQuery { status: Some(OrderStatus::Confirmed), ..of_one }).await, [ids[2]]);
        assert_eq!(list(ListQuery { limit: 2, before: Some(ids[3]), ..all }).await, [ids[2], ids[1]]);
    })
    .await;
}

#[tokio::test]
async fn an_idempotency_key_belongs_to_one_body_and_leads_to_one_order() {
    on_both(async |store| {
        let now = Timestamp::now();
        let (customer, other) = ("c-1".parse().unwrap(), "c-2".parse().unwrap());
        let request = |body: &'static [u8], now: Timestamp| KeyRequest {
            customer: &customer,
            key: "key-1",
            fingerprint: body,
            order_id: OrderId::new(),
            now,
            locked_until: now + LEASE,
            oldest: Timestamp::from_micros(now.as_micros() - 3_600_000_000).unwrap(),
        };
        let first = request(b"body", now);
        let id = first.order_id;
        assert_eq!(store.claim_key(&first).await.unwrap(), KeyClaim::Ours(id));
        assert_eq!(store.claim_key(&request(b"body", now)).await.unwrap(), KeyClaim::Running);
        assert_eq!(store.claim_key(&request(b"other", now)).await.unwrap(), KeyClaim::OtherBody);
        let of_another = KeyRequest { customer: &other, ..request(b"body", now) };
        let claim = store.claim_key(&of_another).await.unwrap();
        assert_eq!(claim, KeyClaim::Ours(of_another.order_id), "another customer's is another key");
        // The first request has died before its order was kept: the next one places it, under the same id.
        let later = now + LEASE + Duration::from_secs(1);
        assert_eq!(store.claim_key(&request(b"body", later)).await.unwrap(), KeyClaim::Ours(id));
        let new = reserved(&Draft { id, ..draft("c-1") });
        store.save(&new, later).await.unwrap();
        assert_eq!(store.claim_key(&request(b"body", later)).await.unwrap(), KeyClaim::Known(id));
        // After its life it is as if it had never been.
        let tomorrow = now + Duration::from_hours(2);
        let fresh = request(b"other", tomorrow);
        assert_eq!(store.claim_key(&fresh).await.unwrap(), KeyClaim::Ours(fresh.order_id));
        assert_eq!(store.forget_keys(tomorrow + LEASE).await.unwrap(), 2);
    })
    .await;
}

#[tokio::test]
async fn of_many_requests_with_one_key_one_wins() {
    on_both(async |store| {
        let now = Timestamp::now();
        let claims = (0..20).map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let customer = "c-1".parse().unwrap();
                let request = KeyRequest {
                    customer: &customer,
                    key: "key-2",
                    fingerprint: b"body",
                    order_id: OrderId::new(),
                    now,
                    locked_until: now + LEASE,
                    oldest: Timestamp::from_micros(0).unwrap(),
                };
                store.claim_key(&request).await.unwrap()
            })
        });
        let mut ours = 0;
        for claim in claims.collect::<Vec<_>>() {
            match claim.await.unwrap() {
                KeyClaim::Ours(_) => ours += 1,
                other => assert_eq!(other, KeyClaim::Running),
            }
        }
        assert_eq!(ours, 1);
    })
    .await;
}
