//! What admin ports expose, held against a list of metrics.

use acceptance::Exposition;
use std::collections::BTreeSet;
use telemetry::names::metric::{Kind, Metric};

pub struct Metrics {
    listed: &'static [Metric],
    seen: BTreeSet<&'static str>,
    with_exemplar: BTreeSet<&'static str>,
    pub problems: Vec<String>,
}

impl Metrics {
    pub fn of(listed: &'static [Metric]) -> Self {
        Self { listed, seen: BTreeSet::new(), with_exemplar: BTreeSet::new(), problems: Vec::new() }
    }

    /// Takes note of what is exposed, and of what is wrong with it.
    pub fn look(&mut self, part: &str, exposition: &Exposition) {
        let text = exposition.text();
        for (family, kind) in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')) {
            let Some(metric) = self.listed.iter().find(|metric| metric.family() == family) else {
                self.problems.push(format!("{part}: {family} is not on the list"));
                continue;
            };
            self.seen.insert(metric.name);
            let mut wrong = |what: String| self.problems.push(format!("{part}: {}: {what}", metric.name));
            if kind != metric.kind.as_str() {
                wrong(format!("a {kind}"));
            }
            // The library ends a registered metric's help with a full stop, a collector's not.
            if !text.contains(&format!("# HELP {family} {}", metric.help)) {
                wrong("other help".to_owned());
            }
            if metric.unit().is_some_and(|unit| !text.contains(&format!("# UNIT {family} {unit}\n"))) {
                wrong("no unit".to_owned());
            }
            for sample in exposition.samples(&sample_name(metric)) {
                let labels: Vec<_> =
                    labels(sample.series).into_iter().filter(|(name, _)| *name != "le").collect();
                let names: BTreeSet<_> = labels.iter().map(|(name, _)| *name).collect();
                if names != metric.labels.iter().copied().collect() {
                    wrong(format!("labels {names:?}"));
                }
                for (name, value) in labels {
                    let values = metric.values.iter().find(|(label, _)| *label == name);
                    if values.is_some_and(|(_, values)| !values.contains(&value)) {
                        wrong(format!("{name} is {value}"));
                    }
                }
                match sample.exemplar {
                    Some(_) if metric.exemplar => drop(self.with_exemplar.insert(metric.name)),
                    Some(_) => wrong("an exemplar".to_owned()),
                    None => {}
                }
            }
        }
    }

    /// What nobody exposes.
    pub fn missing(&self) -> impl Iterator<Item = String> {
        let unseen = self.listed.iter().filter(|metric| !self.seen.contains(metric.name));
        let without = self.listed.iter().filter(|metric| {
            metric.exemplar && self.seen.contains(metric.name) && !self.with_exemplar.contains(metric.name)
        });
        let unseen = unseen.map(|metric| format!("metric {}", metric.name));
        unseen.chain(without.map(|metric| format!("exemplar of {}", metric.name)))
    }
}

/// What one of its samples begins with, and no other metric's.
fn sample_name(metric: &Metric) -> String {
    let suffix = if metric.kind == Kind::Histogram { "_bucket" } else { "" };
    format!("{}{suffix}", metric.name) + if metric.labels.is_empty() { "" } else { "{" }
}

/// Of `name{a="x",b="y"}`: no value of ours has a quotation mark in it.
fn labels(series: &str) -> Vec<(&str, &str)> {
    let inner = series.split_once('{').map_or("", |(_, rest)| rest.trim_end_matches('}'));
    let pieces: Vec<&str> = inner.split_terminator('"').collect();
    pieces
        .chunks_exact(2)
        .map(|pair| (pair[0].trim_start_matches(',').trim_end_matches('='), pair[1]))
        .collect()
}
