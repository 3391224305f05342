//! The arms: which parts of telemetry are on.

use crate::sink::Addresses;
use serde::Serialize;

/// What an arm is compared within: programs that do the same work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Group {
    /// The four services.
    Platform,
    /// Four tiny ones whose telemetry is ours, or the usual one (`loadtest/stock`).
    Peer,
}

impl Group {
    pub(super) const ALL: [Self; 2] = [Self::Platform, Self::Peer];

    /// The arm that the others are compared with.
    pub(super) fn base(self) -> &'static str {
        match self {
            Self::Platform => "off",
            Self::Peer => "peer-none",
        }
    }

    /// The same once more: what is seen between these two is the machine's noise.
    pub(super) fn again(self) -> &'static str {
        match self {
            Self::Platform => "off-again",
            Self::Peer => "peer-none-again",
        }
    }

    /// What the rate is calibrated with, because every arm must bear it.
    pub(super) fn heaviest(self) -> &'static Arm {
        match self {
            Self::Platform => &EVERYTHING,
            Self::Peer => &STOCK,
        }
    }
}

/// How telemetry is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Standard,
    Direct,
    Stock,
    None,
}

/// A configuration of four services.
#[derive(Clone, Debug)]
pub(crate) struct Arm {
    pub(super) name: &'static str,
    /// For the report.
    pub(super) says: &'static str,
    pub(super) group: Group,
    way: Way,
    lines: bool,
    metrics: bool,
    /// The share of traces that is sampled at the gateway; `None`: no spans at all.
    traces: Option<&'static str>,
    away: bool,
}

const NOTHING: Arm = Arm {
    name: "off",
    says: "no spans, no lines, no metrics",
    group: Group::Platform,
    way: Way::Standard,
    lines: false,
    metrics: false,
    traces: None,
    away: false,
};
const EVERYTHING: Arm = Arm {
    name: "everything",
    says: "lines, metrics, all traces",
    lines: true,
    metrics: true,
    traces: Some("1"),
    ..NOTHING
};
const DIRECT: Arm = Arm { way: Way::Direct, ..NOTHING };
const STOCK: Arm = Arm {
    name: "peer-stock",
    says: "the usual crates, as their pages say",
    group: Group::Peer,
    way: Way::Stock,
    ..EVERYTHING
};
const OURS: Arm = Arm { name: "peer-ours", says: "ours, standard pipeline", way: Way::Standard, ..STOCK };
const OURS_DIRECT: Arm =
    Arm { name: "peer-direct", says: "ours, direct pipeline", way: Way::Direct, ..STOCK };
const NO_PEER: Arm =
    Arm { name: "peer-none", says: "no telemetry", group: Group::Peer, way: Way::None, ..NOTHING };

static ARMS: [Arm; 23] = [
    NOTHING,
    Arm { name: "off-again", says: "the same again: the machine's noise", ..NOTHING },
    Arm { name: "logs", says: "lines, shipped", lines: true, ..NOTHING },
    Arm { name: "metrics", says: "metrics with a scrape a second", metrics: true, ..NOTHING },
    Arm { name: "traces-0", says: "traces, none sampled", traces: Some("0"), ..NOTHING },
    Arm { name: "traces-1", says: "traces, 1 % sampled", traces: Some("0.01"), ..NOTHING },
    Arm { name: "traces-10", says: "traces, 10 % sampled", traces: Some("0.1"), ..NOTHING },
    Arm { name: "traces-100", says: "traces, all sampled", traces: Some("1"), ..NOTHING },
    EVERYTHING,
    Arm { name: "backend-away", says: "the same, nobody takes it", away: true, ..EVERYTHING },
    Arm { name: "direct-traces-0", says: "direct pipeline, none sampled", traces: Some("0"), ..DIRECT },
    Arm { name: "direct-traces-10", says: "direct pipeline, 10 % sampled", traces: Some("0.1"), ..DIRECT },
    Arm { name: "direct-traces-100", says: "direct pipeline, all sampled", traces: Some("1"), ..DIRECT },
    Arm {
        name: "direct-everything",
        says: "lines, metrics, all traces, direct",
        way: Way::Direct,
        ..EVERYTHING
    },
    Arm {
        name: "direct-backend-away",
        says: "the same, nobody takes it",
        way: Way::Direct,
        away: true,
        ..EVERYTHING
    },
    NO_PEER,
    Arm { name: "peer-none-again", says: "the same again: the machine's noise", ..NO_PEER },
    OURS,
    OURS_DIRECT,
    STOCK,
    Arm { name: "peer-ours-10", says: "ours, 10 % sampled", traces: Some("0.1"), ..OURS },
    Arm { name: "peer-direct-10", says: "ours, direct, 10 % sampled", traces: Some("0.1"), ..OURS_DIRECT },
    Arm { name: "peer-stock-10", says: "the usual crates, 10 % sampled", traces: Some("0.1"), ..STOCK },
];

