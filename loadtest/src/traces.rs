//! The same orders from both sides: the latency that the client saw beside the one the gateway's span holds.

use crate::{
    client::Client,
    tally::{Done, Quantiles},
};
use serde::Serialize;
use serde_json::Value;
use std::time::{Duration, Instant};

/// So many orders are looked up.
const SAMPLE: usize = 200;
/// So many of them, the slowest, are named.
const NAMED: usize = 10;
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
    traced.sort_by_key(|done| std::cmp::Reverse(done.ended.duration_since(done.sent)));
    // The slowest, and an even sample of the others.
    let step = (all / SAMPLE).max(1);
    let chosen: Vec<&Done> = traced
        .iter()
        .enumerate()
        .filter(|(n, _)| *n < NAMED || n % step == 0)
        .map(|(_, done)| done)
        .collect();
    let mut seen = Vec::new();
    let end = Instant::now() + PATIENCE;
    for done in &chosen {
        let Some(parent) = done.traced else { continue };
        let id = format!("{:032x}", parent.trace_id);
        let Some(server) = server_time(observatory, &id, end).await else { continue };
        let client = done.ended.duration_since(done.sent);
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
    }
}

async fn server_time(observatory: &Client, id: &str, end: Instant) -> Option<Duration> {
    loop {
        if let Ok((200, body)) = observatory.get(&format!("/api/traces/{id}"), ONE_LOOK).await
            && let Some(time) = serde_json::from_slice(&body).ok().as_ref().and_then(root_time)
        {
            return Some(time);
        }
        if Instant::now() > end {
            return None;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// In Jaeger's JSON, the duration of the span whose parent is not in the trace: its parent is this program.
fn root_time(answer: &Value) -> Option<Duration> {
    let spans = answer.pointer("/data/0/spans")?.as_array()?;
    let is_here = |id: &Value| spans.iter().any(|span| span.get("spanID") == Some(id));
    let root = spans.iter().find(|span| {
        let parents = span.get("references").and_then(Value::as_array).into_iter().flatten();
        parents.filter_map(|parent| parent.get("spanID")).all(|id| !is_here(id))
    })?;
    root.get("duration")?.as_u64().map(Duration::from_micros)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_root_is_the_span_whose_parent_is_elsewhere() {
        let parent = |id: &str| json!([{ "refType": "CHILD_OF", "traceID": "t", "spanID": id }]);
        let answer = json!({ "data": [{ "spans": [
            { "spanID": "b", "duration": 700, "references": parent("a") },
            { "spanID": "a", "duration": 1500, "references": parent("of-the-client") },
        ] }] });
        assert_eq!(root_time(&answer), Some(Duration::from_micros(1500)));
        assert_eq!(root_time(&json!({ "data": [] })), None);
    }
}
