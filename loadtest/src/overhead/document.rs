//! The result as text and plots.

mod peer;
mod results;
mod targets;

use super::{
    Experiment,
    arms::{Arm, Group},
    measure::Measured,
    running::CALLERS,
};
use crate::{
    page,
    report::{plot, table},
    stats::median,
};
use results::{CPU, Figure, LATENCIES, RESIDENT, Results, SATURATED, THROUGHPUT};
use std::{fmt::Write, fs, io, path::Path};
pub(super) use targets::{has_target, is_judged};

const COMMAND: &str = "loadtest overhead";
const PLOTS: [Figure; 4] = [CPU, SATURATED, THROUGHPUT, LATENCIES[1]];

/// The result, ready to be written.
pub(super) struct Page<'a> {
    experiment: &'a Experiment,
    results: Results<'a>,
}

impl<'a> Page<'a> {
    pub(super) fn about(experiment: &'a Experiment) -> Self {
        Self { experiment, results: Results::of_all(experiment) }
    }

    /// What stands between the markers.
    pub(super) fn text(&self) -> String {
        let mut text = self.method();
        if self.has(Group::Platform) {
            text.push_str(&targets::section(self.experiment));
            text.push_str(&targets::judged_section(self.experiment));
            for figure in [CPU, SATURATED, THROUGHPUT].into_iter().chain(LATENCIES).chain([RESIDENT]) {
                text.push_str(&self.section(figure));
            }
            text.push_str(&self.telemetry());
        }
        if self.has(Group::Peer) {
            text.push_str(&peer::section(self.experiment, &self.results));
        }
        text
    }

    fn has(&self, group: Group) -> bool {
        self.experiment.arms_of(group).next().is_some()
    }

    fn method(&self) -> String {
        let Experiment { plan, oversleep, neighbours, machine, started, minutes, rounds, .. } =
            self.experiment;
        let errors: u64 = rounds.iter().map(|measured| measured.errors).sum();
        let latency = if oversleep.keeps_time() {
            "so latencies are judged"
        } else {
            "**so latencies say more about this machine's neighbours than about telemetry, and are not judged**"
        };
        let generator = median(rounds.iter().map(|measured| measured.generator_cpu));
        let paces = Group::ALL.into_iter().filter(|group| self.has(*group)).map(|group| {
            let pace = plan.pace(group);
            format!("{} orders at {} a second (as `{}`)", pace.orders, pace.rate, group.base())
        });
        let paces = paces.collect::<Vec<_>>().join(", or ");
        let complete = self.results.complete();
        let judged = if plan.judged_rounds == 0 {
            String::new()
        } else {
            format!(
                " Then came {} of {} rounds with nothing but the arms of the default pipeline that have a target: they alone tell of the \
                 targets, because what is alive beside an arm is part of its conditions.",
                Results::of_judged(self.experiment).complete(),
                plan.judged_rounds
            )
        };
        format!(
            "Measured {started} on {machine}, in {minutes:.0} min: {complete} of {} rounds with all arms.{judged}\n\n\
             In a round, every arm has four fresh processes and databases (SQLite, durable writes) and is warmed up with {} orders. Then all of \
             them are alive, and have load one at a time, in random order: first {slices} slices of {paces}; then {slices} slices of {} s in \
             which {CALLERS} callers each order again as soon as they are answered. The generator ({generator:.0} µs CPU an order) \
             and the receivers of the telemetry share the processors with it, and are not counted. Orders that failed: {errors}.\n{}\n\
             Meanwhile other processes used {:.1} % of the processors, and a hypervisor withheld {:.1} %. A sleep of 1 ms on the \
             machine without load was {:.2} ms late at p99, {latency}.\n\n\
             Each figure is the median of the rounds, and beside it the ratio to the arm without telemetry: the geometric mean of the \
             rounds' ratios with its 95 % interval (bootstrap over rounds). A ratio counts as a difference only when its interval leaves out 1 \
             and it is beyond what the same arm once more (`…-again`) shows by chance in the same rounds; where that arm's own interval leaves \
             out 1, nothing is judged. With so many comparisons a few are wrong by chance: believe what several figures say. A quantile is of the \
             orders of a round: where these are fewer than a thousand, p99.9 is the slowest of them.\n",
            plan.rounds,
            plan.warm_up,
            plan.saturation_seconds,
            self.failures(),
            neighbours.others * 100.0,
            neighbours.stolen * 100.0,
            oversleep.p99(),
            slices = plan.slices,
        )
    }