/// The arms of these names or sets, each with the two that it is compared with.
pub(super) fn chosen(names: &[String]) -> Result<Vec<&'static Arm>, String> {
    let is_meant = |arm: &Arm, name: &str| match name {
        "all" => true,
        "standard" => arm.group == Group::Platform && arm.way == Way::Standard,
        "direct" => arm.group == Group::Platform && arm.way == Way::Direct,
        "peer" => arm.group == Group::Peer,
        name => arm.name == name,
    };
    for name in names {
        if !ARMS.iter().any(|arm| is_meant(arm, name)) {
            let known: Vec<&str> = ARMS.iter().map(|arm| arm.name).collect();
            let known = known.join(", ");
            return Err(format!("there is no arm `{name}`, but standard, direct, peer, all, {known}"));
        }
    }
    let is_named = |arm: &Arm| names.iter().any(|name| is_meant(arm, name));
    let is_used = |group| ARMS.iter().any(|arm| arm.group == group && is_named(arm));
    let chosen = |arm: &&'static Arm| {
        let group = arm.group;
        is_named(arm) || ([group.base(), group.again()].contains(&arm.name) && is_used(group))
    };
    Ok(ARMS.iter().filter(chosen).collect())
}

/// The arm of this name.
pub(super) fn named(name: &str) -> Option<&'static Arm> {
    ARMS.iter().find(|arm| arm.name == name)
}

impl Arm {
    /// Whether somebody scrapes its metrics.
    pub(super) fn is_scraped(&self) -> bool {
        self.metrics && !self.away
    }

    /// Whether its lines are taken from its standard output, which is all that the usual way has.
    pub(super) fn writes_lines(&self) -> bool {
        self.lines && self.group == Group::Peer
    }

    /// Whether every span is sampled, so that it is known how many there are.
    pub(super) fn samples_all(&self) -> bool {
        self.traces == Some("1")
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
        if !self.lines {
            set("LOG_LEVEL", "off");
        } else if !self.writes_lines() {
            set("LOG_SHIP", &format!("tcp://{lines}"));
        }
        if !self.metrics {
            set("OTEL_METRICS_EXPORTER", "none");
        }
        match self.way {
            Way::Standard => set("TELEMETRY_PIPELINE", "standard"),
            Way::Direct => set("TELEMETRY_PIPELINE", "direct"),
            Way::Stock | Way::None => {}
        }
        if self.group == Group::Peer {
            let way = match self.way {
                Way::Standard | Way::Direct => "ours",
                Way::Stock => "stock",
                Way::None => "none",
            };
            set("TELEMETRY", way);
        }
        environment
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn names(chosen: &[&str]) -> Vec<&'static str> {
        let chosen: Vec<String> = chosen.iter().map(|name| (*name).to_owned()).collect();
        super::chosen(&chosen).unwrap().iter().map(|arm| arm.name).collect()
    }

    #[test]
    fn what_is_compared_with_is_always_there() {
        assert_eq!(names(&["logs"]), ["off", "off-again", "logs"]);
        assert_eq!(names(&["peer-stock"]), ["peer-none", "peer-none-again", "peer-stock"]);
        assert_eq!(names(&["standard"]).len(), 10);
        assert_eq!(names(&["direct"]).len(), 7);
        assert_eq!(names(&["peer"]).len(), 8);
        assert_eq!(names(&["all"]).len(), ARMS.len());
        assert!(chosen(&["luck".to_owned()]).is_err());
        for group in Group::ALL {
            for name in [group.base(), group.again(), group.heaviest().name] {
                assert_eq!(named(name).unwrap().group, group);
            }
        }
    }

    #[test]
    fn an_arm_differs_in_what_it_says() {
        let sink = Addresses { otlp: ([127, 0, 0, 1], 1).into(), lines: ([127, 0, 0, 1], 2).into() };
        let of = |name: &str| named(name).unwrap().environment(&sink).into_iter().collect::<BTreeMap<_, _>>();
        assert_eq!(of("off"), of("off-again"));
        assert_eq!(of("peer-none"), of("peer-none-again"));
        assert_eq!(of("off")["OTEL_SDK_DISABLED"], "true");
        assert_eq!(of("logs")["LOG_SHIP"], "tcp://127.0.0.1:2");
        assert!(!of("traces-1").contains_key("OTEL_SDK_DISABLED"));
        assert_eq!(of("traces-1")["OTEL_TRACES_SAMPLER_ARG"], "0.01");
        assert_eq!(of("backend-away")["LOG_SHIP"], "tcp://127.0.0.1:9");
        // Whatever the default is.
        assert_eq!(of("everything")["TELEMETRY_PIPELINE"], "standard");
        assert_eq!(of("direct-everything")["TELEMETRY_PIPELINE"], "direct");
        for peer in ["peer-ours", "peer-direct", "peer-stock"] {
            assert!(!of(peer).contains_key("LOG_SHIP") && !of(peer).contains_key("LOG_LEVEL"), "{peer}");
        }
        assert_eq!(of("peer-stock-10")["OTEL_TRACES_SAMPLER"], of("peer-ours-10")["OTEL_TRACES_SAMPLER"]);
    }
}
