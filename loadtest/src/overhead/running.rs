//! One arm in one round: four processes and a receiver of their own, alive for the whole round, with load only in slices.

use super::{
    arms::Arm,
    measure::Measured,
    plan::{Pace, Plan},
    platform::{Platform, Programs},
    receiver::Receiver,
};
use crate::{
    cpu,
    generate::{Closed, Load, Until, closed_loop, open_loop},
    mix::Mix,
    schedule::Profile,
    sink::Bytecount,
    tally::{Quantiles, Tally},
};
use std::{error::Error, fmt, time::Duration};

/// Callers of the closed loop: enough to keep two cores busy.
pub(super) const CALLERS: usize = 64;
/// After a slice, for what waits to be exported: more than the batches' delay.
pub(super) const SETTLE: Duration = Duration::from_millis(400);
/// Spans that still come are waited for, for so many times as long.
const SETTLES: usize = 10;

/// An arm that can be measured, and what was measured so far.
pub(super) struct Running {
    pub(super) arm: &'static Arm,
    platform: Platform,
    receiver: Receiver,
    warm_up: Closed,
    at_rate: AtRate,
    saturated: Saturated,
}

/// What a slice is.
#[derive(Clone, Copy)]
pub(super) enum Phase {
    AtRate,
    Saturated,
}

impl Phase {
    pub(super) const ALL: [Self; 2] = [Self::AtRate, Self::Saturated];
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AtRate => "at the fixed rate",
            Self::Saturated => "at saturation",
        })
    }
}

/// The slices at the fixed rate.
#[derive(Default)]
struct AtRate {
    tallies: Vec<Tally>,
    cpu: Duration,
    generator_cpu: Duration,
    sent: Bytecount,
}

/// The slices at saturation.
#[derive(Default)]
struct Saturated {
    orders: u64,
    errors: u64,
    time: Duration,
    cpu: Duration,
}

impl Running {
    /// Starts the arm and warms it up.
    pub(super) async fn start(
        programs: &Programs,
        arm: &'static Arm,
        plan: &Plan,
        seed: u64,
    ) -> Result<Self, Box<dyn Error>> {
        let receiver = Receiver::start().await?;
        let platform = Platform::start(programs, arm, &receiver.addresses).await?;
        let warm_up = closed_loop(&platform.gateway, CALLERS, Until::Orders(plan.warm_up), seed).await;
        tokio::time::sleep(SETTLE).await;
        let (at_rate, saturated) = (AtRate::default(), Saturated::default());
        Ok(Self { arm, platform, receiver, warm_up, at_rate, saturated })
    }

    pub(super) async fn slice(&mut self, phase: Phase, plan: &Plan, seed: u64) -> Result<(), Box<dyn Error>> {
        match phase {
            Phase::AtRate => self.hold_rate(plan, seed).await,
            Phase::Saturated => self.saturate(plan, seed).await,
        }
    }

    async fn hold_rate(&mut self, plan: &Plan, seed: u64) -> Result<(), Box<dyn Error>> {
        let (sent, cpu, own) = (self.receiver.count().await?, self.platform.cpu()?, cpu::own_time());
        self.scrape(true).await?;
        let load = load(plan.pace(self.arm.group), seed);
        let (tally, _) = open_loop(&self.platform.gateway, &load, |_| {}).await;
        self.at_rate.generator_cpu += cpu::own_time().saturating_sub(own);
        tokio::time::sleep(SETTLE).await;
        self.scrape(false).await?;
        self.at_rate.cpu += self.platform.cpu()?.saturating_sub(cpu);
        self.at_rate.sent.add(sent, self.receiver.count().await?);
        self.at_rate.tallies.push(tally);
        Ok(())
    }

    async fn saturate(&mut self, plan: &Plan, seed: u64) -> Result<(), Box<dyn Error>> {
        let cpu = self.platform.cpu()?;
        self.scrape(true).await?;
        let time = Duration::from_secs_f64(plan.saturation_seconds);
        let closed = closed_loop(&self.platform.gateway, CALLERS, Until::Time(time), seed).await;
        self.all_arrived().await?;
        self.scrape(false).await?;
        let all = &mut self.saturated;
        all.cpu += self.platform.cpu()?.saturating_sub(cpu);
        all.orders += closed.orders;
        all.errors += closed.errors;
        all.time += closed.time;
        Ok(())
    }

    /// As long as it has load, or each arm would be scraped for as long as all others have it.
    async fn scrape(&self, on: bool) -> Result<(), Box<dyn Error>> {
        let targets = if on && self.arm.is_scraped() { self.platform.admins() } else { Vec::new() };
        self.receiver.scrape(targets).await
    }

    /// Waits until no more spans come.
    async fn all_arrived(&self) -> Result<(), Box<dyn Error>> {
        let mut arrived = self.receiver.count().await?.spans;
        for _ in 0..SETTLES {
            tokio::time::sleep(SETTLE).await;
            let now = self.receiver.count().await?.spans;
            if now == arrived {
                break;
            }
            arrived = now;
        }
        Ok(())
    }

    /// Ends the arm; what was measured of it in this round.
    pub(super) async fn end(self, round: u16) -> Result<Measured, Box<dyn Error>> {
        let arrived = self.receiver.count().await?.spans as f64;
        let resident = self.platform.resident()? as f64;
        let counts = self.platform.own_counts().await;
        let Self { arm, platform, receiver, warm_up, at_rate, saturated } = self;
        platform.end().await;
        receiver.end().await;
        let summaries: Vec<_> = at_rate.tallies.iter().map(Tally::summary).collect();
        let answered: u64 = summaries.iter().map(|summary| summary.answered).sum();
        let all_orders = warm_up.orders + answered + saturated.orders;
        let errors = warm_up.errors + saturated.errors + summaries.iter().map(|s| s.errors).sum::<u64>();
        worked(errors, all_orders)?;
        let (orders, all_orders) = (answered.max(1) as f64, all_orders as f64);
        let counted =
            |names: &[&str]| names.iter().filter_map(|name| counts.get(*name)).sum::<f64>() / all_orders;
        let latency = Quantiles::together(&at_rate.tallies);
        Ok(Measured {
            arm: arm.name.to_owned(),
            round,
            cpu: micros(at_rate.cpu) / orders,
            cpu_saturated: micros(saturated.cpu) / saturated.orders.max(1) as f64,
            throughput: saturated.orders as f64 / saturated.time.as_secs_f64(),
            p50: latency.p50,
            p99: latency.p99,
            p999: latency.p999,
            resident,
            otlp_bytes: at_rate.sent.otlp as f64 / orders,
            line_bytes: at_rate.sent.lines as f64 / orders,
            metrics_bytes: at_rate.sent.metrics as f64 / orders,
            spans_exported: counted(&["spans exported"]),
            spans_lost: counted(&["spans dropped_queue_full", "spans failed"]),
            lines_lost: counted(&["logs dropped_queue_full", "logs failed"]),
            spans_arrived: arrived / all_orders,
            generator_cpu: micros(at_rate.generator_cpu) / orders,
            errors,
        })
    }
}

/// Figures of a platform that refuses most orders are about something else.
fn worked(errors: u64, orders: u64) -> Result<(), String> {
    if errors * 2 > orders || orders == 0 {
        return Err(format!("{errors} of {orders} orders failed"));
    }
    Ok(())
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
