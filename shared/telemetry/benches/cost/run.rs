//! One scenario in this process.

use crate::scenario::{SCENARIOS, Scenario};
use std::time::{Duration, Instant};
use telemetry::{Config, Env, Telemetry};
use tokio::runtime::Runtime;

/// How long a scenario is repeated for its time.
const TIMED: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs `count` operations of `prepared`.
pub fn once(name: &str, prepared: usize, count: usize) {
    let (telemetry, runtime, scenario) = begin(name);
    runtime.block_on((scenario.prepare)(&telemetry, prepared, count));
    let report = runtime.block_on(telemetry.shutdown(PATIENCE));
    assert!(report.is_complete(), "what was lost has not cost what it should: {report}");
}

/// Prints nanoseconds an operation, one figure a line, to standard error. The flush between the measurements is not
/// in them: they say what the caller waits for.
pub fn for_time(name: &str) {
    let (telemetry, runtime, scenario) = begin(name);
    let begun = Instant::now();
    while begun.elapsed() < TIMED {
        let work = (scenario.prepare)(&telemetry, scenario.count, scenario.count);
        let start = Instant::now();
        runtime.block_on(work);
        eprintln!("{}", start.elapsed().as_nanos() as f64 / scenario.count as f64);
        runtime.block_on(telemetry.flush(PATIENCE));
    }
}

fn begin(name: &str) -> (Telemetry, Runtime, &'static Scenario) {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name);
    let telemetry = telemetry::init(Config::from_env("bench", &Env::from_process()).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    (telemetry, runtime, scenario.unwrap_or_else(|| panic!("there is no {name}")))
}
