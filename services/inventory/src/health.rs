//! Readiness, and the stock as a metric.

use prometheus_client::encoding::EncodeLabelSet;
use service_kit::admin::Health;
use telemetry::Telemetry;
use telemetry::metrics::Gauge;
use telemetry::names::metric;

use crate::store::Store;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StockLabels {
    sku: String,
    state: &'static str,
}

pub(crate) struct StockHealth {
    store: Store,
    units: Gauge<StockLabels>,
}

impl StockHealth {
    pub(crate) fn new(telemetry: &Telemetry, store: Store) -> Self {
        Self { store, units: telemetry.metrics().gauge(metric::INVENTORY_STOCK_UNITS) }
    }
}

impl Health for StockHealth {
    async fn check(&self) -> Result<(), String> {
        self.store.check().await
    }

    /// Read from the database when somebody asks: a count kept beside it would drift.
    async fn refresh(&self) {
        let Ok(levels) = self.store.levels().await else { return };
        for level in levels {
            let labels = |state| StockLabels { sku: level.sku.clone(), state };
            self.units.set(&labels("available"), level.available);
            self.units.set(&labels("reserved"), level.reserved);
        }
    }
}
