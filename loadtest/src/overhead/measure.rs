//! What is measured of an arm in one round, and the rate that it is measured at.

use super::{
    arms::Group,
    plan::Plan,
    platform::Programs,
    running::{Phase, Running},
};
use crate::stats::median;
use serde::{Deserialize, Serialize};
use std::error::Error;

/// Saturation is measured so often for the rate, each time with fresh processes.
pub(super) const CALIBRATIONS: u64 = 3;

/// The figures of one arm in one round. "an order": divided by the orders of that phase.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(super) arm: String,
    pub(super) round: u16,
    /// CPU time of the four services an order, at the fixed rate and at saturation, in microseconds.
    pub(super) cpu: f64,
    pub(super) cpu_saturated: f64,
    /// Orders a second at saturation.
    pub(super) throughput: f64,
    /// Latencies at the fixed rate, from when an order was due, in milliseconds.
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
    /// Resident memory of the four services after it all, in bytes.
    pub(super) resident: f64,
    /// Bytes that left the services an order, at the fixed rate.
    pub(super) otlp_bytes: f64,
    pub(super) line_bytes: f64,
    pub(super) metrics_bytes: f64,
    /// By the services' own counts, over all phases.
    pub(super) spans_exported: f64,
    pub(super) spans_lost: f64,
    pub(super) lines_lost: f64,
    /// By the receiver's count, over all phases.
    pub(super) spans_arrived: f64,
    /// CPU time of the generator an order, at the fixed rate, in microseconds.
    pub(super) generator_cpu: f64,
    /// Orders that did not end as they should.
    pub(super) errors: u64,
}

/// Half of what the group's heaviest arm does at saturation, on this machine now: the median of a few tries.
pub(super) async fn half_of_saturation(
    programs: &Programs,
    group: Group,
    plan: &Plan,
) -> Result<f64, Box<dyn Error>> {
    let mut rates = Vec::new();
    for seed in 0..CALIBRATIONS {
        let mut running = Running::start(programs, group.heaviest(), plan, seed).await?;
        running.slice(Phase::Saturated, plan, seed).await?;
        rates.push(running.end(0).await?.throughput);
    }
    Ok((median(rates) / 2.0).round().max(1.0))
}
