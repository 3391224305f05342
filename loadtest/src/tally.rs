//! What is recorded of every order: its latency from the moment it was due, how it ended, and all that over time.

use crate::{
    client::{NoAnswer, TraceParent},
    mix::Kind,
};
use hdrhistogram::Histogram;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// At most about so many points over time in a report.
const INTERVALS: u32 = 120;

/// One order that has ended.
pub(crate) struct Done {
    pub(crate) kind: Kind,
    pub(crate) due: Instant,
    pub(crate) sent: Instant,
    pub(crate) ended: Instant,
    pub(crate) result: Result<u16, NoAnswer>,
    pub(crate) traced: Option<TraceParent>,
}

impl Done {
    fn is_error(&self) -> bool {
        self.result != Ok(self.kind.expected())
    }

    fn outcome(&self) -> String {
        let how = match self.result {
            Ok(status) if status == self.kind.expected() => format!("{status}, as expected"),
            Ok(status) => format!("{status}, an error"),
            Err(NoAnswer::TimedOut) => "no answer in time, an error".to_owned(),
            Err(NoAnswer::Broken) => "connection refused or broken, an error".to_owned(),
        };
        format!("{}: {how}", self.kind.name())
    }
}

/// Microseconds, three significant digits.
#[derive(Clone)]
struct Latencies(Histogram<u64>);

impl Latencies {
    fn new(digits: u8) -> Self {
        // Digits up to five are valid; with none at all there would be nothing to record into.
        let histogram = Histogram::new(digits.clamp(1, 3));
        Self(histogram.unwrap_or_else(|_| unreachable!("1 to 3 digits are valid")))
    }

    fn add(&mut self, time: Duration) {
        // Resizes itself; a time beyond 64 bits of microseconds does not come.
        let _ = self.0.record(time.as_micros() as u64);
    }

    fn at(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1e3
    }
}

/// Latencies in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) count: u64,
    pub(crate) mean: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

impl Quantiles {
    fn of(latencies: &Latencies) -> Self {
        let at = |quantile| latencies.at(quantile);
        Self {
            count: latencies.0.len(),
            mean: latencies.0.mean() / 1e3,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: latencies.0.max() as f64 / 1e3,
        }
    }

    /// Latencies of several runs, as if of one.
    pub(crate) fn together(tallies: &[Tally]) -> Self {
        let mut all = Latencies::new(3);
        for tally in tallies {
            // Of the same digits, and `all` resizes itself.
            let _ = all.0.add(&tally.latency.0);
        }
        Self::of(&all)
    }

    pub(crate) fn of_times(times: impl IntoIterator<Item = Duration>) -> Self {
        let mut latencies = Latencies::new(3);
        times.into_iter().for_each(|time| latencies.add(time));
        Self::of(&latencies)
    }
}

/// A stretch of time: what was due in it, and what ended in it.
struct Bucket {
    due: u64,
    ended: u64,
    errors: u64,
    held_back: u64,
    latency: Latencies,
}

/// Everything recorded since the warm-up.
pub(crate) struct Tally {
    zero: Instant,
    length: Duration,
    width: Duration,
    latency: Latencies,
    service: Latencies,
    lateness: Latencies,
    kinds: BTreeMap<Kind, Latencies>,
    outcomes: BTreeMap<String, u64>,
    due: u64,
    unanswered: u64,
    errors: u64,
    held_back: u64,
    dropped: u64,
    last: Instant,
    buckets: Vec<Bucket>,
    pub(crate) most_in_flight: usize,
    pub(crate) stopped_at_limit: bool,
}

impl Tally {
    /// Of what is due from `zero` on, `length` long.
    pub(crate) fn new(zero: Instant, length: Duration) -> Self {
        let whole_seconds = (length / INTERVALS).as_secs_f64().ceil().max(1.0);
        Self {
            zero,
            length,
            width: Duration::from_secs_f64(whole_seconds),
            latency: Latencies::new(3),
            service: Latencies::new(3),
            lateness: Latencies::new(3),
            kinds: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            due: 0,
            unanswered: 0,
            errors: 0,
            held_back: 0,
            dropped: 0,
            last: zero,
            buckets: Vec::new(),
            most_in_flight: 0,
            stopped_at_limit: false,
        }
    }

    fn bucket(&mut self, at: Instant) -> Option<&mut Bucket> {
        let index = (at.saturating_duration_since(self.zero).as_nanos() / self.width.as_nanos()) as usize;
        while self.buckets.len() <= index {
            let latency = Latencies::new(2);
            self.buckets.push(Bucket { due: 0, ended: 0, errors: 0, held_back: 0, latency });
        }
        self.buckets.get_mut(index)
    }

    /// An order is due. `held_back`: as many as may be are in flight.
    pub(crate) fn is_due(&mut self, due: Instant, held_back: bool) {
        if due < self.zero {
            return;
        }
        self.due += 1;
        self.held_back += u64::from(held_back);
        if let Some(bucket) = self.bucket(due) {
            bucket.due += 1;
            bucket.held_back += u64::from(held_back);
        }
    }

    /// An order was given up before it was sent: it waited for a place until its time was over.
    pub(crate) fn dropped(&mut self, due: Instant) {
        if due < self.zero {
            return;
        }
        self.dropped += 1;
        self.errors += 1;
        self.latency.add(due.elapsed());
        if let Some(bucket) = self.bucket(due) {
            bucket.errors += 1;
            bucket.latency.add(due.elapsed());
        }
    }

