//! What the service keeps, and a span around each transaction. The SQL is in [`sqlite`].

mod sqlite;

use api::ids::OrderId;
use api::inventory::Product;
use api::items::{Items, Sku};
use service_kit::sqlite::Sqlite;
use sqlx::migrate::Migrator;
use telemetry::Telemetry;
use telemetry::db::Db;

use crate::domain::{CommitOutcome, ReserveOutcome, Step};

pub(crate) static MIGRATOR: Migrator = sqlx::migrate!("migrations/sqlite");

/// Products, stock and reservations. A cheap handle.
#[derive(Clone)]
pub(crate) struct Store {
    sqlite: Sqlite,
    db: Db,
}

/// The stock of one product.
pub(crate) struct Level {
    pub(crate) sku: String,
    pub(crate) available: i64,
    pub(crate) reserved: i64,
}

type Result<T> = std::result::Result<T, sqlx::Error>;

impl Store {
    pub(crate) fn new(sqlite: Sqlite, telemetry: &Telemetry) -> Self {
        Self { sqlite, db: Db::new(telemetry, "sqlite") }
    }

    /// The catalogue, by SKU.
    pub(crate) async fn products(&self) -> Result<Vec<Product>> {
        self.db.run("product.list", "SELECT", "products", sqlite::products(&self.sqlite)).await
    }

    pub(crate) async fn product(&self, sku: &Sku) -> Result<Option<Product>> {
        self.db.run("product.find", "SELECT", "products", sqlite::product(&self.sqlite, sku)).await
    }

    pub(crate) async fn reserve(&self, order: OrderId, items: &Items) -> Result<ReserveOutcome> {
        let work = sqlite::reserve(&self.sqlite, order, items.as_slice());
        self.db.run("reservation.save", "INSERT", "reservations", work).await
    }

    pub(crate) async fn release(&self, order: OrderId) -> Result<Step> {
        let work = sqlite::release(&self.sqlite, order);
        self.db.run("reservation.release", "UPDATE", "reservations", work).await
    }

    /// Turns the order's reservation into a sale, once for each event.
    pub(crate) async fn commit(&self, source: &str, event: &str, order: OrderId) -> Result<CommitOutcome> {
        let work = sqlite::commit(&self.sqlite, source, event, order);
        self.db.run("reservation.sell", "UPDATE", "reservations", work).await
    }

    /// The stock as a scrape sees it; no span, because no request asks for it.
    pub(crate) async fn levels(&self) -> Result<Vec<Level>> {
        sqlite::levels(&self.sqlite).await
    }

    pub(crate) async fn check(&self) -> std::result::Result<(), String> {
        self.sqlite.check().await
    }

    pub(crate) async fn close(&self) {
        self.sqlite.close().await;
    }
}
