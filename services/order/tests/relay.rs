//! A relay on an outbox, apart from the rest of the service.

use api::{
    ids::{OrderId, TransactionId},
    items::{Item, Quantity},
    order::{OrderPayment, OrderStatus},
    timestamp::Timestamp,
};
use order::{
    config::Config,
    domain::{Asker, Draft, Outcome, Step},
    events::{BacklogMetrics, Events, OutboxSignal, dead_letters},
    store::{Backlog, Store, StoredOrder},
};
use serde_json::Value;
use service_kit::{
    admin::{self, Health, Readiness},
    process::ServiceConfig,
    shutdown::{Shutdown, Trigger},
};
use std::time::Duration;
use telemetry::{Env, Telemetry, audit::AuditKey, propagation::StoredContext};
use tempfile::TempDir;
use testkit::eventually;
use tokio::{net::TcpListener, task::JoinHandle};
use uuid::Uuid;

/// A database with the store that writes into it.
pub struct Database {
    pub store: Store,
    url: String,
    _folder: Option<TempDir>,
}

/// A relay that runs, with its admin port.
pub struct Relay {
    pub signal: OutboxSignal,
    admin: String,
    trigger: Trigger,
    running: JoinHandle<()>,
}

/// An order in the database, and the trace it belongs to.
pub struct Placed {
    pub id: OrderId,
    pub context: StoredContext,
}

/// Runs a test on a fresh database of each kind.
pub async fn on_both(test: impl AsyncFn(Database)) {
    test(Database::sqlite().await).await;
    if let Some(database) = Database::postgres().await {
        test(database).await;
    }
}

impl Database {
    pub async fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite:{}", folder.path().join("order.db").display());
        Self { store: open(&url).await, url, _folder: Some(folder) }
    }

    pub async fn postgres() -> Option<Self> {
        let url = testkit::Postgres::shared().await?.database().await;
        Some(Self { store: open(&url).await, url, _folder: None })
    }

    /// A confirmed order: its event waits.
    pub async fn confirmed(&self) -> Placed {
        let trace = Uuid::now_v7().simple();
        let context = StoredContext {
            traceparent: format!("00-{trace}-00f067aa0ba902b7-01"),
            tracestate: None,
            baggage: Some("session_id=s-1".to_owned()),
        };
        let item = Item { sku: "TEA-EARL-GREY".parse().unwrap(), quantity: Quantity::try_from(1).unwrap() };
        let draft = Draft {
            id: OrderId::new(),
            customer_id: "c-1042".parse().unwrap(),
            items: vec![item].try_into().unwrap(),
            created_at: Timestamp::now(),
            placed_by: None,
        };
        let new = StoredOrder {
            order: draft.unpriced(OrderStatus::Pending),
            step: Some(Step::Reserve),
            context: context.clone(),
            placed_by: None,
            sealed_card: None,
            problem: None,
            attempts: 0,
        };
        let lease = Timestamp::now() + Duration::from_mins(1);
        self.store.save(&new, lease).await.unwrap();
        let payment = OrderPayment { transaction_id: TransactionId::new(), card_last4: "4242".to_owned() };
        assert!(self.store.finish(draft.id, &Outcome::Confirmed(payment), &context).await.unwrap());
        Placed { id: draft.id, context }
    }

    /// Cancels a confirmed order: another event waits.
    pub async fn cancel(&self, order: &Placed) {
        let lease = Timestamp::now() + Duration::from_mins(1);
        self.store.mark_cancel(order.id, &Asker::default(), lease).await.unwrap();
        assert!(self.store.cancelled(order.id, &order.context).await.unwrap());
    }

    pub async fn relay(&self, events: &str, settings: &[(&str, &str)]) -> Relay {
        let standard = [("DATABASE_URL", self.url.as_str()), ("EVENTS_URL", events)];
        let config = Config::from_env(&Env::from_pairs(standard.iter().chain(settings).copied())).unwrap();
        // An instance of its own, with connections of its own.
        let store = open(&self.url).await;
        let telemetry = Telemetry::for_test(order::SERVICE);
        let guard = config.access.guard(order::SERVICE, &telemetry);
        let (relay, signal) = Events::new(&config, &telemetry, &guard, store.outbox()).unwrap();
        let (trigger, stop) = Shutdown::by_hand();
        let backlog = Watched(BacklogMetrics::new(telemetry.metrics(), &store, &config));
        let office = dead_letters::router(store, signal.clone());
        let router = admin::router_with(&telemetry, &Readiness::default(), &guard, backlog, office);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let admin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, router).into_future());
        Relay { signal, admin, trigger, running: tokio::spawn(relay.run(stop)) }
    }

    /// Waits until every event is delivered or given up.
    pub async fn wait_until_empty(&self) {
        let outbox = self.store.outbox();
        let empty = async || (outbox.backlog().await.unwrap() == Backlog::default()).then_some(());
        eventually("the outbox to be empty", empty).await;
    }
}

impl Relay {
    /// Stops as SIGTERM would.
    pub async fn stop(self) {
        self.trigger.stop();
        self.running.await.unwrap();
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.ask(reqwest::Method::GET, path).await
    }

    pub async fn post(&self, path: &str) -> (u16, Value) {
        self.ask(reqwest::Method::POST, path).await
    }

    /// The dead letters, once there are so many.
    pub async fn dead_letters(&self, count: usize) -> Vec<Value> {
        eventually(&format!("{count} dead letters"), async || {
            let (status, body) = self.get("/admin/dead-letters").await;
            assert_eq!(status, 200, "{body}");
            body["dead_letters"].as_array().filter(|letters| letters.len() == count).cloned()
        })
        .await
    }

    /// The value of a metric on the admin port.
    pub async fn metric(&self, name: &str) -> Option<i64> {
        let (_, text) = self.get("/metrics").await;
        // A metric without labels has an empty set of them.
        let value =
            |line: &str| line.strip_prefix(name)?.strip_prefix("{} ")?.split(' ').next()?.parse().ok();
        text.as_str().unwrap().lines().find_map(value)
    }

    async fn ask(&self, method: reqwest::Method, path: &str) -> (u16, Value) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.request(method, format!("{}{path}", self.admin)).send().await.unwrap();
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

struct Watched(BacklogMetrics);

impl Health for Watched {
    async fn check(&self) -> Result<(), String> {
        Ok(())
    }

    async fn refresh(&self) {
        self.0.refresh().await;
    }
}

async fn open(url: &str) -> Store {
    let env = Env::from_pairs([("DATABASE_URL", url)]);
    let url = service_kit::database::DatabaseUrl::from_env(&env, "").unwrap();
    let telemetry = Telemetry::for_test(order::SERVICE);
    Store::open(&url, &telemetry, AuditKey::random()).await.unwrap()
}
