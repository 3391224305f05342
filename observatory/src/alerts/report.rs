//! What the page, the API and the webhook say of rules and alerts.

use super::example::Example;
use super::rule::{Condition, Rule};
use super::state::State;
use super::text;
use super::watch::{Group, OTHERS, Reading, Watch};
use crate::model::{Nanos, rfc3339};
use crate::page::encode;

/// All rules, and what became of the notifications.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) rules: Vec<RuleReport>,
    /// `None` when nobody is told.
    pub(crate) webhook: Option<Sent>,
}

/// Notifications by what became of them.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) delivered: u64,
    pub(crate) failed: u64,
    pub(crate) dropped: u64,
    pub(crate) waiting: usize,
}

#[derive(Debug)]
pub(crate) struct RuleReport {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) summary: String,
    pub(crate) severity: &'static str,
    pub(crate) condition: String,
    pub(crate) state: State,
    /// Of a rule that takes all services together: what it counts now.
    pub(crate) reading: Option<String>,
    /// Those that are not inactive.
    pub(crate) alerts: Vec<Alert>,
}

/// An alert that is pending or firing, or was a while ago.
#[derive(Debug, Clone)]
pub(crate) struct Alert {
    pub(crate) rule: String,
    pub(crate) summary: String,
    pub(crate) severity: &'static str,
    pub(crate) service: Option<String>,
    pub(crate) state: State,
    pub(crate) since: Nanos,
    pub(crate) fired: Nanos,
    pub(crate) value: f64,
    pub(crate) threshold: Threshold,
    pub(crate) reading: String,
    /// The log search that finds its lines.
    pub(crate) logs: String,
    /// The newest first.
    pub(crate) examples: Vec<Example>,
}

/// What the value is compared with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Threshold {
    AtLeast(u64),
    AboveShare(f64),
    Usual {
        low: f64,
        high: f64,
    },
    /// Nothing was ever judged.
    None,
}

pub(super) fn rule(watch: &Watch) -> RuleReport {
    let rule = &watch.rule;
    let mut alerts: Vec<Alert> = watch
        .groups
        .iter()
        .filter(|(_, group)| group.standing.state != State::Inactive)
        .map(|(name, group)| alert(rule, name, group))
        .collect();
    alerts.sort_by(|one, other| one.service.cmp(&other.service));
    let all = watch.groups.first().and_then(|(_, group)| group.reading.as_ref());
    RuleReport {
        name: rule.name.clone(),
        kind: rule.kind(),
        summary: rule.summary.clone(),
        severity: rule.severity,
        condition: text::condition(rule),
        state: watch.state(),
        reading: (!rule.each_service).then(|| text::reading(rule, all)),
        alerts,
    }
}

pub(super) fn alert(rule: &Rule, name: &str, group: &Group) -> Alert {
    let service = if rule.each_service { Some(name.to_owned()) } else { rule.service.clone() };
    let (value, threshold) = compared(rule, group.reading.as_ref());
    Alert {
        rule: rule.name.clone(),
        summary: rule.summary.clone(),
        severity: rule.severity,
        state: group.standing.state,
        since: group.standing.since,
        fired: group.standing.fired,
        value,
        threshold,
        reading: text::reading(rule, group.reading.as_ref()),
        logs: logs(rule, service.as_deref(), group),
        examples: group.examples.newest().cloned().collect(),
        service,
    }
}

fn compared(rule: &Rule, reading: Option<&Reading>) -> (f64, Threshold) {
    match (reading, &rule.condition) {
        (Some(Reading::Counted { hits, lines }), Condition::Counted { above_share: Some(share), .. }) => {
            (*hits as f64 / (*lines).max(1) as f64, Threshold::AboveShare(*share))
        }
        (Some(Reading::Counted { hits, .. }), Condition::Counted { at_least, .. }) => {
            (*hits as f64, Threshold::AtLeast(*at_least))
        }
        (Some(Reading::Judged(judged)), _) => {
            (judged.count as f64, Threshold::Usual { low: judged.low, high: judged.high })
        }
        _ => (0.0, Threshold::None),
    }
}

/// From a window before the condition held for the first time, and up to its end if it is over.
fn logs(rule: &Rule, service: Option<&str>, group: &Group) -> String {
    let standing = &group.standing;
    let window = rule.window().as_nanos() as Nanos;
    let (begun, ended) = match standing.state {
        State::Resolved => (standing.fired, Some(standing.since)),
        _ => (standing.since, None),
    };
    let hold = rule.hold.as_nanos() as Nanos;
    let from = rfc3339(begun.saturating_sub(window).saturating_sub(hold));
    let to = ended.map(rfc3339);
    let service = service.filter(|service| *service != OTHERS).map(|service| ("service", service));
    let mut pairs = rule.search();
    pairs.extend(service);
    pairs.push(("from", &from));
    pairs.extend(to.as_deref().map(|to| ("to", to)));
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    format!("/logs?{}", pairs.join("&"))
}
