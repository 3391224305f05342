//! What the service keeps, and a span around each transaction. The SQL is in `sqlite` and `postgres`.

mod postgres;
mod sqlite;

use api::ids::OrderId;
use api::inventory::{Product, Reservation, ReservedItem};
use api::items::{Item, Items, Sku};
use api::timestamp::Timestamp;
use service_kit::database::{DatabaseUrl, OpenError, Schema};
use service_kit::migrations;
use service_kit::postgres::Postgres;
use service_kit::sqlite::Sqlite;
use std::sync::LazyLock;
use telemetry::Telemetry;
use telemetry::db::Db;
use telemetry::names::span_name;

use crate::domain::{Outcome, ReserveOutcome, Wish};

/// Products, stock and reservations. A cheap handle.
#[derive(Clone)]
pub struct Store {
    tables: Tables,
    db: Db,
}

#[derive(Clone)]
enum Tables {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// The stock of one product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// Which product.
    pub sku: String,
    /// Pieces that can be ordered.
    pub available: i64,
    /// Pieces that are put aside for orders.
    pub reserved: i64,
}

/// Its tables.
pub static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema {
    sqlite: migrations!("sqlite": "0001_stock", "0002_sample_catalogue", "0003_reservations_that_end"),
    postgres: migrations!("postgres": "0001_stock", "0002_sample_catalogue"),
});

type Result<T> = std::result::Result<T, sqlx::Error>;

impl Store {
    /// Opens the database, and brings its tables up to date or checks them, as `MIGRATIONS` says.
    pub async fn open(url: &DatabaseUrl, telemetry: &Telemetry) -> std::result::Result<Self, OpenError> {
        let (tables, system) = match url {
            DatabaseUrl::Sqlite(url) => (Tables::Sqlite(Sqlite::open(url, &SCHEMA.sqlite).await?), "sqlite"),
            DatabaseUrl::Postgres(url) => {
                (Tables::Postgres(Postgres::open(url, &SCHEMA.postgres).await?), "postgresql")
            }
        };
        Ok(Self { tables, db: Db::new(telemetry, system) })
    }

    /// The catalogue, by SKU.
    pub async fn products(&self) -> Result<Vec<Product>> {
        let work = async {
            match &self.tables {
                Tables::Sqlite(db) => sqlite::products(db).await,
                Tables::Postgres(db) => postgres::products(db).await,
            }
        };
        self.db.run(span_name::PRODUCT_LIST, "SELECT", "products", work).await
    }

    /// One product of it.
    pub async fn product(&self, sku: &Sku) -> Result<Option<Product>> {
        let work = async {
            match &self.tables {
                Tables::Sqlite(db) => sqlite::product(db, sku).await,
                Tables::Postgres(db) => postgres::product(db, sku).await,
            }
        };
        self.db.run(span_name::PRODUCT_FIND, "SELECT", "products", work).await
    }

    /// Puts all items aside until `expires_at`, or none. Asked again, it answers the same.
    pub async fn reserve(
        &self,
        order: OrderId,
        items: &Items,
        expires_at: Timestamp,
    ) -> Result<ReserveOutcome> {
        let items = items.as_slice();
        let work = async {
            match &self.tables {
                Tables::Sqlite(db) => sqlite::reserve(db, order, items, expires_at).await,
                Tables::Postgres(db) => postgres::reserve(db, order, items, expires_at).await,
            }
        };
        self.db.run(span_name::RESERVATION_SAVE, "INSERT", "reservations", work).await
    }

    /// Gives the stock of an order back that does not come about.
    pub async fn release(&self, order: OrderId) -> Result<Outcome> {
        self.advance(span_name::RESERVATION_RELEASE, order, Wish::Release).await
    }

    /// Turns the order's reservation into a sale.
    pub async fn sell(&self, order: OrderId) -> Result<Outcome> {
        self.advance(span_name::RESERVATION_SELL, order, Wish::Sell).await
    }

    /// Gives the stock of a cancelled order back, sold or not.
    pub async fn take_back(&self, order: OrderId) -> Result<Outcome> {
        self.advance(span_name::RESERVATION_RETURN, order, Wish::Return).await
    }

    async fn advance(&self, name: &'static str, order: OrderId, wish: Wish) -> Result<Outcome> {
        let work = async {
            match &self.tables {
                Tables::Sqlite(db) => sqlite::advance(db, order, wish).await,
                Tables::Postgres(db) => postgres::advance(db, order, wish).await,
            }
        };
        self.db.run(name, "UPDATE", "reservations", work).await
    }

    /// Gives the stock of one reservation back whose time is over by `now`; none when there is none. No span, because
    /// no request asks for it.
    pub async fn expire_one(&self, now: Timestamp) -> Result<Option<OrderId>> {
        match &self.tables {
            Tables::Sqlite(db) => sqlite::expire_one(db, now).await,
            Tables::Postgres(db) => postgres::expire_one(db, now).await,
        }
    }

    /// The stock as a scrape sees it; no span, because no request asks for it.
    pub async fn levels(&self) -> Result<Vec<Level>> {
        match &self.tables {
            Tables::Sqlite(db) => sqlite::levels(db).await,
            Tables::Postgres(db) => postgres::levels(db).await,
        }
    }

    /// Whether the database answers.
    pub async fn check(&self) -> std::result::Result<(), String> {
        match &self.tables {
            Tables::Sqlite(db) => db.check().await,
            Tables::Postgres(db) => db.check().await,
        }
    }

    /// Closes all connections.
    pub async fn close(&self) {
        match &self.tables {
            Tables::Sqlite(db) => db.close().await,
            Tables::Postgres(db) => db.close().await,
        }
    }
}

/// What an order that has reserved before is answered when it asks for `items`.
fn reserved_before(order_id: OrderId, reserved: Vec<ReservedItem>, items: &[Item]) -> ReserveOutcome {
    let same = reserved.len() == items.len()
        && reserved.iter().zip(items).all(|(had, item)| had.sku == item.sku && had.quantity == item.quantity);
    if same {
        ReserveOutcome::Reserved(Reservation { order_id, items: reserved })
    } else {
        ReserveOutcome::OtherItems
    }
}

/// The places of these SKUs in the list of items.
fn places(items: &[Item], skus: &[Sku]) -> Vec<usize> {
    items.iter().enumerate().filter(|(_, item)| skus.contains(&item.sku)).map(|(place, _)| place).collect()
}
