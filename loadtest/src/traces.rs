//! The same orders from both sides: the latency that the client saw beside the one the gateway's span holds.

mod own_time;

use crate::{
    client::{Client, TraceParent},
    mix::Kind,
    tally::{Done, Quantiles},
};
pub(crate) use own_time::OwnTime;
use serde::Serialize;
use serde_json::Value;
use std::time::{Duration, Instant};

/// So many orders are looked up.
const SAMPLE: usize = 200;
/// So many of them, the slowest, are named.
const NAMED: usize = 10;
/// And so many of the slowest hundredth, to see where their time went.
const MOST_IN_TAIL: usize = 100;
/// How long all spans together may be on their way.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);
const ONE_LOOK: Duration = Duration::from_secs(2);

/// Times in milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    pub(crate) traced: usize,
    pub(crate) looked_up: usize,
    pub(crate) found: usize,
    /// From sending to the answer, as the client saw it.
    pub(crate) client: Quantiles,
    /// The duration of the first span on the server's side.
    pub(crate) server: Quantiles,
    /// The difference: connection, network, both queues, and reading the answer.
    pub(crate) between: Quantiles,
    pub(crate) slowest: Vec<Seen>,
    /// `None` where too few of them were found.
    pub(crate) own_times: Option<OwnTimes>,
}

/// Where the time of slow orders goes: see [`own_time`].
#[derive(Debug, Serialize)]
pub(crate) struct OwnTimes {
    /// How many orders these are.
    pub(crate) usual: usize,
    pub(crate) slowest: usize,
    pub(crate) by_operation: Vec<OwnTime>,
}

/// One order from both sides. Times in milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Seen {
    pub(crate) trace: String,
    pub(crate) link: String,
    pub(crate) client: f64,
    pub(crate) server: f64,
}

/// Looks up a sample of the traced orders, the slowest among them.
pub(crate) async fn compare(observatory: &Client, mut traced: Vec<Done>) -> Comparison {
    let all = traced.len();
    traced.sort_by_key(|done| std::cmp::Reverse(latency(done)));
    // The slowest, and an even sample of the others.
    let step = (all / SAMPLE).max(1);
    let mut looks = Looks { observatory, end: Instant::now() + PATIENCE };
    let chosen: Vec<&Done> = traced
        .iter()
        .enumerate()
        .filter(|(n, _)| *n < NAMED || n % step == 0)
        .map(|(_, done)| done)
        .collect();
    let mut seen = Vec::new();
    for done in &chosen {
        let Some((id, server, _)) = looks.at(done).await else { continue };
        let client = latency(done);
        let link = format!("{}/trace/{id}", observatory.base());
        seen.push((client, server, Seen { trace: id, link, client: millis(client), server: millis(server) }));
    }
    Comparison {
        traced: all,
        looked_up: chosen.len(),
        found: seen.len(),
        client: Quantiles::of_times(seen.iter().map(|(client, ..)| *client)),
        server: Quantiles::of_times(seen.iter().map(|(_, server, _)| *server)),
        between: Quantiles::of_times(seen.iter().map(|(client, server, _)| client.saturating_sub(*server))),
        slowest: seen.into_iter().take(NAMED).map(|(.., seen)| seen).collect(),
        own_times: own_times(&mut looks, &traced).await,
    }
}

/// Of the slowest hundredth of the orders that succeeded, beside as many from the middle: other kinds take other ways.
async fn own_times(looks: &mut Looks<'_>, traced: &[Done]) -> Option<OwnTimes> {
    let succeeded: Vec<&Done> = traced.iter().filter(|done| done.kind == Kind::Success).collect();
    let count = (succeeded.len() / 100).clamp(1, MOST_IN_TAIL);
    let middle = (succeeded.len() / 2).saturating_sub(count / 2);
    let some = |from: usize| succeeded.get(from..from + count).unwrap_or_default();
    let (slowest, usual) = (looks.at_all(some(0)).await, looks.at_all(some(middle)).await);
    let by_operation = own_time::compare(&usual, &slowest);
    (!by_operation.is_empty()).then_some(OwnTimes {
        usual: usual.len(),
        slowest: slowest.len(),
        by_operation,
    })
}

/// Looks into the observatory: again and again until the time for all of them is over, then once for each.
struct Looks<'a> {
    observatory: &'a Client,
    end: Instant,
}

impl Looks<'_> {
    async fn at_all(&mut self, orders: &[&Done]) -> Vec<Value> {
        let mut found = Vec::new();
        for done in orders {
            found.extend(self.at(done).await.map(|(.., trace)| trace));
        }
        found
    }

    /// The id, the server's time, and the trace, as soon as its first span is there.
    async fn at(&mut self, done: &Done) -> Option<(String, Duration, Value)> {
        let TraceParent { trace_id, span_id } = done.traced?;
        let (id, client) = (format!("{trace_id:032x}"), format!("{span_id:016x}"));
        loop {
            if let Ok((200, body)) = self.observatory.get(&format!("/api/traces/{id}"), ONE_LOOK).await
                && let Ok(trace) = serde_json::from_slice(&body)
                && let Some(server) = own_time::of_root(&trace, &client)
            {
                return Some((id, server, trace));
            }
            if Instant::now() > self.end {
                return None;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn latency(done: &Done) -> Duration {
    done.ended.duration_since(done.sent)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
