//! How orders are sent.
//!
//! Open loop: each order is sent when it is due, whether or not earlier ones are answered, and its latency begins when
//! it is due. A platform that stalls for a second thus shows a second, not one slow order (the omission that closed
//! loops make). What may be in flight at once is bounded; an order whose turn comes later than it was due is counted
//! as held back, and as dropped when it waited for longer than an answer may take.

use crate::{
    client::{Client, TraceParent},
    mix::{Kind, Mix},
    schedule::Profile,
    tally::{Done, Tally},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinSet,
    time::interval,
};

/// Between the call and the first order, so that the first one is not late.
const LEAD: Duration = Duration::from_millis(20);
/// A ramp that is so far behind has found the limit.
const FAR_BEHIND: Duration = Duration::from_secs(1);

/// An open loop.
pub(crate) struct Load {
    pub(crate) profile: Profile,
    pub(crate) warm_up: Duration,
    /// Arrivals by chance instead of evenly spread.
    pub(crate) poisson: bool,
    pub(crate) mix: Mix,
    pub(crate) in_flight: usize,
    pub(crate) timeout: Duration,
    /// The share of orders that are traced from here.
    pub(crate) traced: f64,
    pub(crate) stop_at_limit: bool,
    pub(crate) seed: u64,
}

/// Hands out the times as they come. A thread of its own with the system's sleep: the runtime's timers are only good to
/// a millisecond.
fn pace(
    start: Instant,
    arrivals: impl Iterator<Item = Duration> + Send + 'static,
    stop: Arc<AtomicBool>,
) -> UnboundedReceiver<Instant> {
    const NAP: Duration = Duration::from_millis(100);
    let (sender, receiver) = unbounded_channel();
    std::thread::spawn(move || {
        for at in arrivals {
            let due = start + at;
            while let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                std::thread::sleep(left.min(NAP));
                if stop.load(Relaxed) {
                    return;
                }
            }
            if stop.load(Relaxed) || sender.send(due).is_err() {
                return;
            }
        }
    });
    receiver
}

struct Floor<'a> {
    client: &'a Client,
    load: &'a Load,
    random: StdRng,
    tasks: JoinSet<Done>,
    /// Due, but there was no place.
    waiting: VecDeque<Instant>,
    stop: Arc<AtomicBool>,
    tally: Tally,
    /// Orders that were traced from here.
    traced: Vec<Done>,
}

/// Sends what the load asks for and waits for the last answer, or stops at Ctrl-C. `watch` sees the tally every second.
pub(crate) async fn open_loop(
    client: &Client,
    load: &Load,
    mut watch: impl FnMut(&Tally),
) -> (Tally, Vec<Done>) {
    let start = Instant::now() + LEAD;
    let stop = Arc::new(AtomicBool::new(false));
    let length = load.profile.duration();
    let arrivals =
        load.profile.clone().after_warm_up(load.warm_up).arrivals(load.poisson.then_some(load.seed));
    let mut due = pace(start, arrivals, stop.clone());
    let mut is_over = false;
    let mut floor = Floor {
        client,
        load,
        random: StdRng::seed_from_u64(load.seed),
        tasks: JoinSet::new(),
        waiting: VecDeque::new(),
        stop,
        tally: Tally::new(start + load.warm_up, length),
        traced: Vec::new(),
    };
    let mut second = interval(Duration::from_secs(1));
    while !is_over || !floor.tasks.is_empty() {
        tokio::select! {
            biased;
            Some(done) = floor.tasks.join_next() => {
                if let Ok(done) = done {
                    floor.ended(done);
                }
            }
            at = due.recv(), if !is_over => match at {
                Some(at) => floor.arrived(at),
                None => is_over = true,
            },
            _ = tokio::signal::ctrl_c() => floor.stop.store(true, Relaxed),
            _ = second.tick() => watch(&floor.tally),
        }
    }
    (floor.tally, floor.traced)
}

impl Floor<'_> {
    fn arrived(&mut self, due: Instant) {
        let is_full = self.tasks.len() >= self.load.in_flight;
        self.tally.is_due(due, is_full);
        if is_full {
            self.waiting.push_back(due);
        } else {
            self.launch(due);
        }
    }

    fn ended(&mut self, done: Done) {
        self.tally.ended(&done);
        if done.traced.is_some() {
            self.traced.push(done);
        }
        while self.tasks.len() < self.load.in_flight
            && let Some(due) = self.waiting.pop_front()
        {
            let behind = due.elapsed();
            if self.load.stop_at_limit && behind > FAR_BEHIND {
                self.tally.stopped_at_limit = true;
                self.stop.store(true, Relaxed);
            }
            if behind > self.load.timeout || self.stop.load(Relaxed) {
                self.tally.dropped(due);
            } else {
                self.launch(due);
            }
        }
    }

    fn launch(&mut self, due: Instant) {
        let kind = self.load.mix.draw(&mut self.random);
        let body = kind.body(&mut self.random);
        let is_traced = self.load.traced > 0.0 && self.random.random::<f64>() < self.load.traced;
        // Zero is no id.
        let traced = is_traced.then(|| TraceParent {
            trace_id: self.random.random_range(1..=u128::MAX),
            span_id: self.random.random_range(1..=u64::MAX),
        });
        let (client, limit) = (self.client.clone(), self.load.timeout);
        self.tasks.spawn(async move {
            let sent = Instant::now();
            let result = client.place(body, traced, limit).await;
            Done { kind, due, sent, ended: Instant::now(), result, traced }
        });
        self.tally.most_in_flight = self.tally.most_in_flight.max(self.tasks.len());
    }
}

/// When a closed loop ends.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    Orders(u64),
    Time(Duration),
}

/// What a closed loop did.
pub(crate) struct Closed {
    pub(crate) orders: u64,
    pub(crate) errors: u64,
    pub(crate) time: Duration,
}

/// `places` callers, each of which orders again when it is answered: the throughput at saturation. Its latencies would
/// say nothing, so there are none.
pub(crate) async fn closed_loop(client: &Client, places: usize, until: Until, seed: u64) -> Closed {
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for place in 0..places {
        let client = client.clone();
        let share = match until {
            Until::Orders(orders) => {
                orders / places as u64 + u64::from((place as u64) < orders % places as u64)
            }
            Until::Time(_) => u64::MAX,
        };
        callers.spawn(async move {
            let mut random = StdRng::seed_from_u64(seed.wrapping_add(place as u64));
            let (mut orders, mut errors) = (0, 0);
            while orders < share && !matches!(until, Until::Time(time) if start.elapsed() > time) {
                let body = Kind::Success.body(&mut random);
                let answer = client.place(body, None, Duration::from_secs(10)).await;
                errors += u64::from(answer != Ok(Kind::Success.expected()));
                orders += 1;
            }
            (orders, errors)
        });
    }
    let (mut orders, mut errors) = (0, 0);
    while let Some(caller) = callers.join_next().await {
        let (ordered, failed) = caller.unwrap_or_default();
        orders += ordered;
        errors += failed;
    }
    Closed { orders, errors, time: start.elapsed() }
}

#[cfg(test)]
mod tests;
