//! `process_*`, as Prometheus client libraries are asked to have them
//! (<https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>).

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet},
    metrics::{MetricType, gauge::ConstGauge},
    registry::Unit,
};
use std::fmt;

/// Reads the process's figures at every scrape.
#[derive(Debug)]
pub(super) struct ProcessCollector;

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let now = metrics_process::collector::collect();
        if let Some(seconds) = now.cpu_seconds_total {
            encoder
                .encode_descriptor(
                    "process_cpu",
                    "CPU time, user and system",
                    Some(&Unit::Seconds),
                    MetricType::Counter,
                )?
                .encode_counter::<NoLabelSet, _, f64>(&seconds, None)?;
        }
        let mut gauge = |name, help, unit: Option<Unit>, value: Option<u64>| match value {
            Some(value) => {
                let value = i64::try_from(value).unwrap_or(i64::MAX);
                ConstGauge::new(value).encode(encoder.encode_descriptor(
                    name,
                    help,
                    unit.as_ref(),
                    MetricType::Gauge,
                )?)
            }
            None => Ok(()),
        };
        gauge("process_resident_memory", "Resident memory", Some(Unit::Bytes), now.resident_memory_bytes)?;
        gauge("process_virtual_memory", "Virtual memory", Some(Unit::Bytes), now.virtual_memory_bytes)?;
        gauge(
            "process_start_time",
            "Start, since the Unix epoch",
            Some(Unit::Seconds),
            now.start_time_seconds,
        )?;
        gauge("process_open_fds", "Open file descriptors", None, now.open_fds)?;
        gauge("process_max_fds", "Limit of open file descriptors", None, now.max_fds)?;
        gauge("process_threads", "Threads of the operating system", None, now.threads)
    }
}
