//! One span and one observation for each database transaction (OpenTelemetry semantic conventions for databases).

use crate::{Telemetry, in_span::InSpan, metrics::DbLabels, names::attribute, span};
use std::{error::Error, future::Future, time::Instant};

/// Runs transactions of one database. A cheap handle.
#[derive(Clone)]
pub struct Db {
    telemetry: Telemetry,
    system: &'static str,
}

impl Db {
    /// `system` is the `db.system.name` of the semantic conventions: `sqlite` or `postgresql`.
    pub fn new(telemetry: &Telemetry, system: &'static str) -> Self {
        Self { telemetry: telemetry.clone(), system }
    }

    /// Runs `work`, which is one transaction, in a CLIENT span called `name`. An `Err` fails the span; an outcome
    /// that the business expects, such as too little stock, belongs into `T`.
    ///
    /// Lines, child spans, [`crate::span`] and [`crate::task::spawn`] inside `work` belong to that span. On the direct
    /// pipeline `tracing::Span::current()` is none there, so that the driver does not take it along to its own thread.
    pub async fn run<T, E: Error>(
        &self,
        name: &'static str,
        operation: &'static str,
        collection: &'static str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let span = tracing::info_span!(
            target: "telemetry::db",
            "db",
            otel.name = name,
            otel.kind = "client",
            { attribute::DB_SYSTEM_NAME } = self.system,
            { attribute::DB_OPERATION_NAME } = operation,
            { attribute::DB_COLLECTION_NAME } = collection,
            { attribute::DB_QUERY_SUMMARY } = %format_args!("{operation} {collection}"),
        );
        let work = async {
            let start = Instant::now();
            let result = work.await;
            let labels = DbLabels {
                db_system_name: self.system,
                db_operation_name: operation,
                db_collection_name: collection,
            };
            self.telemetry.metrics().db.observe_ended(&labels, start.elapsed(), result.is_err());
            if let Err(error) = &result {
                span::fail("database_error", &error.to_string());
            }
            // The driver may have taken the span along to its own thread, and hold it for longer than this.
            span::end();
            result
        };
        InSpan::unlent(span, work).await
    }
}
