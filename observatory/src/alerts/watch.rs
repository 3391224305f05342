//! One rule at work: its counts and its alerts, one for each service if it asks for that.

use serde::{Deserialize, Serialize};

use super::example::Examples;
use super::habit::{History, Judgement};
use super::line::Line;
use super::rule::{Condition, Rule};
use super::state::{Standing, State};
use super::window::Window;
use crate::ingest::LogRow;
use crate::model::Nanos;

/// Services that have counts of their own. Senders can make names up; those beyond share one place.
pub(super) const MOST_SERVICES: usize = 128;
const LONGEST_NAME: usize = 64;
/// Where they are counted, and those whose name is empty or too long.
pub(super) const OTHERS: &str = "(other services)";
/// The only group of a rule that takes all services together.
const ALL: &str = "";

#[derive(Debug)]
pub(super) struct Watch {
    pub(super) rule: Rule,
    /// By name. A list, because there are a few: comparing their names costs less than hashing one.
    pub(super) groups: Groups,
}

pub(super) type Groups = Vec<(String, Group)>;

/// What is counted together, and its alert.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Group {
    gauge: Gauge,
    pub(super) examples: Examples,
    pub(super) standing: Standing,
    /// The last one; of an alert that is over, the last that was too much.
    pub(super) reading: Option<Reading>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Gauge {
    Window(Window),
    History(Box<History>),
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Reading {
    Counted { hits: u64, lines: u64 },
    Judged(Judgement),
}

impl Watch {
    pub(super) fn new(rule: Rule) -> Self {
        Self { rule, groups: Vec::new() }
    }

    pub(super) fn add(&mut self, now: Nanos, line: &Line<'_>, row: &LogRow) {
        let Some(is_hit) = self.rule.hit(line) else { return };
        let name = if self.rule.each_service { line.service } else { ALL };
        let Some(group) = group(&mut self.groups, &self.rule, name) else { return };
        group.gauge.add(&self.rule.condition, now, is_hit);
        if is_hit {
            group.examples.add(now, row);
        }
    }

    /// Goes on to `now`; the names of the groups whose alert began or stopped firing.
    pub(super) fn evaluate(&mut self, now: Nanos) -> Vec<String> {
        if matches!(self.rule.condition, Condition::Unusual { .. }) {
            // No line at all is a count, too.
            group(&mut self.groups, &self.rule, ALL);
        }
        let rule = &self.rule;
        let mut changed = Vec::new();
        for (name, group) in &mut self.groups {
            if group.step(rule, now) {
                changed.push(name.clone());
            }
        }
        self.groups.retain(|(_, group)| !group.is_over());
        changed
    }

    /// The worst state of its groups.
    pub(super) fn state(&self) -> State {
        let has = |state| self.groups.iter().any(|(_, group)| group.standing.state == state);
        [State::Firing, State::Pending, State::Resolved]
            .into_iter()
            .find(|state| has(*state))
            .unwrap_or_default()
    }

    /// Takes over what was counted before a restart.
    pub(super) fn resume(&mut self, groups: Groups, now: Nanos) {
        self.groups = groups;
        for (_, group) in &mut self.groups {
            if let Gauge::History(history) = &mut group.gauge {
                history.resume(now);
            }
        }
    }
}

/// The group of that name, made if need be; always there.
fn group<'a>(groups: &'a mut Groups, rule: &Rule, name: &str) -> Option<&'a mut Group> {
    let place = |groups: &Groups, name: &str| groups.iter().position(|(other, _)| other == name);
    let mut found = place(groups, name);
    if found.is_none() {
        let is_odd = rule.each_service && (name.is_empty() || name.len() > LONGEST_NAME);
        let name = if is_odd || groups.len() >= MOST_SERVICES { OTHERS } else { name };
        found = place(groups, name);
        if found.is_none() {
            groups.push((name.to_owned(), Group::new(&rule.condition)));
        }
    }
    let place = found.unwrap_or(groups.len() - 1);
    groups.get_mut(place).map(|(_, group)| group)
}

impl Group {
    fn new(condition: &Condition) -> Self {
        let gauge = match condition {
            Condition::Counted { window, .. } => Gauge::Window(Window::new(*window)),
            Condition::Unusual { .. } => Gauge::History(Box::default()),
        };
        Self { gauge, examples: Examples::default(), standing: Standing::default(), reading: None }
    }

    fn step(&mut self, rule: &Rule, now: Nanos) -> bool {
        let reading = self.gauge.read(&rule.condition, now);
        let holds = reading.is_some_and(|reading| reading.is_too_much(&rule.condition));
        let changed = self.standing.step(holds, rule.hold, now);
        if holds || self.standing.state != State::Resolved {
            self.reading = reading;
        }
        changed
    }

    fn is_over(&self) -> bool {
        let is_empty = matches!(&self.gauge, Gauge::Window(window) if window.is_empty());
        is_empty && self.standing.state == State::Inactive
    }
}

impl Gauge {
    fn add(&mut self, condition: &Condition, now: Nanos, is_hit: bool) {
        match (self, condition) {
            (Self::Window(window), _) => window.add(now, is_hit),
            (Self::History(history), Condition::Unusual { habit, .. }) => history.add(habit, now),
            (Self::History(_), Condition::Counted { .. }) => {}
        }
    }

    fn read(&mut self, condition: &Condition, now: Nanos) -> Option<Reading> {
        match (self, condition) {
            (Self::Window(window), _) => {
                let (hits, lines) = window.counts(now);
                Some(Reading::Counted { hits, lines })
            }
            (Self::History(history), Condition::Unusual { habit, .. }) => {
                history.judge(habit, now).map(Reading::Judged)
            }
            (Self::History(_), Condition::Counted { .. }) => None,
        }
    }
}

impl Reading {
    fn is_too_much(&self, condition: &Condition) -> bool {
        match (self, condition) {
            (Self::Counted { hits, lines }, Condition::Counted { at_least, above_share, .. }) => {
                hits >= at_least && above_share.is_none_or(|share| *hits as f64 > share * *lines as f64)
            }
            (Self::Judged(judgement), _) => judgement.is_unusual,
            (Self::Counted { .. }, Condition::Unusual { .. }) => false,
        }
    }
}
