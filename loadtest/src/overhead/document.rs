//! The result as text and plots.

use super::{
    Experiment,
    arms::{Arm, OFF, OFF_AGAIN},
    measure::Measured,
};
use crate::{
    report::{
        plot::{self, Whisker},
        table,
    },
    stats::{self, Ratio, Verdict, quantile},
};
use std::{fmt::Write, fs, io, path::Path};

const BEGIN: &str = "<!-- begin of what `loadtest overhead` writes -->";
const END: &str = "<!-- end of what `loadtest overhead` writes -->";

/// Something measured in every round.
#[derive(Clone, Copy)]
struct Figure {
    /// Of its plot's file.
    name: &'static str,
    title: &'static str,
    of: fn(&Measured) -> f64,
    digits: usize,
    is_latency: bool,
}

const CPU: Figure = Figure {
    name: "cpu",
    title: "CPU time an order at the fixed rate, µs",
    of: |m| m.cpu,
    digits: 0,
    is_latency: false,
};
const SATURATED: Figure = Figure {
    name: "cpu-saturated",
    title: "CPU time an order at saturation, µs",
    of: |m| m.cpu_saturated,
    digits: 0,
    is_latency: false,
};
const THROUGHPUT: Figure = Figure {
    name: "throughput",
    title: "Orders a second at saturation",
    of: |m| m.throughput,
    digits: 0,
    is_latency: false,
};
const RESIDENT: Figure = Figure {
    name: "memory",
    title: "Resident memory, MB",
    of: |m| m.resident / 1e6,
    digits: 1,
    is_latency: false,
};
const LATENCIES: [Figure; 3] = [
    Figure { name: "p50", title: "p50 at the fixed rate, ms", of: |m| m.p50, digits: 2, is_latency: true },
    Figure { name: "p99", title: "p99 at the fixed rate, ms", of: |m| m.p99, digits: 2, is_latency: true },
    Figure {
        name: "p99-9",
        title: "p99.9 at the fixed rate, ms",
        of: |m| m.p999,
        digits: 2,
        is_latency: true,
    },
];
const PLOTS: [Figure; 4] = [CPU, SATURATED, THROUGHPUT, LATENCIES[1]];

/// The result, ready to be written.
pub(super) struct Page<'a> {
    experiment: &'a Experiment,
}

impl<'a> Page<'a> {
    pub(super) fn about(experiment: &'a Experiment) -> Self {
        Self { experiment }
    }

    /// What stands between the markers.
    pub(super) fn text(&self) -> String {
        let mut text = self.method();
        for figure in [CPU, SATURATED, THROUGHPUT] {
            text.push_str(&self.section(figure));
        }
        for figure in LATENCIES {
            text.push_str(&self.section(figure));
        }
        text.push_str(&self.section(RESIDENT));
        text.push_str(&self.telemetry());
        text
    }

    fn method(&self) -> String {
        let Experiment { plan, oversleep, neighbours, machine, started, minutes, .. } = self.experiment;
        let errors: u64 = self.experiment.rounds.iter().map(|measured| measured.errors).sum();
        let latency = if oversleep.keeps_time() {
            "so latencies are judged"
        } else {
            "**so latencies say more about this machine's neighbours than about telemetry, and are not judged**"
        };
        let generator = median(self.experiment.rounds.iter().map(|measured| measured.generator_cpu));
        format!(
            "Measured {started} on {machine}, in {minutes:.0} min: {} rounds; in each, every arm, in random order, with four fresh \
             processes and databases (SQLite, durable writes). An arm is warmed up with {} orders, then gets {} orders at {} a \
             second, then {} seconds of {} callers that order again when they are answered. The generator ({generator:.0} µs CPU an order) \
             and the receiver of the telemetry share the processors with it, and are not counted. {errors} orders of all failed.\n\n\
             Meanwhile other processes used {:.1} % of the processors, and a hypervisor withheld {:.1} %. A sleep of 1 ms on the \
             machine without load was {:.2} ms late at p99, {latency}.\n\n\
             Each figure is the median of the rounds, and beside it the ratio to `{OFF}`: the geometric mean of the rounds' ratios with \
             its 95 % interval (bootstrap over rounds). A ratio counts as a difference only when its interval leaves out 1 and it is \
             beyond what `{OFF_AGAIN}`, the same arm once more, shows by chance; where that arm's own interval leaves out 1, nothing is judged. With so many \
             comparisons a few are wrong by chance: believe what several figures say.\n",
            plan.rounds,
            plan.warm_up,
            plan.orders,
            plan.rate,
            plan.saturation_seconds,
            super::measure::CALLERS,
            neighbours.others * 100.0,
            neighbours.stolen * 100.0,
            oversleep.p99(),
        )
    }

    fn section(&self, figure: Figure) -> String {
        let rows = self.experiment.arms.iter().map(|arm| {
            let ratio = self.ratio(figure, arm.name);
            vec![
                format!("`{}`: {}", arm.name, arm.says),
                format!("{:.*}", figure.digits, self.median(figure, arm.name)),
                ratio.map_or_else(|| "1".to_owned(), |r| format!("{:.2}", r.estimate)),
                ratio.map_or_else(String::new, |r| format!("{:.2} – {:.2}", r.low, r.high)),
                ratio.map_or_else(String::new, |r| self.said(figure, arm, &r)),
            ]
        });
        let mut text = format!("\n### {}\n\n", figure.title);
        if PLOTS.iter().any(|plot| plot.name == figure.name) {
            let _ =
                writeln!(text, "![{}: ratio to off](images/overhead-{}.svg)\n", figure.title, figure.name);
        }
        text + &table(&["arm", "median", "ratio", "95 %", ""], rows)
    }

