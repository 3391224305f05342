//! What is watched: one rule of the list.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::line::Line;
use super::read::{self, RuleError};

const BUILT_IN: &str = include_str!("default.json");

/// The rules, in the order of their file.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules(Arc<[Rule]>);

impl Rules {
    /// Reads the text of a rules file. The error says where it is wrong and what belongs there.
    pub(crate) fn read(text: &str) -> Result<Self, RuleError> {
        read::rules(text).map(|rules| Self(rules.into()))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter()
    }
}

/// The built-in rules.
impl Default for Rules {
    fn default() -> Self {
        // A test holds that they can be read.
        Self::read(BUILT_IN).unwrap_or_else(|_| Self(Arc::new([])))
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rule {
    /// `alertname` of its alerts.
    pub(super) name: String,
    pub(super) summary: String,
    /// `page` or `ticket`: who is told.
    pub(super) severity: &'static str,
    /// Only this service's lines.
    pub(super) service: Option<String>,
    /// Every service has an alert of its own.
    pub(super) each_service: bool,
    /// What the condition must last before it is an alert.
    pub(super) hold: Duration,
    pub(super) condition: Condition,
    /// As the file has it: what was remembered for another definition is of no use for this one.
    pub(super) definition: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    /// So many hits in a window, and such a share.
    Counted { hits: Hits, window: Duration, at_least: u64, above_share: Option<f64> },
    /// A number that is far from what it was.
    Unusual { signal: Signal, habit: Habit },
}

/// Which lines count.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Hits {
    Errors,
    Message {
        contains: String,
        level: Option<String>,
    },
    /// Among the lines that end an order.
    SlowOrders {
        slower_than_ms: f64,
    },
}

/// What an `unusual` rule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Orders that ended, well or not.
    Orders,
    Errors,
    Lines,
}

/// How what is usual is learnt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Habit {
    /// Minutes that are counted together and compared.
    pub(super) window: usize,
    /// Minutes that they are compared with; half of them are needed before anything is judged.
    pub(super) history: usize,
    /// How many standard deviations are still usual.
    pub(super) deviations: f64,
    /// A smaller change is never an alert.
    pub(super) at_least: f64,
}

impl Rule {
    /// Whether the line is a hit; `None` when the rule does not look at it.
    pub(super) fn hit(&self, line: &Line<'_>) -> Option<bool> {
        if self.service.as_ref().is_some_and(|service| *service != line.service) {
            return None;
        }
        match &self.condition {
            Condition::Counted { hits: Hits::Errors, .. } => Some(line.is_error),
            Condition::Counted { hits: Hits::Message { contains, level }, above_share, .. } => {
                if level.as_ref().is_some_and(|level| level != line.severity) {
                    return None;
                }
                let is_hit = line.message.contains(contains.as_str());
                // The others matter only for the share.
                (is_hit || above_share.is_some()).then_some(is_hit)
            }
            Condition::Counted { hits: Hits::SlowOrders { slower_than_ms }, .. } => {
                line.order_ms.map(|took| took > *slower_than_ms)
            }
            Condition::Unusual { signal, .. } => match signal {
                Signal::Orders => line.order_ms.is_some(),
                Signal::Errors => line.is_error,
                Signal::Lines => true,
            }
            .then_some(true),
        }
    }

    /// One of what it counts, in words.
    pub(super) fn noun(&self) -> &'static str {
        match &self.condition {
            Condition::Counted { hits: Hits::Errors, .. }
            | Condition::Unusual { signal: Signal::Errors, .. } => "error",
            Condition::Counted { hits: Hits::Message { .. }, .. } => "such line",
            Condition::Counted { hits: Hits::SlowOrders { .. }, .. } => "slow order",
            Condition::Unusual { signal: Signal::Orders, .. } => "order",
            Condition::Unusual { signal: Signal::Lines, .. } => "line",
        }
    }

    pub(super) fn kind(&self) -> &'static str {
        match &self.condition {
            Condition::Counted { hits: Hits::Errors, .. } => "error_rate",
            Condition::Counted { hits: Hits::Message { .. }, .. } => "message",
            Condition::Counted { hits: Hits::SlowOrders { .. }, .. } => "slow_orders",
            Condition::Unusual { .. } => "unusual",
        }
    }

    /// The parameters of the log search that finds its lines.
    pub(super) fn search(&self) -> Vec<(&'static str, &str)> {
        match &self.condition {
            Condition::Counted { hits: Hits::Message { contains, level }, .. } => {
                let level = level.as_deref().map(|level| ("severity", level));
                [("q", contains.as_str())].into_iter().chain(level).collect()
            }
            Condition::Counted { hits: Hits::SlowOrders { .. }, .. }
            | Condition::Unusual { signal: Signal::Orders, .. } => vec![("q", "order")],
            Condition::Counted { hits: Hits::Errors, .. }
            | Condition::Unusual { signal: Signal::Errors, .. } => vec![("severity", "ERROR")],
            Condition::Unusual { signal: Signal::Lines, .. } => Vec::new(),
        }
    }

    /// How far back its lines lie.
    pub(super) fn window(&self) -> Duration {
        match &self.condition {
            Condition::Counted { window, .. } => *window,
            Condition::Unusual { habit, .. } => Duration::from_secs(60 * habit.window as u64),
        }
    }
}
