//! Which lines are not written: those of traces that the sampling ratio leaves out, and those of a place in the code
//! that writes far too many. Both are counted, and said once a minute.

use super::limit::Limits;
use crate::{
    config::{LogsConfig, Sampler},
    propagation::current_ids,
};
use std::{
    fmt::Write,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};
use tracing::{Level, Metadata};

/// How often it is said what was left out.
const EVERY: Duration = Duration::from_mins(1);
/// Places in the code that one such line names.
const NAMED: usize = 5;

/// Every line of a process passes here, or not.
pub(crate) struct Gate {
    sampler: Sampler,
    limits: Option<Limits>,
    sampled_out: AtomicU64,
    /// How many of them have been said.
    said: AtomicU64,
}

impl Gate {
    pub(crate) fn new(config: &LogsConfig) -> Self {
        Self {
            // The arithmetic of trace sampling: where the ratios are equal, a trace that is kept has its lines.
            sampler: Sampler { parent_based: false, ratio: config.sample_ratio },
            limits: config.callsite_limit.map(Limits::new),
            sampled_out: AtomicU64::new(0),
            said: AtomicU64::new(0),
        }
    }

    /// Whether a line of this place, in the current trace, is to be written.
    pub(super) fn passes(&self, metadata: &'static Metadata<'static>) -> bool {
        if !self.samples(*metadata.level()) {
            self.sampled_out.fetch_add(1, Relaxed);
            return false;
        }
        self.limits.as_ref().is_none_or(|limits| limits.passes(metadata))
    }

    /// By the trace's id alone, so that all services decide alike. What somebody should look at always passes.
    fn samples(&self, level: Level) -> bool {
        self.sampler.ratio >= 1.0
            || level <= Level::WARN
            || current_ids().is_none_or(|ids| self.sampler.keeps(None, ids.trace_id))
    }

    /// Lines left out by the ratio.
    pub(crate) fn sampled_out(&self) -> u64 {
        self.sampled_out.load(Relaxed)
    }

    /// Lines left out by the limit.
    pub(crate) fn limited(&self) -> u64 {
        self.limits.as_ref().map_or(0, Limits::left_out)
    }

    /// Says once a minute what was left out, for as long as the process lives.
    pub(crate) async fn run(&self) {
        loop {
            tokio::time::sleep(EVERY).await;
            self.say();
        }
    }

    /// Says what was left out since the last time, if anything was.
    pub(crate) fn say(&self) {
        let sampled_out = self.sampled_out();
        let by_ratio = sampled_out.saturating_sub(self.said.swap(sampled_out, Relaxed));
        let by_limit = self.limits.as_ref().map(Limits::news).unwrap_or_default();
        let text = summary(by_ratio, &by_limit);
        if !by_limit.is_empty() {
            tracing::warn!("{text}");
        } else if by_ratio > 0 {
            tracing::info!("{text}");
        }
    }
}

fn summary(by_ratio: u64, by_limit: &[(u64, String)]) -> String {
    let mut text = "left out".to_owned();
    let mut separator = " ";
    if by_ratio > 0 {
        let _ = write!(text, " {by_ratio} lines by ratio");
        separator = ", ";
    }
    for (count, place) in by_limit.iter().take(NAMED) {
        let _ = write!(text, "{separator}{count} by limit at {place}");
        separator = ", ";
    }
    let others: u64 = by_limit.iter().skip(NAMED).map(|(count, _)| count).sum();
    if others > 0 {
        let _ = write!(text, ", {others} by limit elsewhere");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_names_the_worst_places() {
        let places = |count: u64| (1..=count).rev().map(|n| (n, format!("a::b:{n}"))).collect::<Vec<_>>();
        assert_eq!(summary(1234, &[]), "left out 1234 lines by ratio");
        assert_eq!(summary(0, &places(1)), "left out 1 by limit at a::b:1");
        assert_eq!(summary(2, &places(1)), "left out 2 lines by ratio, 1 by limit at a::b:1");
        assert!(summary(0, &places(7)).ends_with("3 by limit at a::b:3, 3 by limit elsewhere"));
    }
}