    fn said(&self, figure: Figure, arm: &Arm, ratio: &Ratio) -> String {
        if arm.name == OFF_AGAIN {
            return "the noise".to_owned();
        }
        match self.verdict(figure, ratio) {
            Some(Verdict::More) => "**more**".to_owned(),
            Some(Verdict::Less) => "**less**".to_owned(),
            Some(Verdict::NoDifference) => "no difference seen".to_owned(),
            Some(Verdict::NoiseIsNoChance) => format!("not judged: `{OFF_AGAIN}` differs"),
            Some(Verdict::TooFewRounds) => "not judged: too few rounds".to_owned(),
            None => "not judged".to_owned(),
        }
    }

    /// `None`: this machine cannot tell.
    fn verdict(&self, figure: Figure, ratio: &Ratio) -> Option<Verdict> {
        let can_tell = !figure.is_latency || self.experiment.oversleep.keeps_time();
        can_tell.then(|| ratio.verdict(self.ratio(figure, OFF_AGAIN).as_ref()))
    }

    /// Bytes and losses, which `off` has none of: no ratios.
    fn telemetry(&self) -> String {
        let rows = self.experiment.arms.iter().map(|arm| {
            let cell = |digits: usize, of: fn(&Measured) -> f64| {
                format!("{:.*}", digits, median(self.rounds(arm.name).map(of)))
            };
            vec![
                format!("`{}`", arm.name),
                cell(0, |m| m.otlp_bytes),
                cell(0, |m| m.line_bytes),
                cell(0, |m| m.metrics_bytes),
                cell(2, |m| m.spans_exported),
                cell(2, |m| m.spans_lost),
                cell(2, |m| m.lines_lost),
            ]
        });
        let header = [
            "arm",
            "OTLP bytes",
            "bytes of lines",
            "bytes of scrapes",
            "spans exported",
            "spans lost",
            "lines lost",
        ];
        format!(
            "\n### What was sent, an order\n\nBytes as they left the sockets at the fixed rate (`/metrics` scraped once a second). Spans and lines \
             by the services' own counters, which say nothing where metrics are off.\n\n{}",
            table(&header, rows)
        )
    }

    fn rounds(&self, arm: &str) -> impl Iterator<Item = &'a Measured> {
        self.experiment.rounds.iter().filter(move |measured| measured.arm == arm)
    }

    fn median(&self, figure: Figure, arm: &str) -> f64 {
        median(self.rounds(arm).map(figure.of))
    }

    /// Against `off` in the same round.
    fn ratio(&self, figure: Figure, arm: &str) -> Option<Ratio> {
        if arm == OFF {
            return None;
        }
        let base = |round| self.rounds(OFF).find(|measured| measured.round == round);
        let pairs: Vec<(f64, f64)> = self
            .rounds(arm)
            .filter_map(|measured| Some(((figure.of)(measured), (figure.of)(base(measured.round)?))))
            .collect();
        stats::ratio(&pairs)
    }

    /// One file for each plot.
    pub(super) fn write_plots(&self, folder: &Path) -> io::Result<()> {
        let folder = folder.join("images");
        fs::create_dir_all(&folder)?;
        for figure in PLOTS {
            let whiskers: Vec<Whisker> =
                self.experiment.arms.iter().filter_map(|arm| self.whisker(figure, arm)).collect();
            let noise = self.ratio(figure, OFF_AGAIN).map_or(1.0, |ratio| ratio.reach());
            let title = format!("{}: ratio to off", figure.title);
            let path = folder.join(format!("overhead-{}.svg", figure.name));
            fs::write(path, plot::whiskers(&title, &whiskers, noise))?;
        }
        Ok(())
    }

    fn whisker(&self, figure: Figure, arm: &Arm) -> Option<Whisker> {
        let ratio = self.ratio(figure, arm.name)?;
        let verdict = self.verdict(figure, &ratio);
        Some(Whisker {
            name: arm.name.to_owned(),
            estimate: ratio.estimate,
            low: ratio.low,
            high: ratio.high,
            is_seen: arm.name != OFF_AGAIN && matches!(verdict, Some(Verdict::More | Verdict::Less)),
        })
    }

    /// Between the markers of a page, and its plots beside it.
    pub(super) fn write_into(&self, page: &Path) -> Result<(), Box<dyn std::error::Error>> {
        let text = replaced(&fs::read_to_string(page)?, &self.text())
            .ok_or_else(|| format!("{} has no lines\n{BEGIN}\n{END}", page.display()))?;
        fs::write(page, text)?;
        self.write_plots(page.parent().unwrap_or(Path::new(".")))?;
        Ok(())
    }
}

/// A page with new text between its markers; `None` without them.
fn replaced(page: &str, text: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", text.trim()))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    quantile(&values, 0.5)
}

#[cfg(test)]
mod tests;
