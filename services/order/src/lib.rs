//! The order service: owns orders and takes each one through reserve, save, charge, confirm.
//!
//! | module | what |
//! |---|---|
//! | [`config`] | settings, checked at the start |
//! | [`http`] | routes, handlers |
//! | [`saga`] | the order saga: its steps, and what undoes them |
//! | `place`, `cancel` | one use case each |
//! | [`background`], `resume` | workers: accepted orders, orders that somebody left |
//! | [`domain`] | an order's states and what it costs |
//! | [`seal`] | cards at rest |
//! | [`store`] | the only SQL |
//! | [`clients`] | the inventory and payment services |
//! | [`audit`] | who did what: delivery of the entries, and acts of operators |
//! | [`events`] | the relay that publishes `order-events` from the outbox |

pub mod audit;
pub mod background;
mod cancel;
pub mod clients;
pub mod config;
pub mod domain;
pub mod events;
pub mod http;
mod metrics;
mod place;
mod resume;
pub mod saga;
pub mod seal;
pub mod store;

use audit::{AuditRelay, office};
use background::Background;
use clients::{InventoryClient, PaymentClient};
use config::Config;
use events::{BacklogMetrics, Events, dead_letters};
use metrics::OrderMetrics;
use resume::Resumer;
use saga::Saga;
use service_kit::{
    access,
    admin::{self, Health, Readiness},
    edge,
    process::RunError,
    server::{self, Listeners, Terms},
    shutdown::Shutdown,
};
use std::sync::Arc;
use store::Store;
use telemetry::{Telemetry, audit::AuditKey, http_client::HttpClient};

/// `service.name`.
pub const SERVICE: &str = "order-service";

/// Runs until `shutdown`: requests are drained first, then the workers finish what they have begun, then the relay
/// publishes what that has led to, and the audit log is delivered.
pub async fn run(
    config: Config,
    listeners: Listeners,
    telemetry: Telemetry,
    shutdown: Shutdown,
) -> Result<(), RunError> {
    let store = Store::open(&config.database, &telemetry, audit_key(&config)).await?;
    let audit = AuditRelay::new(&config, &store)?;
    let guard = config.access.guard(SERVICE, &telemetry);
    let (events, outbox) = Events::new(&config, &telemetry, &guard, store.outbox())?;
    let http_client = HttpClient::new(&telemetry);
    let saga = Arc::new(Saga {
        inventory: InventoryClient::new(&config, &http_client, &guard),
        payment: PaymentClient::new(&config, &http_client, &guard),
        store: store.clone(),
        metrics: OrderMetrics::new(telemetry.metrics()),
        outbox: outbox.clone(),
        seal: config.seal.clone(),
        lease: config.lease,
        pending_limit: config.pending_limit,
    });
    let (background, workers) = Background::new(&config, saga.clone(), &telemetry);
    let resumer = Resumer::new(&config, saga.clone(), &telemetry);
    let readiness = Readiness::default();
    let app = http::App { saga, background, store: store.clone(), telemetry: telemetry.clone() };
    let routes = access::services(http::router(app), &guard);
    let api = edge::harden(routes, &telemetry, http::OPERATIONS, config.server.request_timeout);
    let backlog = BacklogMetrics::new(telemetry.metrics(), &store, &config);
    let health = StoreHealth { store: store.clone(), backlog };
    let office = dead_letters::router(store.clone(), outbox).merge(office::router(store.clone()));
    let admin = admin::router_with(&telemetry, &readiness, &guard, health, office);

    let (work_trigger, work_stop) = Shutdown::by_hand();
    let (relay_trigger, relay_stop) = Shutdown::by_hand();
    let workers = tokio::spawn(workers.run(work_stop.clone()));
    let resumer = tokio::spawn(resumer.run(work_stop));
    let relay = tokio::spawn(events.run(relay_stop.clone()));
    let audit = tokio::spawn(audit.run(relay_stop));
    let terms = Terms::new(&config.server, &telemetry);
    server::serve(listeners, api, admin, readiness, shutdown, terms).await?;
    work_trigger.stop();
    let worked = tokio::join!(workers, resumer);
    relay_trigger.stop();
    let relayed = tokio::join!(relay, audit);
    if worked.0.is_err() || worked.1.is_err() || relayed.0.is_err() || relayed.1.is_err() {
        tracing::warn!("a worker broke off; what it had begun is in the database");
    }
    store.close().await;
    Ok(())
}

fn audit_key(config: &Config) -> AuditKey {
    config.audit_key.clone().unwrap_or_else(|| {
        tracing::warn!("AUDIT_KEY is not set: nobody can verify what this process writes into the audit log");
        AuditKey::random()
    })
}

struct StoreHealth {
    store: Store,
    backlog: BacklogMetrics,
}

impl Health for StoreHealth {
    async fn check(&self) -> Result<(), String> {
        self.store.check().await
    }

    async fn refresh(&self) {
        self.backlog.refresh().await;
    }
}
