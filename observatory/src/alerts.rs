//! Alerts from logs: a list of rules, counted as lines come in, judged every second.
//!
//! ```text
//! writer ── observe ──> watch (rule, counts, states) ── evaluate ──> webhook
//!                         │  └── saved: beside the day files, once a minute
//!                         └── report: page, API, metrics
//! ```
//!
//! Lines are counted on their way to the store, when they arrive and not when they say they were written: an alert is
//! about now. Memory is bounded by the rules, whatever senders do.

mod clock;
mod example;
mod habit;
mod levels;
mod line;
mod read;
mod report;
mod rule;
mod saved;
mod state;
#[cfg(test)]
mod tests;
mod text;
mod watch;
mod webhook;
mod window;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;

use crate::ingest::{Batch, Content};
use crate::model::Nanos;
use crate::say::{Severity, say};
use crate::stop::Stopping;
use line::Line;
use watch::Watch;

pub use clock::Clock;
pub(crate) use example::Example;
pub(crate) use levels::Outcomes;
pub(crate) use report::{Alert, Report, RuleReport, Sent, Threshold};
pub use rule::Rules;
pub(crate) use state::State;

/// How often conditions are judged.
const EVERY: Duration = Duration::from_secs(1);
/// How often what has been counted is saved.
const SAVED_EVERY: Duration = Duration::from_mins(1);
/// A line that comes later than this after it was written tells of the past.
const PAST: Nanos = 10 * 60 * 1_000_000_000;

/// Alerts of one rule that began or stopped firing together, so that many services with one trouble are told of once.
type Notice = Vec<Alert>;

/// The rules at work. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Alerts {
    watches: Arc<Mutex<Vec<Watch>>>,
    clock: Clock,
    outcomes: Outcomes,
    /// To the webhook, if there is one.
    notify: Option<mpsc::Sender<Notice>>,
}

/// What `run` needs of the webhook: its address, the address of our page, and what waits for it.
#[derive(Debug)]
pub(crate) struct Webhook {
    url: String,
    page: String,
    waiting: mpsc::Receiver<Notice>,
}

impl Alerts {
    pub(crate) fn new(rules: &Rules, clock: Clock) -> Self {
        let watches = rules.iter().cloned().map(Watch::new).collect();
        Self { watches: Arc::new(Mutex::new(watches)), clock, outcomes: Outcomes::default(), notify: None }
    }

    /// Takes up what was counted before a restart. A file that cannot be read costs its history, not the start.
    pub(crate) fn resume(&self, directory: &Path) {
        let path = saved::path(directory);
        if let Err(error) = saved::resume(&path, &mut self.lock(), self.clock.now()) {
            say(
                Severity::Warn,
                "what alerts had counted cannot be read",
                &json!({"error": error.to_string()}),
            );
        }
    }

    /// Has whoever listens at `url` told of changes, with links to our page.
    pub(crate) fn tell(&mut self, url: String, page: String) -> Webhook {
        let (notify, waiting) = mpsc::channel(webhook::WAITING);
        self.notify = Some(notify);
        Webhook { url, page, waiting }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Watch>> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts lines.
    pub(crate) fn observe(&self, batches: &[Batch]) {
        let now = self.clock.now();
        let mut watches = self.lock();
        for batch in batches {
            let Content::Lines(rows) = &batch.content else { continue };
            for row in rows.iter().filter(|row| row.timestamp.saturating_add(PAST) >= now) {
                let line = Line::of(row);
                for watch in watches.iter_mut() {
                    watch.add(now, &line, row);
                }
            }
        }
    }

    /// Judges all conditions, and has changes told.
    fn evaluate(&self) {
        let now = self.clock.now();
        let mut changes = Vec::new();
        for watch in self.lock().iter_mut() {
            let names = watch.evaluate(now);
            let groups = watch.groups.iter().filter(|(name, _)| names.contains(name));
            changes.push(
                groups.map(|(name, group)| report::alert(&watch.rule, name, group)).collect::<Notice>(),
            );
        }
        for notice in changes.into_iter().filter(|notice| !notice.is_empty()) {
            tell_operator(&notice);
            if let Some(notify) = &self.notify
                && notify.try_send(notice).is_err()
            {
                self.outcomes.count("dropped");
            }
        }
    }

    pub(crate) fn report(&self) -> Report {
        Report {
            rules: self.lock().iter().map(report::rule).collect(),
            webhook: self.notify.as_ref().map(|notify| Sent {
                delivered: self.outcomes.value("delivered"),
                failed: self.outcomes.value("failed"),
                dropped: self.outcomes.value("dropped"),
                waiting: webhook::WAITING - notify.capacity(),
            }),
        }
    }

    async fn save(&self, path: &Path) {
        let text = saved::text(&self.lock());
        let written = match text {
            Ok(text) => saved::write(path, &text).await,
            Err(error) => Err(io::Error::from(error)),
        };
        if let Err(error) = written {
            say(
                Severity::Warn,
                "what alerts have counted cannot be saved",
                &json!({"error": error.to_string()}),
            );
        }
    }
}

fn tell_operator(notice: &Notice) {
    let Some(first) = notice.first() else { return };
    let fields =
        json!({"rule": first.rule, "of": first.service, "reading": first.reading, "alerts": notice.len()});
    say(Severity::Warn, &format!("alert {}", first.state.name()), &fields);
}

/// Judges, tells and saves until told to stop, and then saves once more.
pub(crate) async fn run(
    alerts: Alerts,
    webhook: Option<Webhook>,
    directory: PathBuf,
    mut stopping: Stopping,
) {
    let telling = webhook.map(|webhook| {
        let Webhook { url, page, waiting } = webhook;
        let (outcomes, stopping) = (alerts.outcomes.clone(), stopping.clone());
        tokio::spawn(webhook::run(url, page, waiting, outcomes, stopping))
    });
    let path = saved::path(&directory);
    let mut judging = tokio::time::interval(EVERY);
    judging.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut saving = tokio::time::interval_at(tokio::time::Instant::now() + SAVED_EVERY, SAVED_EVERY);
    loop {
        tokio::select! {
            _ = judging.tick() => alerts.evaluate(),
            _ = saving.tick() => alerts.save(&path).await,
            () = stopping.told() => break,
        }
    }
    alerts.save(&path).await;
    if let Some(telling) = telling {
        let _ = telling.await;
    }
}
