//! What the alerts say about themselves among the metrics.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::Alerts;
use super::state::State;

/// What becomes of a notification; `retried` counts the attempts that did not end it.
const OUTCOMES: [&str; 4] = ["delivered", "retried", "failed", "dropped"];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

/// Notifications by what became of them. Clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcomes(Family<OutcomeLabel, Counter>);

impl Outcomes {
    pub(super) fn count(&self, outcome: &'static str) {
        self.0.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    pub(super) fn value(&self, outcome: &'static str) -> u64 {
        self.0.get(&OutcomeLabel { outcome }).map_or(0, |counter| counter.get())
    }
}

#[derive(Debug)]
struct Levels(Alerts);

#[derive(EncodeLabelSet)]
struct LevelLabels {
    rule: String,
    state: &'static str,
}

impl Alerts {
    /// Puts the alerts among the metrics.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let Outcomes(outcomes) = &self.outcomes;
        for outcome in OUTCOMES {
            let _ = outcomes.get_or_create(&OutcomeLabel { outcome });
        }
        registry.register(
            "observatory_alert_notifications",
            "Notifications of alerts, by what became of them",
            outcomes.clone(),
        );
        registry.register_collector(Box::new(Levels(self.clone())));
    }
}

impl Collector for Levels {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut alerts = encoder.encode_descriptor(
            "observatory_alerts",
            "Alerts of each rule that are pending or firing",
            None,
            MetricType::Gauge,
        )?;
        for watch in self.0.lock().iter() {
            for state in [State::Pending, State::Firing] {
                let count = watch.groups.iter().filter(|(_, group)| group.standing.state == state).count();
                let labels = LevelLabels { rule: watch.rule.name.clone(), state: state.name() };
                ConstGauge::new(count as i64).encode(alerts.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}
