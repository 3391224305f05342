//! What the service keeps, and a span around each transaction. The SQL is in [`sqlite`].

mod sqlite;

use api::ids::{OrderId, TransactionId};
use api::payment::ChargeRequest;
use service_kit::sqlite::Sqlite;
use sqlx::migrate::Migrator;
use telemetry::Telemetry;
use telemetry::db::Db;

use crate::domain::State;

pub(crate) static MIGRATOR: Migrator = sqlx::migrate!("migrations/sqlite");

/// The charges. A cheap handle.
#[derive(Clone)]
pub(crate) struct Store {
    sqlite: Sqlite,
    db: Db,
}

/// What the order's charge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opened {
    /// This one, opened now or by an earlier request for the same amount and card.
    Charge {
        /// Its name, which the processor is told.
        transaction: TransactionId,
        /// How far it has come.
        state: State,
    },
    /// One for another amount or card.
    OtherCharge,
}

type Result<T> = std::result::Result<T, sqlx::Error>;

impl Store {
    pub(crate) fn new(sqlite: Sqlite, telemetry: &Telemetry) -> Self {
        Self { sqlite, db: Db::new(telemetry, "sqlite") }
    }

    /// The order's charge, opened if there is none.
    pub(crate) async fn open(&self, request: &ChargeRequest) -> Result<Opened> {
        self.db.run("charge.open", "INSERT", "charges", sqlite::open(&self.sqlite, request)).await
    }

    /// Notes how an open charge ended and tells how it did: an answer that was noted before stands.
    pub(crate) async fn close_charge(&self, order: OrderId, state: State) -> Result<State> {
        self.db.run("charge.close", "UPDATE", "charges", sqlite::close(&self.sqlite, order, state)).await
    }

    pub(crate) async fn check(&self) -> std::result::Result<(), String> {
        self.sqlite.check().await
    }

    pub(crate) async fn close(&self) {
        self.sqlite.close().await;
    }
}
