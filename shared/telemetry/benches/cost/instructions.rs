//! Instructions an operation, held against the committed figures.

use crate::{
    callgrind::{self, Figures},
    scenario::{Arm, SCENARIOS, Scenario},
};
use std::{collections::BTreeMap, fs, process::ExitCode, sync::Mutex};

/// A figure may grow by so much before somebody has to say why.
const TOLERANCE: f64 = 1.10;
/// And by so many instructions: the threads' turns are not the same in every run.
const JITTER: f64 = 100.0;
const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.json");

/// By architecture, operation and configuration.
type All = BTreeMap<String, BTreeMap<String, Figures>>;

/// Measures and writes down.
pub fn update() -> ExitCode {
    let mut committed = committed();
    committed.insert(std::env::consts::ARCH.to_owned(), measured(""));
    fs::write(COMMITTED, serde_json::to_string_pretty(&committed).unwrap() + "\n").unwrap();
    println!("written to benches/instructions.json");
    ExitCode::SUCCESS
}

/// Measures those whose name begins with `name`, and fails when one has grown.
pub fn compare(name: &str) -> ExitCode {
    let committed = committed();
    let Some(before) = committed.get(std::env::consts::ARCH) else {
        measured(name);
        println!(
            "NOT COMPARED: there are no figures of {} yet (--update writes them)",
            std::env::consts::ARCH
        );
        return ExitCode::SUCCESS;
    };
    let mut grown = Vec::new();
    for (key, now) in measured(name) {
        let Some(before) = before.get(&key) else {
            grown.push(format!("{key} is new: run it with --update"));
            continue;
        };
        for (what, before, now) in [("caller", before.caller, now.caller), ("all in", before.all, now.all)] {
            if now as f64 > before as f64 * TOLERANCE + JITTER {
                grown.push(format!("{key}, {what}: {before} → {now} instructions"));
            }
        }
    }
    if grown.is_empty() {
        println!("none has grown by more than 10 %");
        return ExitCode::SUCCESS;
    }
    println!("grown by more than 10 %:\n  {}", grown.join("\n  "));
    ExitCode::FAILURE
}

fn committed() -> All {
    fs::read_to_string(COMMITTED).map(|text| serde_json::from_str(&text).unwrap()).unwrap_or_default()
}

/// Every processor has one at work; the counts are the same as on an idle machine.
fn measured(name: &str) -> BTreeMap<String, Figures> {
    let wanted = SCENARIOS.iter().filter(|scenario| scenario.name.starts_with(name));
    let wanted: Vec<_> =
        wanted.flat_map(|scenario| scenario.arms.iter().map(move |arm| (scenario, arm))).collect();
    let (next, results) = (Mutex::new(wanted.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, Into::into) {
            scope.spawn(|| {
                loop {
                    let Some((scenario, arm)) = next.lock().unwrap().next() else { return };
                    let figures = callgrind::measure(scenario, arm);
                    results.lock().unwrap().push((*scenario, *arm, figures));
                }
            });
        }
    });
    let results = results.into_inner().unwrap();
    print(&wanted, &results);
    results.iter().map(|(scenario, arm, figures)| (key(scenario, arm), *figures)).collect()
}

fn print(order: &[(&Scenario, &Arm)], results: &[(&Scenario, &Arm, Figures)]) {
    println!("{:<12} {:<18} {:>9} {:>9} {:>9}", "operation", "configuration", "caller", "all in", "allocs");
    for (scenario, arm) in order {
        let found = results.iter().find(|(s, a, _)| key(s, a) == key(scenario, arm));
        if let Some((_, _, Figures { caller, all, allocations })) = found {
            let (name, brief) = (scenario.name, scenario.brief);
            println!("{name:<12} {:<18} {caller:>9} {all:>9} {allocations:>9.1}  {brief}", arm.name);
        }
    }
}

fn key(scenario: &Scenario, arm: &Arm) -> String {
    format!("{} {}", scenario.name, arm.name)
}