    fn failures(&self) -> String {
        let mut text = String::new();
        for failed in &self.experiment.failed {
            let (arm, round, error) = (&failed.arm, failed.round + 1, &failed.error);
            let _ = writeln!(text, "\n**Missing**: `{arm}` in round {round}: {error}.");
        }
        text
    }

    fn section(&self, figure: Figure) -> String {
        let results = &self.results;
        let rows = self.experiment.arms_of(Group::Platform).map(|arm| {
            let ratio = results.ratio(figure, arm);
            let is_base = arm.name == arm.group.base();
            let none = || if is_base { "1".to_owned() } else { "–".to_owned() };
            vec![
                format!("`{}`: {}", arm.name, arm.says),
                results.shown(figure, arm),
                ratio.map_or_else(none, |r| format!("{:.3}", r.estimate)),
                ratio.map_or_else(String::new, |r| format!("{:.3} – {:.3}", r.low, r.high)),
                ratio.map_or_else(String::new, |r| results.said(figure, arm, &r)),
            ]
        });
        let mut text = format!("\n### {}\n\n", figure.title);
        if PLOTS.iter().any(|plot| plot.name == figure.name) {
            let _ =
                writeln!(text, "![{}: ratio to off](images/overhead-{}.svg)\n", figure.title, figure.name);
        }
        text + &table(&["arm", "median", "ratio", "95 %", ""], rows)
    }

    /// Bytes and losses, which `off` has none of: no ratios.
    fn telemetry(&self) -> String {
        let rows = self.experiment.arms_of(Group::Platform).map(|arm: &Arm| {
            let cell = |digits: usize, of: fn(&Measured) -> f64| {
                format!("{:.*}", digits, median(self.results.rounds(arm.name).map(of)))
            };
            vec![
                format!("`{}`", arm.name),
                cell(0, |m| m.otlp_bytes),
                cell(0, |m| m.line_bytes),
                cell(0, |m| m.metrics_bytes),
                cell(2, |m| m.spans_exported),
                cell(2, |m| m.spans_arrived),
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
            "spans arrived",
            "spans lost",
            "lines lost",
        ];
        format!(
            "\n### What was sent, an order\n\nBytes as they left the sockets at the fixed rate (`/metrics` scraped at the beginning of a slice, and each second). Spans and lines \
             by the services' own counters, which say nothing where metrics are off; spans arrived by the receiver's count.\n\n{}",
            table(&header, rows)
        )
    }

    /// One file for each plot.
    pub(super) fn write_plots(&self, folder: &Path) -> io::Result<()> {
        let folder = folder.join("images");
        fs::create_dir_all(&folder)?;
        let of_platform = PLOTS.into_iter().map(|figure| (Group::Platform, "overhead", figure));
        let of_peer = peer::PLOTS.into_iter().map(|figure| (Group::Peer, "peer", figure));
        for (group, prefix, figure) in of_platform.chain(of_peer).filter(|(group, ..)| self.has(*group)) {
            let arms = self.experiment.arms_of(group);
            let whiskers: Vec<_> = arms.filter_map(|arm| self.results.whisker(figure, arm)).collect();
            let title = format!("{}: ratio to {}", figure.title, group.base());
            let path = folder.join(format!("{prefix}-{}.svg", figure.name));
            fs::write(path, plot::whiskers(&title, &whiskers, self.results.noise(figure, group)))?;
        }
        Ok(())
    }

    /// Between the markers of a page, and its plots beside it.
    pub(super) fn write_into(&self, page: &Path) -> Result<(), Box<dyn std::error::Error>> {
        page::write(page, COMMAND, &self.text())?;
        Ok(self.write_plots(page.parent().unwrap_or(Path::new(".")))?)
    }
}

#[cfg(test)]
mod tests;
