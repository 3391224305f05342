//! The arithmetic: load, what one takes, how many that makes. Each function says what bounds its part.

use super::inputs::{Figure, Inputs};
use serde::Serialize;

const DAY: f64 = 86_400.0;
const MONTH: f64 = 30.0 * DAY;
/// How often a statement goes to and fro while the last row of the audit chain, and while a product's row, is locked.
const CHAIN_ROUND_TRIPS: f64 = 1.0;
const ROW_ROUND_TRIPS: f64 = 2.0;

/// What is kept of ordinary traces, and of log lines: from 0 to 1.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Shares {
    pub(super) traces: f64,
    pub(super) lines: f64,
}

/// What one rate takes.
#[derive(Serialize)]
pub(super) struct Model {
    pub(super) orders_per_second: f64,
    pub(super) shares: Shares,
    pub(super) parts: Vec<Part>,
    pub(super) flows: Flows,
    pub(super) costs: Vec<Cost>,
}

/// One part of the platform.
#[derive(Serialize)]
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) group: Group,
    pub(super) bound_by: &'static str,
    /// What one of them takes a second, and how much comes.
    pub(super) one_takes: f64,
    pub(super) load: f64,
    pub(super) unit: &'static str,
    /// How many that makes, without those that stand by.
    pub(super) needed: f64,
    /// Processor cores of all of them.
    pub(super) cores: f64,
}

/// What a bill lists.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Group {
    Services,
    Databases,
    Events,
    Traces,
    Logs,
    Metrics,
}

/// Bytes that move and stay.
#[derive(Serialize)]
pub(super) struct Flows {
    pub(super) otlp_bytes_per_second: f64,
    pub(super) kept_spans_per_second: f64,
    pub(super) trace_bytes_per_day: f64,
    pub(super) trace_bytes_stored: f64,
    pub(super) line_bytes_per_second: f64,
    pub(super) log_bytes_per_day: f64,
    pub(super) log_bytes_stored: f64,
    pub(super) rows_per_second: f64,
    pub(super) order_bytes_per_day: f64,
    pub(super) order_bytes_stored: f64,
    pub(super) wal_bytes_per_second: f64,
    pub(super) event_bytes_per_second: f64,
    pub(super) event_bytes_stored: f64,
    pub(super) sampler_memory_bytes: f64,
    pub(super) series: f64,
    pub(super) scrape_bytes_per_second: f64,
    pub(super) metric_bytes_stored: f64,
}

/// A month of one group, in the currency of the prices.
#[derive(Serialize)]
pub(super) struct Cost {
    pub(super) group: Group,
    pub(super) cores: f64,
    pub(super) disk: f64,
    pub(super) traffic: f64,
}

impl Cost {
    pub(super) fn sum(&self) -> f64 {
        self.cores + self.disk + self.traffic
    }
}

impl Model {
    pub(super) fn of(inputs: &Inputs, orders_per_second: f64, shares: Shares) -> Self {
        let rate = Rate { inputs, orders: orders_per_second, shares };
        let services = rate.services();
        let (series, instances) = rate.series(&services);
        let parts: Vec<Part> = services
            .into_iter()
            .chain(rate.databases())
            .chain(rate.telemetry())
            .chain([rate.prometheus(series)])
            .collect();
        let streams = parts.iter().filter(|part| part.group == Group::Events).map(|part| part.needed).sum();
        let flows = rate.flows(series, instances, streams);
        let costs = rate.costs(&parts, &flows);
        Self { orders_per_second, shares, parts, flows, costs }
    }

    pub(super) fn cost(&self) -> f64 {
        self.costs.iter().map(Cost::sum).sum()
    }
}

/// A rate of orders, and what is known of one.
struct Rate<'a> {
    inputs: &'a Inputs,
    orders: f64,
    shares: Shares,
}

