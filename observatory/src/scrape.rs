//! Scrapes the services' `/metrics`, keeps the last of each, and remembers exemplars a while longer: an
//! exemplar stands in an exposition only until the next one falls in its bucket.

mod assemble;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::model::{Histogram, Nanos, SeriesExemplar, TraceId, now};
use crate::openmetrics::{Exposition, Kind};
use crate::stop::Stopping;
use assemble::Scrape;

const INTERVAL: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(1);
/// A body beyond this is not one of ours.
const MAX_BODY: usize = 4 * 1024 * 1024;
/// Exemplars remembered for each metric of each service.
const REMEMBERED: usize = 200;
const ACCEPT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A counter or gauge as last scraped.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Metric name; with `_total` for a counter.
    pub name: String,
    /// The service it was scraped from.
    pub service: String,
    /// What it is.
    pub kind: Kind,
    /// Its labels.
    pub labels: Vec<(String, String)>,
    /// Its value.
    pub value: f64,
    /// Of a counter: the newest increment that had a trace.
    pub exemplar: Option<crate::model::Exemplar>,
}

/// How scraping a target went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Host and port.
    pub address: String,
    /// When it last answered.
    pub scraped_at: Option<Nanos>,
    /// Why the last scrape failed, if it did.
    pub error: Option<&'static str>,
}

/// What the services' `/metrics` say. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Scraped {
    state: Arc<RwLock<State>>,
}

#[derive(Debug, Default)]
struct State {
    targets: BTreeMap<String, (Target, Scrape)>,
    /// Oldest first, by service and metric.
    history: BTreeMap<(String, String), VecDeque<SeriesExemplar>>,
}

impl Scraped {
    fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The histograms of that name (without `_bucket`), of all services.
    pub fn histograms(&self, name: &str) -> Vec<Histogram> {
        self.all_histograms().into_iter().filter(|histogram| histogram.name == name).collect()
    }

    /// All histograms.
    pub fn all_histograms(&self) -> Vec<Histogram> {
        self.read(|state| {
            state.targets.values().flat_map(|(_, scrape)| scrape.histograms.iter().cloned()).collect()
        })
    }

    /// All counters and gauges.
    pub fn series(&self) -> Vec<Series> {
        self.read(|state| {
            state.targets.values().flat_map(|(_, scrape)| scrape.series.iter().cloned()).collect()
        })
    }

    /// The scraped targets, by address.
    pub fn targets(&self) -> Vec<Target> {
        self.read(|state| state.targets.values().map(|(target, _)| target.clone()).collect())
    }

    /// Remembered exemplars of these traces.
    pub fn exemplars_of(&self, traces: &[TraceId]) -> Vec<SeriesExemplar> {
        let wanted: HashSet<_> = traces.iter().collect();
        self.read(|state| {
            let all = state.history.values().flatten();
            all.filter(|exemplar| wanted.contains(&exemplar.exemplar.trace_id)).cloned().collect()
        })
    }

    /// Remembered exemplars of the metric, oldest first for each service.
    pub fn exemplar_history(&self, name: &str) -> Vec<SeriesExemplar> {
        self.read(|state| {
            let of_metric = state.history.iter().filter(|((_, metric), _)| metric == name);
            of_metric.flat_map(|(_, exemplars)| exemplars.iter().cloned()).collect()
        })
    }

    /// Takes in what a target answered, or why it did not: then its series are gone, as from a service that
    /// is down.
    fn take_in(&self, address: &str, answer: Result<Exposition, &'static str>) {
        let (error, scrape) = match answer {
            Ok(exposition) => (None, assemble::scrape(&exposition, address)),
            Err(reason) => (Some(reason), Scrape::default()),
        };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        for exemplar in scrape.exemplars() {
            let history =
                state.history.entry((exemplar.service.clone(), exemplar.metric.clone())).or_default();
            if !history.contains(&exemplar) {
                if history.len() == REMEMBERED {
                    history.pop_front();
                }
                history.push_back(exemplar);
            }
        }
        let before = state.targets.get(address).and_then(|(target, _)| target.scraped_at);
        let scraped_at = if error.is_none() { Some(now()) } else { before };
        let target = Target { address: address.to_owned(), scraped_at, error };
        state.targets.insert(address.to_owned(), (target, scrape));
    }
}

/// Scrapes all targets once a second until told to stop.
pub(crate) async fn run(targets: Vec<String>, scraped: Scraped, stopping: Stopping) {
    let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build().unwrap_or_default();
    let mut scrapers = JoinSet::new();
    for target in targets {
        let (client, scraped, mut stopping) = (client.clone(), scraped.clone(), stopping.clone());
        scrapers.spawn(async move {
            let mut ticks = tokio::time::interval(INTERVAL);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = ticks.tick() => scraped.take_in(&target, fetch(&client, &target).await),
                    () = stopping.told() => break,
                }
            }
        });
    }
    scrapers.join_all().await;
}

async fn fetch(client: &reqwest::Client, target: &str) -> Result<Exposition, &'static str> {
    let request = client.get(format!("http://{target}/metrics")).header(http::header::ACCEPT, ACCEPT);
    let mut response = request.send().await.map_err(|_| "does not answer")?;
    if !response.status().is_success() {
        return Err("answers with an error");
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| "stopped answering")? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err("answers too much");
        }
        body.extend_from_slice(&chunk);
    }
    let text = std::str::from_utf8(&body).map_err(|_| "does not answer in UTF-8")?;
    Exposition::parse(text).ok_or("does not answer in OpenMetrics")
}
