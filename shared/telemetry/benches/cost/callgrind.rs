//! Instructions of one scenario, counted by valgrind's callgrind: the same on a busy machine as on an idle one.

use crate::scenario::{Arm, LIMIT, Scenario};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, fs, process::Command};
use testkit::OtlpSink;

const ALLOCATORS: [&str; 5] = ["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc"];

/// Of one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Instructions on the thread that does the operation.
    pub caller: u64,
    /// Instructions on all threads: with encoding, sending, writing.
    pub all: u64,
    /// Allocations of the caller.
    pub allocations: f64,
}

/// The difference between many operations and few: start, first use and end are the same in both.
pub fn measure(scenario: &Scenario, arm: &Arm) -> Figures {
    let few = scenario.count / 4;
    let [few_cost, many_cost] = [few, scenario.count].map(|count| run(scenario, arm, count));
    let of_one = |cost: fn(&Cost) -> u64| {
        cost(&many_cost).saturating_sub(cost(&few_cost)) as f64 / (scenario.count - few) as f64
    };
    Figures {
        caller: of_one(|cost| cost.caller).round() as u64,
        all: of_one(|cost| cost.all).round() as u64,
        allocations: (of_one(|cost| cost.allocations) * 10.0).round() / 10.0,
    }
}

/// Of a whole process.
#[derive(Default)]
struct Cost {
    caller: u64,
    all: u64,
    allocations: u64,
}

/// Spans go by gRPC to a receiver in this process, which is not counted.
fn run(scenario: &Scenario, arm: &Arm, count: usize) -> Cost {
    let folder = tempfile::tempdir().unwrap();
    let sink = OtlpSink::start();
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--separate-threads=yes"])
        .arg(format!("--callgrind-out-file={}/thread", folder.path().display()))
        .arg(std::env::current_exe().unwrap())
        .args(["run", scenario.name, &scenario.count.to_string(), &count.to_string()])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", sink.grpc())
        .env("CUSTOMER_REF_KEY", "of the benchmark")
        .envs([LIMIT])
        .envs(arm.env.iter().copied())
        .stdout(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}: {}", scenario.name, String::from_utf8_lossy(&output.stderr));
    let counts = |thread: &std::path::Path| fs::read_to_string(thread).unwrap();
    let caller = counts(&folder.path().join("thread-01"));
    let threads = fs::read_dir(folder.path()).unwrap().map(|entry| counts(&entry.unwrap().path()));
    Cost {
        caller: total(&caller),
        all: threads.map(|thread| total(&thread)).sum(),
        allocations: allocations(&caller),
    }
}

/// Callgrind also writes a file that is about no thread, and has no total.
fn total(counts: &str) -> u64 {
    let line = counts.lines().find_map(|line| line.strip_prefix("totals: "));
    line.map_or(0, |total| total.parse().unwrap())
}

/// Calls of allocating functions. A name stands in full where it first appears, as `cfn=(12) malloc`, and then as
/// `cfn=(12)`; the number of calls is in the next `calls=` line.
fn allocations(counts: &str) -> u64 {
    let (mut names, mut called, mut sum) = (HashMap::new(), "", 0);
    for line in counts.lines() {
        if let Some(function) = line.strip_prefix("fn=").or_else(|| line.strip_prefix("cfn=")) {
            let (id, name) = function.split_once(' ').unwrap_or((function, ""));
            let known = names.entry(id).or_insert(name);
            if line.starts_with('c') {
                called = known;
            }
        } else if let Some(calls) = line.strip_prefix("calls=")
            && ALLOCATORS.contains(&called)
        {
            sum += calls.split(' ').next().unwrap().parse::<u64>().unwrap();
        }
    }
    sum
}
