//! The command line.

use crate::{mix::Mix, threshold::Thresholds};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::{path::PathBuf, time::Duration};

/// Load with honest latencies, and what telemetry costs.
///
/// Exit code 0: all thresholds held; 1: one is broken; 2: wrong usage, or there is nothing to put load on.
#[derive(Parser)]
#[command(version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Put load on a running platform
    Run(RunOptions),
    /// Measure what each part of telemetry costs, on platforms that are started for it
    Overhead(OverheadOptions),
    /// Work out what a rate of orders would take: cores, instances, bytes, money
    Scale(ScaleOptions),
    /// Take telemetry and count its bytes: what `overhead` starts beside the platform
    #[command(hide = true)]
    Sink,
    /// Write the committed instruction counts into a page: what `scripts/bench-instructions --update` ends with
    #[command(hide = true)]
    Instructions {
        /// shared/telemetry/benches/instructions.json
        figures: PathBuf,
        /// docs/OVERHEAD.md
        page: PathBuf,
    },
}

/// How the rate goes over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// One rate
    Steady,
    /// From --rate up to --peak, until the platform no longer keeps up
    Ramp,
    /// One rate, and a burst of --peak in the middle
    Spike,
    /// One rate for long: what grows, and what leaks
    Soak,
}

impl Scenario {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Ramp => "ramp",
            Self::Spike => "spike",
            Self::Soak => "soak",
        }
    }

    pub(crate) fn usual_time(self) -> Duration {
        Duration::from_secs(match self {
            Self::Steady | Self::Spike => 30,
            Self::Ramp => 60,
            Self::Soak => 3600,
        })
    }

    /// How many times the rate the peak is.
    pub(crate) fn usual_peak(self) -> f64 {
        if self == Self::Ramp { 40.0 } else { 5.0 }
    }
}

/// How orders are spread within a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arrivals {
    /// Evenly
    Constant,
    /// By chance, as those of many people who know nothing of each other
    Poisson,
}

#[derive(Args)]
pub(crate) struct RunOptions {
    /// How the rate goes over time
    #[arg(value_enum)]
    pub(crate) scenario: Scenario,
    /// Orders a second
    #[arg(long, value_name = "ORDERS", default_value = "50", value_parser = rate)]
    pub(crate) rate: f64,
    /// Orders a second at the height of a ramp (40 times the rate) or spike (5 times)
    #[arg(long, value_name = "ORDERS", value_parser = rate)]
    pub(crate) peak: Option<f64>,
    /// How long, without the warm-up (30s; ramp 60s, soak 1h)
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    pub(crate) duration: Option<Duration>,
    /// Load before it that is not recorded
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time_or_zero)]
    pub(crate) warm_up: Duration,
    /// How orders are spread within a rate
    #[arg(long, value_enum, default_value = "constant")]
    pub(crate) arrivals: Arrivals,
    /// Kinds of orders, by weight
    #[arg(long, default_value = "success=85,decline=10,out-of-stock=5")]
    pub(crate) mix: Mix,
    /// Orders in flight at most: those due beyond that are held back, and counted
    #[arg(long, value_name = "ORDERS", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) in_flight: u16,
    /// What an answer may take; an order that waits for longer to be sent is dropped
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub(crate) timeout: Duration,
    /// The gateway (`GATEWAY_URL`, or <http://127.0.0.1:8080>)
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// An access token of an operator, who may order for all customers (`WAYBILL_TOKEN`)
    #[arg(long, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    /// Allow a gateway that is not on this machine
    #[arg(long)]
    pub(crate) allow_remote: bool,
    /// Trace this share of the orders from here, such as 10%, and compare both sides' latencies
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) trace: Option<f64>,
    /// Where those traces are looked up (`OBSERVATORY_URL`, or <http://127.0.0.1:16686>; `OBSERVATORY_TOKEN`)
    #[arg(long, value_name = "URL")]
    pub(crate) observatory: Option<String>,
    /// Write report.json, report.md and report.html into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
    /// The same number gives the same orders at the same times
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) thresholds: Thresholds,
}