impl Rate<'_> {
    fn services(&self) -> Vec<Part> {
        let measured = &self.inputs.measured;
        let cores = self.inputs.assumed.cores_per_instance.value;
        [
            ("gateway", &measured.gateway_cpu),
            ("order service", &measured.order_cpu),
            ("payment service", &measured.payment_cpu),
            ("inventory service", &measured.inventory_cpu),
        ]
        .map(|(name, cpu)| {
            self.by_cpu(name, Group::Services, "its CPU time", cores, cpu.value, (self.orders, "orders/s"))
        })
        .into()
    }

    fn databases(&self) -> Vec<Part> {
        let (measured, assumed) = (&self.inputs.measured, &self.inputs.assumed);
        let hold = |trips: f64| measured.flush.value + trips * assumed.round_trip.value;
        let chain = 1000.0 / (assumed.chained_commits.value * hold(CHAIN_ROUND_TRIPS));
        let row = 1000.0 / (assumed.row_changes.value * hold(ROW_ROUND_TRIPS));
        let hot = self.orders * assumed.hot_sku_share.value;
        let orders = (self.orders, "orders/s");
        // An order database has the cores that its orders need, however many databases the chain makes of it.
        let mut chained = self.by_rate(
            "order databases, as the audit chain is",
            Group::Databases,
            "the chain's last row, locked over a flush",
            chain,
            orders,
            0.0,
        );
        chained.cores = chained.needed.max(self.database("", &measured.order_commits).cores);
        // It would stand in for the one above: it is shown, and not paid for twice.
        let unchained = Part {
            cores: 0.0,
            ..self.database("order databases, the chain in batches", &measured.order_commits)
        };
        vec![
            chained,
            unchained,
            self.database("payment databases", &measured.payment_commits),
            self.database("inventory databases", &measured.inventory_commits),
            self.by_rate(
                "rows of the most wanted product",
                Group::Databases,
                "a row, locked over a flush",
                row,
                (hot, "orders/s of it"),
                0.0,
            ),
        ]
    }

    /// Of the CPU time of all databases, one has its share by commits.
    fn database(&self, name: &'static str, commits: &Figure) -> Part {
        let measured = &self.inputs.measured;
        let all =
            measured.order_commits.value + measured.payment_commits.value + measured.inventory_commits.value;
        let cpu = measured.database_cpu.value * commits.value / all;
        let cores = self.inputs.assumed.cores_per_database.value;
        self.by_cpu(name, Group::Databases, "its CPU time", cores, cpu, (self.orders, "orders/s"))
    }

    fn telemetry(&self) -> Vec<Part> {
        let (measured, assumed) = (&self.inputs.measured, &self.inputs.assumed);
        let spans = (self.orders * measured.spans.value, "spans/s");
        let lines = self.orders * measured.lines.value * self.shares.lines;
        let shipped = (lines, "lines/s");
        let events = (self.orders * measured.events.value, "events/s");
        let cores = assumed.cores_per_instance.value;
        let node = assumed.cores_per_node.value;
        // Each copy is indexed by itself.
        let copies = assumed.copies.value;
        let kept = (self.kept_spans() * copies, "kept spans/s");
        let indexed = (lines * copies, "lines/s");
        let balancer = measured.collector_cpu.value * assumed.balancer_share.value;
        vec![
            self.by_rate(
                "streams of NATS",
                Group::Events,
                "replicated writes",
                assumed.stream_events.value,
                events,
                assumed.event_copies.value,
            ),
            self.by_cpu("Collectors that balance", Group::Traces, "its CPU time", cores, balancer, spans),
            self.by_cpu(
                "Collectors that sample",
                Group::Traces,
                "its CPU time",
                cores,
                measured.collector_cpu.value,
                spans,
            ),
            self.by_cpu(
                "nodes of the trace store",
                Group::Traces,
                "its CPU time, for each copy",
                node,
                measured.trace_store_cpu.value,
                kept,
            ),
            self.by_cpu("Logstash", Group::Logs, "its CPU time", cores, assumed.logstash_cpu.value, shipped),
            self.by_rate(
                "nodes of the log store",
                Group::Logs,
                "indexing, for each copy",
                assumed.log_node_lines.value,
                indexed,
                node,
            ),
        ]
    }

    fn prometheus(&self, series: f64) -> Part {
        let assumed = &self.inputs.assumed;
        let bound = "series in memory";
        let mut part = self.by_rate(
            "Prometheus",
            Group::Metrics,
            bound,
            assumed.series_per_server.value,
            (series, "series"),
            0.0,
        );
        part.cores = part.needed * assumed.cores_per_node.value;
        part
    }

    /// So many cores, so busy, of which each unit takes some microseconds.
    fn by_cpu(
        &self,
        name: &'static str,
        group: Group,
        bound_by: &'static str,
        cores: f64,
        micros: f64,
        (load, unit): (f64, &'static str),
    ) -> Part {
        let one_takes = cores * self.inputs.assumed.utilisation.value * 1e6 / micros;
        let needed = (load / one_takes).ceil();
        Part { name, group, bound_by, one_takes, load, unit, needed, cores: load / one_takes * cores }
    }

    /// So many a second at most, of which a share is used.
    fn by_rate(
        &self,
        name: &'static str,
        group: Group,
        bound_by: &'static str,
        most: f64,
        (load, unit): (f64, &'static str),
        cores: f64,
    ) -> Part {
        let one_takes = most * self.inputs.assumed.utilisation.value;
        let needed = (load / one_takes).ceil();
        Part { name, group, bound_by, one_takes, load, unit, needed, cores: needed * cores }
    }

    /// Those that failed or were slow are all kept, and a share of the others.
    fn kept_spans(&self) -> f64 {
        let failing = self.inputs.assumed.failing_share.value;
        self.orders * self.inputs.measured.spans.value * (failing + (1.0 - failing) * self.shares.traces)
    }

    /// Every instance has its own. How many series, of how many instances.
    fn series(&self, services: &[Part]) -> (f64, f64) {
        let measured = &self.inputs.measured;
        let each = [
            &measured.gateway_series,
            &measured.order_series,
            &measured.payment_series,
            &measured.inventory_series,
        ];
        let series = services.iter().zip(each).map(|(part, series)| part.needed * series.value).sum();
        (series, services.iter().map(|part| part.needed).sum())
    }

    fn flows(&self, series: f64, instances: f64, streams: f64) -> Flows {
        let (measured, assumed) = (&self.inputs.measured, &self.inputs.assumed);
        let (copies, orders) = (assumed.copies.value, self.orders);
        let trace_day = self.kept_spans() * DAY * measured.trace_store_bytes.value * copies;
        let lines = orders * measured.lines.value * self.shares.lines;
        let log_day = lines * DAY * assumed.log_store_bytes.value * copies;
        let bytes =
            measured.order_bytes.value + measured.payment_bytes.value + measured.inventory_bytes.value;
        let rows = measured.order_rows.value + measured.payment_rows.value + measured.inventory_rows.value;
        let order_day = orders * DAY * bytes * copies;
        let samples = series / assumed.scrape_interval.value;
        Flows {
            otlp_bytes_per_second: orders * measured.spans.value * measured.span_bytes.value,
            kept_spans_per_second: self.kept_spans(),
            trace_bytes_per_day: trace_day,
            trace_bytes_stored: trace_day * assumed.trace_retention.value,
            line_bytes_per_second: lines * measured.line_bytes.value,
            log_bytes_per_day: log_day,
            log_bytes_stored: log_day * assumed.log_retention.value,
            rows_per_second: orders * rows,
            order_bytes_per_day: order_day,
            order_bytes_stored: order_day * assumed.order_retention.value,
            wal_bytes_per_second: orders * measured.wal_bytes.value,
            event_bytes_per_second: orders * measured.events.value * measured.event_bytes.value,
            event_bytes_stored: streams * assumed.stream_bytes.value * assumed.event_copies.value,
            sampler_memory_bytes: orders
                * measured.spans.value
                * assumed.decision_wait.value
                * assumed.span_memory.value,
            series,
            scrape_bytes_per_second: instances * measured.scrape_bytes.value / assumed.scrape_interval.value,
            metric_bytes_stored: samples * assumed.sample_bytes.value * DAY * assumed.metric_retention.value,
        }
    }

    fn costs(&self, parts: &[Part], flows: &Flows) -> Vec<Cost> {
        let (prices, assumed) = (&self.inputs.prices, &self.inputs.assumed);
        let gigabytes = |bytes: f64| bytes / 1e9;
        let of = |group: Group, stored: f64, moved: f64| Cost {
            group,
            cores: parts.iter().filter(|part| part.group == group).map(|part| part.cores).sum::<f64>()
                * prices.core.value,
            disk: gigabytes(stored) * prices.disk.value,
            traffic: gigabytes(moved * MONTH) * assumed.between_zones.value * prices.traffic.value,
        };
        let copies = assumed.copies.value;
        // Bytes that go to another machine, and to each copy of it: an event to the stream's leader, from there to its
        // other copies and to the receiver; spans to a balancer and a sampler; lines to Logstash.
        let events = flows.event_bytes_per_second * (assumed.event_copies.value + 1.0);
        let kept = flows.kept_spans_per_second * self.inputs.measured.span_bytes.value * copies;
        let spans = flows.otlp_bytes_per_second * 2.0 + kept;
        let lines = flows.line_bytes_per_second * (1.0 + copies);
        vec![
            of(Group::Services, 0.0, 0.0),
            of(Group::Databases, flows.order_bytes_stored, flows.wal_bytes_per_second * (copies - 1.0)),
            of(Group::Events, flows.event_bytes_stored, events),
            of(Group::Traces, flows.trace_bytes_stored, spans),
            of(Group::Logs, flows.log_bytes_stored, lines),
            of(Group::Metrics, flows.metric_bytes_stored, flows.scrape_bytes_per_second),
        ]
    }
}
