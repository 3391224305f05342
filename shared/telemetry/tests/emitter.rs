//! `examples/emit` as a process: telemetry is set up once in a process, so each test of it needs one.

use serde_json::Value;
use std::time::Duration;
use testkit::{PATIENCE, Process, built, eventually};

pub struct Emitter {
    process: Process,
    told: usize,
    /// Sampled spans that have ended so far.
    pub ended: u64,
}

/// What became of everything.
#[derive(Debug, PartialEq, Eq)]
pub struct Report {
    pub exported: u64,
    pub dropped: u64,
    pub failed: u64,
    pub lines_shipped: u64,
    pub lines_lost: u64,
    pub lines_left_out: u64,
    /// How long the flush or shutdown took.
    pub took: Duration,
}

impl Emitter {
    /// `limit_ms` is what its shutdown may take. Standard output is a sink like any other, so lines are counted
    /// twice when they are shipped too.
    pub fn start(limit_ms: u64, env: &[(&str, &str)]) -> Self {
        Self::on("standard", limit_ms, env)
    }

    /// The same on either pipeline.
    pub fn on(pipeline: &str, limit_ms: u64, env: &[(&str, &str)]) -> Self {
        let quiet = [
            ("TELEMETRY_PIPELINE", pipeline),
            ("CUSTOMER_REF_KEY", "0123456789abcdef"),
            ("OTEL_BSP_SCHEDULE_DELAY", "20"),
            // Its lines come from few places, and thousands at once.
            ("LOG_CALLSITE_LIMIT", "0"),
        ];
        let env = quiet.iter().chain(env).copied();
        let process = Process::start(&built("examples/emit"), &[&limit_ms.to_string()], env);
        Self { process, told: 0, ended: 0 }
    }

    /// Gives a command, waits until it is done, and returns what the program tells.
    pub async fn run(&mut self, command: &str) -> Value {
        self.process.say(command);
        let told = self.told;
        self.told += 1;
        let line = eventually(command, async || self.process.stderr().get(told).cloned()).await;
        let answer: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{command}: {line}"));
        self.ended += answer["sampled"].as_u64().unwrap_or_default();
        answer
    }

    pub async fn flush(&mut self) -> Report {
        Report::of(&self.run("flush 8000").await)
    }

    /// Ends its input and waits for the end. Returns the last report and its log lines.
    pub async fn finish(mut self) -> (Report, Vec<Value>) {
        self.process.hang_up();
        let status = self.process.ended(PATIENCE).await;
        let errors = self.process.stderr();
        assert!(status.success(), "{errors:?}");
        let parse = |line: &String| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        (Report::of(&parse(errors.last().unwrap())), self.process.stdout().iter().map(parse).collect())
    }

    /// The value of a counter or gauge, by its name with labels.
    pub async fn metric(&mut self, series: &str) -> u64 {
        let metrics = self.run("metrics").await["metrics"].as_str().unwrap().to_owned();
        let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{series}: {metrics}")).parse().unwrap()
    }

    /// Log lines on standard output so far.
    pub fn printed(&self) -> usize {
        self.process.stdout().len()
    }
}

impl Report {
    fn of(told: &Value) -> Self {
        let number = |name: &str| told[name].as_u64().unwrap_or_else(|| panic!("{name}: {told}"));
        Self {
            exported: number("spans_exported"),
            dropped: number("spans_dropped"),
            failed: number("spans_failed"),
            lines_shipped: number("lines_shipped"),
            lines_lost: number("lines_lost"),
            lines_left_out: number("lines_left_out"),
            took: Duration::from_millis(number("took_ms")),
        }
    }

    /// Every span that ended has exactly one fate.
    pub fn assert_adds_up(&self, ended: u64) {
        assert_eq!(
            self.exported + self.dropped + self.failed,
            ended,
            "of {ended} spans that ended: {self:?}"
        );
    }
}