#[derive(Args)]
pub(crate) struct OverheadOptions {
    /// Rounds: in each, every arm gets fresh processes and databases [default: 8; with --quick 2]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) rounds: Option<u16>,
    /// Rounds after these with nothing but the arms of the default pipeline that have a target
    #[arg(long, value_name = "ROUNDS", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub(crate) judged_rounds: u16,
    /// Slices of a round: in each, every arm is measured once, in random order [default: 4; with --quick 1]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) slices: Option<u16>,
    /// Orders measured in each slice of an arm, at a fixed rate [default: those of a second]
    #[arg(long, value_parser = clap::value_parser!(u32).range(20..=1_000_000))]
    pub(crate) orders: Option<u32>,
    /// Which arms, comma separated: their names, or `standard`, `direct`, `peer` (the usual crates), `all`
    #[arg(long, value_delimiter = ',', default_value = "standard")]
    pub(crate) arms: Vec<String>,
    /// Orders a second [default: half of what the platform with everything on does at saturation; half of what the
    /// usual crates do for the arms of `peer`]
    #[arg(long, value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// A short version: it shows that the experiment works, not what telemetry costs
    #[arg(long)]
    pub(crate) quick: bool,
    /// The program with the four services [default: `waybill` beside this program]
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) waybill: Option<PathBuf>,
    /// The program of the arms of `peer` [default: `stock` beside this program]
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) stock: Option<PathBuf>,
    /// What `cargo bench -p telemetry --bench cost -- span` has printed: a span's time is among the targets
    #[arg(long, value_name = "FILE")]
    pub(crate) span_times: Option<PathBuf>,
    /// Measure nothing, and write out what a run has saved, which may have ended too soon (`rounds.json`)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rounds", "judged_rounds", "slices", "orders", "arms", "rate", "quick"])]
    pub(crate) saved: Option<PathBuf>,
    /// Where every round's figures are written, after each round
    #[arg(long, value_name = "DIR", default_value = "target/overhead")]
    pub(crate) out: PathBuf,
    /// Write the result between the markers of this page, and plots into `images` beside it, such as docs/OVERHEAD.md
    #[arg(long, value_name = "PAGE")]
    pub(crate) page: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct ScaleOptions {
    /// Orders a second
    #[arg(long, value_name = "ORDERS", default_value = "10000", value_parser = large_rate)]
    pub(crate) orders_per_second: f64,
    /// What is kept of ordinary traces; those that failed or were slow are all kept
    #[arg(long, value_name = "SHARE", default_value = "10%", value_parser = share)]
    pub(crate) sampling: f64,
    /// What is kept of log lines
    #[arg(long, value_name = "SHARE", default_value = "100%", value_parser = share)]
    pub(crate) lines: f64,
    /// What one order takes, and what things cost: a copy of this file with your own figures
    #[arg(long, value_name = "FILE", default_value = "docs/scale-inputs.json")]
    pub(crate) inputs: PathBuf,
    /// All of it as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the tables between the markers of this page, such as docs/SCALE.md
    #[arg(long, value_name = "PAGE", conflicts_with_all = ["orders_per_second", "sampling", "lines", "json"])]
    pub(crate) page: Option<PathBuf>,
}

fn large_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (1.0..=1e9).contains(rate));
    rate.ok_or_else(|| "orders a second, from 1 to 1000000000".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.001..=100_000.0).contains(rate));
    rate.ok_or_else(|| "orders a second, from 0.001 to 100000".to_owned())
}

/// `250us`, `50ms`, `1.5s`, `10m`, `2h`; zero too.
fn time_or_zero(text: &str) -> Result<Duration, String> {
    const TAKES: &str = "a number with its unit: us, ms, s, m or h";
    // The longer units first: "ms" ends with "s".
    let units = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let (number, factor) =
        units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor))).ok_or(TAKES)?;
    let seconds = number.parse::<f64>().map_err(|_| TAKES)? * factor;
    if !(0.0..=1e6).contains(&seconds) {
        return Err(TAKES.to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// As [`time_or_zero`], without zero.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    time_or_zero(text)
        .and_then(|time| if time.is_zero() { Err("more than nothing".to_owned()) } else { Ok(time) })
}

/// `1%`, or `0.01`.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse(),
    };
    let share = share.ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "a share such as 1% or 0.01".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_and_shares_are_checked() {
        for (text, micros) in [("250us", 250), ("50ms", 50_000), ("1.5s", 1_500_000), ("2m", 120_000_000)] {
            assert_eq!(time(text), Ok(Duration::from_micros(micros)));
        }
        for text in ["", "5", "0s", "-1s", "NaNs", "1e9h", "fast"] {
            assert!(time(text).is_err(), "{text}");
        }
        assert_eq!((share("1%"), share("0.5")), (Ok(0.01), Ok(0.5)));
        for text in ["", "101%", "-1%", "2", "NaN", "few"] {
            assert!(share(text).is_err(), "{text}");
        }
    }
}
