//! What the model starts from.

use serde::Deserialize;

/// docs/scale-inputs.json.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Inputs {
    /// Where and when the measured figures were measured.
    pub(super) machine: String,
    pub(super) date: String,
    pub(super) measured: Measured,
    pub(super) assumed: Assumed,
    pub(super) prices: Prices,
}

/// A figure with its unit, and where it comes from: a command, or a reason.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Figure {
    pub(super) value: f64,
    pub(super) unit: String,
    pub(super) source: String,
}

/// Declares a part of the inputs. All figures of it have to be in the file, and no others.
macro_rules! figures {
    ($(#[$doc:meta])* $name:ident { $($figure:ident,)* }) => {
        $(#[$doc])*
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name { $(pub(super) $figure: Figure,)* }

        impl $name {
            /// By name, in this order.
            pub(super) fn all(&self) -> Vec<(&'static str, &Figure)> {
                vec![$((stringify!($figure), &self.$figure),)*]
            }
        }
    };
}

figures! {
    /// By a command of this repository.
    Measured {
        gateway_cpu,
        order_cpu,
        payment_cpu,
        inventory_cpu,
        database_cpu,
        order_commits,
        payment_commits,
        inventory_commits,
        order_rows,
        payment_rows,
        inventory_rows,
        order_bytes,
        payment_bytes,
        inventory_bytes,
        wal_bytes,
        flush,
        events,
        event_bytes,
        spans,
        span_bytes,
        lines,
        line_bytes,
        gateway_series,
        order_series,
        payment_series,
        inventory_series,
        scrape_bytes,
        collector_cpu,
        trace_store_cpu,
        trace_store_bytes,
    }
}

figures! {
    /// What depends on somebody else's machines, customers and wishes.
    Assumed {
        utilisation,
        cores_per_instance,
        cores_per_database,
        cores_per_node,
        round_trip,
        chained_commits,
        row_changes,
        hot_sku_share,
        stream_events,
        stream_bytes,
        event_copies,
        failing_share,
        balancer_share,
        decision_wait,
        span_memory,
        logstash_cpu,
        log_node_lines,
        log_store_bytes,
        copies,
        order_retention,
        trace_retention,
        log_retention,
        metric_retention,
        scrape_interval,
        sample_bytes,
        series_per_server,
        between_zones,
    }
}

figures! {
    /// Of a unit, for a month.
    Prices { core, disk, traffic, }
}

impl Inputs {
    /// All figures by part, for people.
    pub(super) fn parts(&self) -> [(&'static str, Vec<(&'static str, &Figure)>); 3] {
        [("measured", self.measured.all()), ("assumed", self.assumed.all()), ("price", self.prices.all())]
    }
}