    /// An order has ended. One without an answer counts with the time it was waited for.
    pub(crate) fn ended(&mut self, done: &Done) {
        if done.due < self.zero {
            return;
        }
        let latency = done.ended.saturating_duration_since(done.due);
        self.latency.add(latency);
        self.service.add(done.ended.saturating_duration_since(done.sent));
        self.lateness.add(done.sent.saturating_duration_since(done.due));
        self.kinds.entry(done.kind).or_insert_with(|| Latencies::new(3)).add(latency);
        *self.outcomes.entry(done.outcome()).or_default() += 1;
        self.last = self.last.max(done.ended);
        let is_error = done.is_error();
        self.errors += u64::from(is_error);
        self.unanswered += u64::from(done.result.is_err());
        if let Some(bucket) = self.bucket(done.due) {
            bucket.errors += u64::from(is_error);
            bucket.latency.add(latency);
        }
        if let Some(bucket) = self.bucket(done.ended) {
            bucket.ended += u64::from(!is_error);
        }
    }

    /// How far it is, for whoever watches: the share of the time that has passed, and the last whole interval.
    pub(crate) fn glance(&self) -> Glance {
        let passed = self.zero.elapsed();
        let before = (passed.as_nanos() / self.width.as_nanos()) as usize;
        let interval =
            before.checked_sub(1).and_then(|index| Some(self.interval(index, self.buckets.get(index)?)));
        Glance { passed: passed.min(self.length), length: self.length, interval, errors: self.errors }
    }

    fn interval(&self, index: usize, bucket: &Bucket) -> Interval {
        let width = self.width.as_secs_f64();
        Interval {
            second: index as f64 * width,
            offered: bucket.due as f64 / width,
            throughput: bucket.ended as f64 / width,
            errors: bucket.errors,
            held_back: bucket.held_back,
            p50: bucket.latency.at(0.5),
            p99: bucket.latency.at(0.99),
            max: bucket.latency.0.max() as f64 / 1e3,
        }
    }

    /// Everything in figures.
    pub(crate) fn summary(&self) -> Summary {
        let whole = (self.length.as_nanos() / self.width.as_nanos()).max(1) as usize;
        let seconds =
            self.last.saturating_duration_since(self.zero).max(Duration::from_millis(1)).as_secs_f64();
        let sent = self.service.0.len();
        let good = (sent + self.dropped).saturating_sub(self.errors);
        Summary {
            due: self.due,
            answered: sent - self.unanswered,
            unanswered: self.unanswered,
            errors: self.errors,
            error_share: self.errors as f64 / self.due.max(1) as f64,
            held_back: self.held_back,
            dropped: self.dropped,
            most_in_flight: self.most_in_flight,
            stopped_at_limit: self.stopped_at_limit,
            seconds,
            throughput: good as f64 / seconds,
            latency: Quantiles::of(&self.latency),
            service: Quantiles::of(&self.service),
            lateness: Quantiles::of(&self.lateness),
            kinds: self.kinds.iter().map(|(kind, all)| (kind.name(), Quantiles::of(all))).collect(),
            outcomes: self.outcomes.clone(),
            distribution: distribution(&self.latency),
            intervals: self
                .buckets
                .iter()
                .take(whole)
                .enumerate()
                .map(|(n, b)| self.interval(n, b))
                .collect(),
        }
    }
}

/// Quantiles that get denser towards 1, up to where a single order decides.
fn distribution(latencies: &Latencies) -> Vec<(f64, f64)> {
    let steps = (0..=50).map(|step| 1.0 - 10_f64.powf(-f64::from(step) / 10.0));
    let count = latencies.0.len() as f64;
    steps.filter(|quantile| (1.0 - quantile) * count >= 1.0).map(|at| (at, latencies.at(at))).collect()
}

/// See [`Tally::glance`].
pub(crate) struct Glance {
    pub(crate) passed: Duration,
    pub(crate) length: Duration,
    pub(crate) interval: Option<Interval>,
    pub(crate) errors: u64,
}

/// Rates in orders a second, latencies in milliseconds.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Interval {
    pub(crate) second: f64,
    pub(crate) offered: f64,
    pub(crate) throughput: f64,
    pub(crate) errors: u64,
    pub(crate) held_back: u64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

/// A run in figures: what the reports show.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Summary {
    pub(crate) due: u64,
    /// Of these were answered at all, sent without an answer, or (`dropped`) not sent.
    pub(crate) answered: u64,
    pub(crate) unanswered: u64,
    pub(crate) errors: u64,
    pub(crate) error_share: f64,
    pub(crate) held_back: u64,
    pub(crate) dropped: u64,
    pub(crate) most_in_flight: usize,
    pub(crate) stopped_at_limit: bool,
    pub(crate) seconds: f64,
    /// Orders answered as expected, a second.
    pub(crate) throughput: f64,
    /// From when an order was due to its answer.
    pub(crate) latency: Quantiles,
    /// From when it was sent to its answer: what a closed loop would report.
    pub(crate) service: Quantiles,
    /// From when it was due to when it was sent: the generator's own delay, and being held back.
    pub(crate) lateness: Quantiles,
    pub(crate) kinds: BTreeMap<&'static str, Quantiles>,
    pub(crate) outcomes: BTreeMap<String, u64>,
    pub(crate) distribution: Vec<(f64, f64)>,
    pub(crate) intervals: Vec<Interval>,
}

#[cfg(test)]
mod tests;
