//! What the service keeps, and a span around each transaction. The SQL is in `sqlite` and `postgres`.

mod postgres;
mod sqlite;

use api::ids::OrderId;
use api::payment::ChargeRequest;
use service_kit::database::{DatabaseUrl, OpenError, Schema};
use service_kit::migrations;
use service_kit::postgres::Postgres;
use service_kit::sqlite::Sqlite;
use std::sync::LazyLock;
use telemetry::Telemetry;
use telemetry::db::Db;
use telemetry::names::span_name;

use crate::domain::{Opened, Settled, State};

/// The charges. A cheap handle.
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

/// Its tables.
pub static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema {
    sqlite: migrations!("sqlite": "0001_charges", "0002_refunds"),
    postgres: migrations!("postgres": "0001_charges"),
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

    /// The order's charge, opened if there is none.
    pub async fn open_charge(&self, request: &ChargeRequest) -> Result<Opened> {
        let work = async {
            match &self.tables {
                Tables::Sqlite(db) => sqlite::open(db, request).await,
                Tables::Postgres(db) => postgres::open(db, request).await,
            }
        };
        self.db.run(span_name::CHARGE_OPEN, "INSERT", "charges", work).await
    }

    /// Notes how an open charge ended and tells how it did: what was noted before stands.
    pub async fn close_charge(&self, order: OrderId, state: State) -> Result<Settled> {
        let work = async {
            match &self.tables {
                Tables::Sqlite(db) => sqlite::close(db, order, state).await,
                Tables::Postgres(db) => postgres::close(db, order, state).await,
            }
        };
        self.db.run(span_name::CHARGE_CLOSE, "UPDATE", "charges", work).await
    }

    /// Sees to it that nothing can be charged any more: an open charge becomes void, and so does one that has not
    /// come. Tells what the charge is now; an approved one is still to be given back.
    pub async fn void(&self, order: OrderId) -> Result<Settled> {
        let work = async {
            match &self.tables {
                Tables::Sqlite(db) => sqlite::void(db, order).await,
                Tables::Postgres(db) => postgres::void(db, order).await,
            }
        };
        self.db.run(span_name::CHARGE_VOID, "UPDATE", "charges", work).await
    }

    /// Notes that an approved charge was given back; false when that had been noted before.
    pub async fn refunded(&self, order: OrderId) -> Result<bool> {
        let work = async {
            match &self.tables {
                Tables::Sqlite(db) => sqlite::refunded(db, order).await,
                Tables::Postgres(db) => postgres::refunded(db, order).await,
            }
        };
        self.db.run(span_name::CHARGE_REFUND, "UPDATE", "charges", work).await
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
