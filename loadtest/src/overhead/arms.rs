//! The arms: which parts of telemetry are on.

use crate::sink::Addresses;
use serde::Serialize;

/// The first arm, which the others are compared with.
pub(super) const OFF: &str = "off";
/// The same once more: what is seen between these two is the machine's noise.
pub(super) const OFF_AGAIN: &str = "off-again";
/// What the rate is calibrated with, because it must bear it.
pub(super) const EVERYTHING: &str = "everything";

/// A configuration of the four services.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Arm {
    pub(super) name: &'static str,
    /// For the report.
    pub(super) says: &'static str,
    lines: bool,
    metrics: bool,
    /// The share of traces that is sampled at the gateway; `None`: no spans at all.
    traces: Option<&'static str>,
    away: bool,
    direct: bool,
}

const NOTHING: Arm = Arm {
    name: OFF,
    says: "no spans, no lines, no metrics",
    lines: false,
    metrics: false,
    traces: None,
    away: false,
    direct: false,
};
const ALL: Arm = Arm { lines: true, metrics: true, traces: Some("1"), ..NOTHING };

const ARMS: [Arm; 15] = [
    NOTHING,
    Arm { name: OFF_AGAIN, says: "the same again: the machine's noise", ..NOTHING },
    Arm { name: "logs", says: "lines, shipped", lines: true, ..NOTHING },
    Arm { name: "metrics", says: "metrics with a scrape a second", metrics: true, ..NOTHING },
    Arm { name: "traces-0", says: "traces, none sampled", traces: Some("0"), ..NOTHING },
    Arm { name: "traces-1", says: "traces, 1 % sampled", traces: Some("0.01"), ..NOTHING },
    Arm { name: "traces-10", says: "traces, 10 % sampled", traces: Some("0.1"), ..NOTHING },
    Arm { name: "traces-100", says: "traces, all sampled", traces: Some("1"), ..NOTHING },
    Arm { name: EVERYTHING, says: "lines, metrics, all traces", ..ALL },
    Arm { name: "backend-away", says: "the same, nobody takes it", away: true, ..ALL },
    Arm {
        name: "direct-traces-0",
        says: "direct pipeline, none sampled",
        traces: Some("0"),
        direct: true,
        ..NOTHING
    },
    Arm {
        name: "direct-traces-10",
        says: "direct pipeline, 10 % sampled",
        traces: Some("0.1"),
        direct: true,
        ..NOTHING
    },
    Arm {
        name: "direct-traces-100",
        says: "direct pipeline, all sampled",
        traces: Some("1"),
        direct: true,
        ..NOTHING
    },
    Arm { name: "direct-everything", says: "lines, metrics, all traces, direct", direct: true, ..ALL },
    Arm { name: "direct-backend-away", says: "the same, nobody takes it", direct: true, away: true, ..ALL },
];

/// The arms of these names or groups, always with the first two.
pub(super) fn chosen(names: &[String]) -> Result<Vec<Arm>, String> {
    let is_meant = |arm: &Arm, name: &str| match name {
        "all" => true,
        "standard" => !arm.direct,
        "direct" => arm.direct,
        name => arm.name == name,
    };
    for name in names {
        if !ARMS.iter().any(|arm| is_meant(arm, name)) {
            let known: Vec<&str> = ARMS.iter().map(|arm| arm.name).collect();
            return Err(format!("there is no arm `{name}`, but standard, direct, all, {}", known.join(", ")));
        }
    }
    let always = |arm: &&Arm| [OFF, OFF_AGAIN].contains(&arm.name);
    let chosen = |arm: &&Arm| always(arm) || names.iter().any(|name| is_meant(arm, name));
    Ok(ARMS.iter().filter(chosen).cloned().collect())
}

/// The one that the rate is calibrated with.
pub(super) fn everything() -> Arm {
    Arm { name: EVERYTHING, ..ALL }
}

impl Arm {
    /// Whether somebody scrapes its metrics.
    pub(super) fn is_scraped(&self) -> bool {
        self.metrics && !self.away
    }

    /// What makes the four services this arm.
    pub(super) fn environment(&self, sink: &Addresses) -> Vec<(&'static str, String)> {
        // Port 9 is "discard", where nobody listens any more: connections are refused.
        let (otlp, lines) = if self.away {
            ("127.0.0.1:9".to_owned(), "127.0.0.1:9".to_owned())
        } else {
            (sink.otlp.to_string(), sink.lines.to_string())
        };
        let mut environment = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{otlp}"))];
        let mut set = |name, value: &str| environment.push((name, value.to_owned()));
        match self.traces {
            None => set("OTEL_SDK_DISABLED", "true"),
            Some("1") => {}
            Some(share) => {
                set("OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
                set("OTEL_TRACES_SAMPLER_ARG", share);
            }
        }
        if self.lines {
            set("LOG_SHIP", &format!("tcp://{lines}"));
        } else {
            set("LOG_LEVEL", "off");
        }
        if !self.metrics {
            set("OTEL_METRICS_EXPORTER", "none");
        }
        set("TELEMETRY_PIPELINE", if self.direct { "direct" } else { "standard" });
        environment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(chosen: &[&str]) -> Vec<&'static str> {
        let chosen: Vec<String> = chosen.iter().map(|name| (*name).to_owned()).collect();
        super::chosen(&chosen).unwrap().iter().map(|arm| arm.name).collect()
    }

    #[test]
    fn what_is_compared_with_is_always_there() {
        assert_eq!(names(&["logs"]), [OFF, OFF_AGAIN, "logs"]);
        assert_eq!(names(&["standard"]).len(), 10);
        assert_eq!(names(&["direct"]).len(), 7);
        assert_eq!(names(&["all"]).len(), ARMS.len());
        assert!(chosen(&["luck".to_owned()]).is_err());
    }

    #[test]
    fn an_arm_differs_in_what_it_says() {
        let sink = Addresses { otlp: ([127, 0, 0, 1], 1).into(), lines: ([127, 0, 0, 1], 2).into() };
        let of = |name: &str| {
            let arm = ARMS.iter().find(|arm| arm.name == name).unwrap();
            arm.environment(&sink).into_iter().collect::<std::collections::BTreeMap<_, _>>()
        };
        assert_eq!(of(OFF), of(OFF_AGAIN));
        assert_eq!(of(OFF)["OTEL_SDK_DISABLED"], "true");
        assert_eq!(of("logs")["LOG_SHIP"], "tcp://127.0.0.1:2");
        assert!(!of("traces-1").contains_key("OTEL_SDK_DISABLED"));
        assert_eq!(of("traces-1")["OTEL_TRACES_SAMPLER_ARG"], "0.01");
        assert_eq!(of("backend-away")["LOG_SHIP"], "tcp://127.0.0.1:9");
        assert_eq!(of("direct-everything")["TELEMETRY_PIPELINE"], "direct");
    }
}
