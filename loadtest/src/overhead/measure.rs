//! One arm in one round.

use super::{
    arms::{Arm, Group},
    plan::{Pace, Plan},
    platform::{Platform, Programs},
    receiver::Receiver,
};
use crate::{
    cpu,
    generate::{Closed, Load, Until, closed_loop, open_loop},
    mix::Mix,
    schedule::Profile,
    stats::median,
};
use serde::{Deserialize, Serialize};
use std::{error::Error, time::Duration};

/// Callers of the closed loop: enough to keep two cores busy.
pub(super) const CALLERS: usize = 64;
/// After the last order, for what waits to be exported: more than the batches' delay.
pub(super) const SETTLE: Duration = Duration::from_millis(500);
/// Spans that still come are waited for, for so many times as long.
const SETTLES: usize = 10;
/// Saturation is measured so often for the rate, each time with fresh processes.
pub(super) const CALIBRATIONS: usize = 3;

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
    receiver: &Receiver,
) -> Result<f64, Box<dyn Error>> {
    let mut rates = Vec::new();
    for seed in 0..CALIBRATIONS {
        let platform = Platform::start(programs, group.heaviest(), &receiver.addresses).await?;
        closed_loop(&platform.gateway, CALLERS, Until::Orders(plan.warm_up), seed as u64).await;
        let closed = saturate(&platform, plan, seed as u64).await;
        worked(&[closed.errors], closed.orders)?;
        rates.push(closed.orders as f64 / closed.time.as_secs_f64());
    }
    Ok((median(rates) / 2.0).round().max(1.0))
}

async fn saturate(platform: &Platform, plan: &Plan, seed: u64) -> Closed {
    let time = Duration::from_secs_f64(plan.saturation_seconds);
    closed_loop(&platform.gateway, CALLERS, Until::Time(time), seed).await
}

/// Figures of a platform that refuses most orders are about something else.
fn worked(errors: &[u64], orders: u64) -> Result<(), String> {
    let errors: u64 = errors.iter().sum();
    if errors * 2 > orders || orders == 0 {
        return Err(format!("{errors} of {orders} orders failed"));
    }
    Ok(())
}

/// Starts an arm, measures it, and ends it.
pub(super) async fn once(
    programs: &Programs,
    arm: &Arm,
    round: u16,
    plan: &Plan,
    receiver: &Receiver,
) -> Result<Measured, Box<dyn Error>> {
    let pace = plan.pace(arm.group);
    let before_all = receiver.count().await?;
    let platform = Platform::start(programs, arm, &receiver.addresses).await?;
    if arm.is_scraped() {
        receiver.scrape(platform.admins()).await?;
    }
    let seed = u64::from(round);
    let warm_up = closed_loop(&platform.gateway, CALLERS, Until::Orders(plan.warm_up), seed).await;
    tokio::time::sleep(SETTLE).await;

    let (cpu_before, own_before, bytes_before) = (platform.cpu()?, cpu::own_time(), receiver.count().await?);
    let (tally, _) = open_loop(&platform.gateway, &load(pace, seed), |_| {}).await;
    let own = cpu::own_time().saturating_sub(own_before);
    tokio::time::sleep(SETTLE).await;
    let (cpu_between, bytes) = (platform.cpu()?, receiver.count().await?);
    let summary = tally.summary();

    let closed = saturate(&platform, plan, seed).await;
    let arrived = all_arrived(receiver).await? - before_all.spans;
    let cpu_after = platform.cpu()?;
    let resident = platform.resident()? as f64;
    let counts = platform.own_counts().await;
    receiver.scrape(Vec::new()).await?;

    let all_orders = warm_up.orders + summary.answered + closed.orders;
    let errors = [warm_up.errors, summary.errors, closed.errors];
    worked(&errors, all_orders)?;
    let orders = summary.answered.max(1) as f64;
    let an_order = |before: u64, after: u64| (after - before) as f64 / orders;
    let counted =
        |names: &[&str]| names.iter().filter_map(|name| counts.get(*name)).sum::<f64>() / all_orders as f64;
    Ok(Measured {
        arm: arm.name.to_owned(),
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
        spans_arrived: arrived as f64 / all_orders as f64,
        generator_cpu: micros(own) / orders,
        errors: errors.iter().sum(),
    })
}

/// Waits until no more spans come; how many have come to the receiver since it began.
async fn all_arrived(receiver: &Receiver) -> Result<u64, Box<dyn Error>> {
    let mut arrived = receiver.count().await?.spans;
    for _ in 0..SETTLES {
        tokio::time::sleep(SETTLE).await;
        let now = receiver.count().await?.spans;
        if now == arrived {
            break;
        }
        arrived = now;
    }
    Ok(arrived)
}

fn load(pace: Pace, seed: u64) -> Load {
    Load {
        profile: Profile::steady(pace.rate, Duration::from_secs_f64(f64::from(pace.orders) / pace.rate)),
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
