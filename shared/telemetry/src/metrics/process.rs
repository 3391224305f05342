//! `process_*`, as Prometheus client libraries are asked to have them
//! (<https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>).

use super::descriptor;
use crate::names::metric;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, NoLabelSet},
};
use std::fmt;

/// Reads the process's figures at every scrape.
#[derive(Debug)]
pub(super) struct ProcessCollector;

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let now = metrics_process::collector::collect();
        if let Some(seconds) = now.cpu_seconds_total {
            descriptor(&mut encoder, metric::PROCESS_CPU)?
                .encode_counter::<NoLabelSet, _, f64>(&seconds, None)?;
        }
        let gauges = [
            (metric::PROCESS_RESIDENT_MEMORY, now.resident_memory_bytes),
            (metric::PROCESS_VIRTUAL_MEMORY, now.virtual_memory_bytes),
            (metric::PROCESS_START_TIME, now.start_time_seconds),
            (metric::PROCESS_OPEN_FDS, now.open_fds),
            (metric::PROCESS_MAX_FDS, now.max_fds),
            (metric::PROCESS_THREADS, now.threads),
        ];
        for (metric, value) in gauges {
            let Some(value) = value else { continue };
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            descriptor(&mut encoder, metric)?.encode_gauge(&value)?;
        }
        Ok(())
    }
}
