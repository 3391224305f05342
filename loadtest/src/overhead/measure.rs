//! One arm in one round.

use super::{
    arms::{self, Arm},
    platform::Platform,
    receiver::Receiver,
};
use crate::{
    cli::OverheadOptions,
    cpu,
    generate::{Load, Until, closed_loop, open_loop},
    mix::Mix,
    schedule::Profile,
};
use serde::Serialize;
use std::{error::Error, path::Path, time::Duration};

/// Callers of the closed loop: enough to keep two cores busy.
pub(super) const CALLERS: usize = 64;
/// After the last order, for what waits to be exported: more than the batches' delay.
const SETTLE: Duration = Duration::from_millis(500);

/// What each round does.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Plan {
    pub(super) rounds: u16,
    pub(super) orders: u32,
    /// Orders a second; zero until it is calibrated.
    pub(super) rate: f64,
    pub(super) warm_up: u64,
    pub(super) saturation_seconds: f64,
}

impl Plan {
    pub(super) fn of(options: &OverheadOptions) -> Self {
        let (rounds, orders, warm_up, saturation_seconds) =
            if options.quick { (3, 300, 200, 0.5) } else { (12, 2000, 1000, 2.0) };
        Self {
            rounds: options.rounds.unwrap_or(rounds),
            orders: options.orders.unwrap_or(orders),
            rate: options.rate.unwrap_or_default(),
            warm_up,
            saturation_seconds,
        }
    }

    fn saturation(&self) -> Until {
        Until::Time(Duration::from_secs_f64(self.saturation_seconds))
    }
}

/// The figures of one arm in one round. "an order": divided by the orders of that phase.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    pub(super) arm: &'static str,
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
    /// CPU time of the generator an order, at the fixed rate, in microseconds.
    pub(super) generator_cpu: f64,
    /// Orders that did not end as they should.
    pub(super) errors: u64,
}

/// Half of what the platform with everything on does at saturation, on this machine now.
pub(super) async fn half_of_saturation(
    program: &Path,
    plan: &Plan,
    receiver: &Receiver,
) -> Result<f64, Box<dyn Error>> {
    let platform = Platform::start(program, &arms::everything(), &receiver.addresses).await?;
    closed_loop(&platform.gateway, CALLERS, Until::Orders(plan.warm_up), 0).await;
    let closed = closed_loop(&platform.gateway, CALLERS, plan.saturation(), 1).await;
    Ok((closed.orders as f64 / closed.time.as_secs_f64() / 2.0).round().max(1.0))
}

/// Starts an arm, measures it, and ends it.
pub(super) async fn once(
    program: &Path,
    arm: &Arm,
    round: u16,
    plan: &Plan,
    receiver: &Receiver,
) -> Result<Measured, Box<dyn Error>> {
    let platform = Platform::start(program, arm, &receiver.addresses).await?;
    if arm.is_scraped() {
        receiver.scrape(platform.admins()).await?;
    }
    let seed = u64::from(round);
    let warm_up = closed_loop(&platform.gateway, CALLERS, Until::Orders(plan.warm_up), seed).await;
    tokio::time::sleep(SETTLE).await;

    let (cpu_before, own_before, bytes_before) = (platform.cpu()?, cpu::own_time(), receiver.count().await?);
    let (tally, _) = open_loop(&platform.gateway, &load(plan, seed), |_| {}).await;
    let own = cpu::own_time().saturating_sub(own_before);
    tokio::time::sleep(SETTLE).await;
    let (cpu_between, bytes) = (platform.cpu()?, receiver.count().await?);
    let summary = tally.summary();

    let closed = closed_loop(&platform.gateway, CALLERS, plan.saturation(), seed).await;
    tokio::time::sleep(SETTLE).await;
    let cpu_after = platform.cpu()?;
    let resident = platform.resident()? as f64;
    let counts = platform.own_counts().await;
    receiver.scrape(Vec::new()).await?;

    let orders = summary.answered.max(1) as f64;
    let all_orders = (warm_up.orders + summary.answered + closed.orders) as f64;
    let an_order = |before: u64, after: u64| (after - before) as f64 / orders;
    let counted =
        |names: &[&str]| names.iter().filter_map(|name| counts.get(*name)).sum::<f64>() / all_orders;
    Ok(Measured {
        arm: arm.name,
        round,
        cpu: micros(cpu_between.saturating_sub(cpu_before)) / orders,
        cpu_saturated: micros(cpu_after.saturating_sub(cpu_between)) / closed.orders.max(1) as f64,
        throughput: closed.orders as f64 / closed.time.as_secs_f64(),
        p50: summary.latency.p50,
        p99: summary.latency.p99,
        p999: summary.latency.p999,
        resident,
        otlp_bytes: an_order(bytes_before.otlp, bytes.otlp),
        line_bytes: an_order(bytes_before.lines, bytes.lines),
        metrics_bytes: an_order(bytes_before.metrics, bytes.metrics),
        spans_exported: counted(&["spans exported"]),
        spans_lost: counted(&["spans dropped_queue_full", "spans failed"]),
        lines_lost: counted(&["logs dropped_queue_full", "logs failed"]),
        generator_cpu: micros(own) / orders,
        errors: warm_up.errors + summary.errors + closed.errors,
    })
}

fn load(plan: &Plan, seed: u64) -> Load {
    Load {
        profile: Profile::steady(plan.rate, Duration::from_secs_f64(f64::from(plan.orders) / plan.rate)),
        warm_up: Duration::ZERO,
        poisson: false,
        mix: Mix::GOOD,
        in_flight: 256,
        timeout: Duration::from_secs(10),
        traced: 0.0,
        stop_at_limit: false,
        seed,
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
