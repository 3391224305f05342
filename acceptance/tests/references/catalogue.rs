//! All series that there are: the code's, those of recording rules, and those of other programs.

use super::{
    foreign::FOREIGN,
    items,
    labels::{Checker, Labels},
    repository,
    rules::{Rule, rules},
    text, yaml,
};
use std::collections::{BTreeMap, BTreeSet};
use telemetry::names::metric::{self, Kind};

/// Series by name.
pub struct Catalogue {
    series: BTreeMap<String, Labels>,
    /// The jobs of `prometheus/prometheus.yml`.
    pub jobs: BTreeSet<String>,
}

impl Catalogue {
    pub fn load() -> Self {
        let mut catalogue = Self { series: BTreeMap::new(), jobs: jobs() };
        for metric in metric::ALL {
            let suffixes: &[&str] = match metric.kind {
                Kind::Histogram => &["_bucket", "_count", "_sum"],
                Kind::Counter | Kind::Gauge | Kind::Info => &[""],
            };
            for suffix in suffixes {
                let le = (*suffix == "_bucket").then_some("le");
                catalogue.add_scraped(
                    &format!("{}{suffix}", metric.name),
                    metric.labels.iter().copied().chain(le),
                );
            }
        }
        for program in FOREIGN {
            for (name, labels) in program.series {
                catalogue.add_scraped(name, labels.iter().copied());
            }
        }
        catalogue.add_recorded(rules("prometheus/rules"));
        catalogue
    }

    pub fn labels_of(&self, name: &str) -> Option<&Labels> {
        self.series.get(name)
    }

    fn add_scraped<'a>(&mut self, name: &str, labels: impl Iterator<Item = &'a str>) {
        let labels = labels.chain(["job", "instance"]).map(str::to_owned).collect();
        assert!(self.series.insert(name.to_owned(), labels).is_none(), "{name} is listed twice");
    }

    /// Rules build on one another, in any order.
    fn add_recorded(&mut self, rules: Vec<Rule>) {
        let mut left: Vec<Rule> = rules.into_iter().filter(|rule| rule.is_record).collect();
        loop {
            let before = left.len();
            let mut found: BTreeMap<String, Labels> = BTreeMap::new();
            left.retain(|rule| {
                let mut checker = Checker::new(self);
                let labels = checker.labels(&rule.expr).unwrap_or_default();
                let is_known = checker.problems.is_empty();
                if is_known {
                    found
                        .entry(rule.name.clone())
                        .or_default()
                        .extend(labels.into_iter().chain(rule.labels.keys().cloned()));
                }
                !is_known
            });
            for (name, labels) in found {
                self.series.entry(name).or_default().extend(labels);
            }
            if left.is_empty() || left.len() == before {
                return;
            }
        }
    }
}

fn jobs() -> BTreeSet<String> {
    let config = yaml(&repository("prometheus/prometheus.yml"));
    let mut jobs = BTreeSet::new();
    for scrape in items(&config["scrape_configs"]) {
        let given = items(&scrape["static_configs"]).iter().filter_map(|of| of["labels"]["job"].as_str());
        let given: Vec<_> = given.map(str::to_owned).collect();
        if given.is_empty() {
            jobs.insert(text(&scrape["job_name"]).to_owned());
        }
        jobs.extend(given);
    }
    jobs
}
