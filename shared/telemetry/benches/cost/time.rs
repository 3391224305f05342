//! Nanoseconds an operation, of every scenario in every configuration.

use crate::scenario::{Arm, LIMIT, SCENARIOS, Scenario};
use std::process::Command;

/// Of those whose name begins with `name`. Spans go nowhere: sending them is not the caller's time.
pub fn report(name: &str) {
    println!("{:<12} {:<18} {:>9} {:>9} {:>9}  ns", "operation", "configuration", "5 %", "median", "95 %");
    for scenario in SCENARIOS.iter().filter(|scenario| scenario.name.starts_with(name)) {
        for arm in scenario.arms {
            let mut figures = figures(scenario, arm);
            figures.sort_by(f64::total_cmp);
            let at = |share: f64| figures[(share * (figures.len() - 1) as f64) as usize];
            let (low, median, high) = (at(0.05), at(0.5), at(0.95));
            println!(
                "{:<12} {:<18} {low:>9.0} {median:>9.0} {high:>9.0}  {}",
                scenario.name, arm.name, scenario.brief
            );
        }
    }
}

fn figures(scenario: &Scenario, arm: &Arm) -> Vec<f64> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["run", scenario.name, "for-time"])
        .env("OTEL_TRACES_EXPORTER", "none")
        .env("CUSTOMER_REF_KEY", "of the benchmark")
        .envs([LIMIT])
        .envs(arm.env.iter().copied())
        .stdout(std::process::Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{}: {told}", scenario.name);
    told.lines().map(|line| line.parse().unwrap_or_else(|_| panic!("{}: {line}", scenario.name))).collect()
}
