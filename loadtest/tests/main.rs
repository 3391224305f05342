//! The program from outside: exit codes, reports, and the experiment with the smallest numbers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod gateway;

use gateway::Gateway;
use std::{
    path::PathBuf,
    process::{Command, Output},
};

fn loadtest(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command
        .env_remove("GATEWAY_URL")
        .env_remove("OBSERVATORY_URL")
        .env_remove("WAYBILL_TOKEN")
        .args(args)
        .output()
        .unwrap()
}

fn run(gateway: &Gateway, more: &[&str]) -> (Option<i32>, String) {
    let steady = ["run", "steady", "--rate", "100", "--for", "1s", "--warm-up", "0s", "--url", &gateway.url];
    let output = loadtest(&[&steady, more].concat());
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn thresholds_set_the_exit_code() {
    let gateway = Gateway::start();
    let (code, text) = run(&gateway, &["--max-p99", "5s", "--max-errors", "0%", "--min-throughput", "20"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("100 were due: 100 answered, 0 not answered"), "{text}");
    let (code, text) = run(&gateway, &["--max-p99", "1us"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("**broken**"), "{text}");
}

#[test]
fn wrong_usage_and_an_empty_place_are_told_apart_from_a_broken_threshold() {
    for args in [
        &["run", "sprint"][..],
        &["run", "steady", "--rate", "0"],
        &["run", "steady", "--url", "http://192.0.2.1"],
        &["run", "steady", "--url", "http://127.0.0.1:9"],
        &["overhead", "--arms", "luck"],
        &[],
    ] {
        let output = loadtest(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn a_token_is_brought_along() {
    let gateway = Gateway::start();
    assert_eq!(run(&gateway, &["--token", "good", "--max-errors", "0%"]).0, Some(0));
    for token in ["bad", "no\ntoken"] {
        let output = loadtest(&["run", "steady", "--url", &gateway.url, "--token", token]);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), errors.lines().count()), (Some(2), 1), "{errors}");
        assert!(errors.contains("token") && !errors.contains("bad"), "{errors}");
    }
}

#[test]
fn reports_have_three_forms() {
    let gateway = Gateway::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let (code, _) = run(&gateway, &["--report", path, "--arrivals", "poisson", "--trace", "50%"]);
    assert_eq!(code, Some(0));
    let json = std::fs::read(folder.path().join("report.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["summary"]["errors"], 0);
    assert!(json["traces"]["traced"].as_u64().unwrap() > 20);
    assert!(folder.path().join("report.md").exists() && folder.path().join("report.html").exists());
}

#[test]
fn what_a_rate_takes_is_worked_out() {
    let inputs = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/scale-inputs.json");
    let scale = |more: &[&str]| loadtest(&[&["scale", "--inputs", inputs][..], more].concat());
    let output = scale(&["--orders-per-second", "25000", "--sampling", "1%", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["shares"]["traces"], 0.01);
    assert!(json["parts"].as_array().unwrap().iter().all(|part| part["needed"].as_f64() >= Some(1.0)));
    let text = String::from_utf8(scale(&[]).stdout).unwrap();
    assert!(text.contains("| gateway |") && text.contains("USD a month in all"), "{text}");
    for wrong in [&["--orders-per-second", "0"][..], &["--sampling", "101%"], &["--json", "--page", "x"]] {
        assert_eq!(scale(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

/// Four services of each kind, the sink, some arms: that it works from end to end, not what it finds.
#[test]
fn the_experiment_runs() {
    let beside = PathBuf::from(env!("CARGO_BIN_EXE_loadtest"));
    for program in ["waybill", "stock"] {
        assert!(
            beside.with_file_name(program).exists(),
            "`cargo test --workspace` builds {program}, `cargo build -p {program}` does for this test"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let small = ["overhead", "--quick", "--rounds", "1", "--orders", "40", "--rate", "40"];
    let output =
        loadtest(&[&small[..], &["--arms", "everything,peer-ours,peer-stock", "--out", out]].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    assert!(errors.contains("7 arms, 1 rounds: about "), "{errors}");
    let saved = folder.path().join("rounds.json");
    let rounds: serde_json::Value = serde_json::from_slice(&std::fs::read(&saved).unwrap()).unwrap();
    assert_eq!(rounds["failed"].as_array().unwrap().len(), 0, "{rounds}");
    assert_eq!(rounds["rounds"].as_array().unwrap().len(), 7, "{rounds}");
    for round in rounds["rounds"].as_array().unwrap() {
        assert_eq!(round["errors"], 0, "{round}");
        let is_on = ["everything", "peer-ours", "peer-stock"].contains(&round["arm"].as_str().unwrap());
        for sent in ["otlp_bytes", "line_bytes", "metrics_bytes", "spans_arrived"] {
            assert_eq!(round[sent].as_f64().unwrap() > 0.0, is_on, "{sent}: {round}");
        }
        assert!(round["cpu"].as_f64().unwrap() > 100.0, "{round}");
    }
    assert!(text.contains("not judged: too few rounds"), "{text}");
    // What was saved can be written out again.
    let again = loadtest(&["overhead", "--saved", saved.to_str().unwrap(), "--out", out]);
    assert_eq!(String::from_utf8_lossy(&again.stdout), text);
}

/// An arm that cannot be measured is said, and the others are measured all the same.
#[test]
fn an_arm_that_fails_does_not_end_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let small = ["overhead", "--quick", "--rounds", "1", "--orders", "20", "--rate", "40", "--out", out];
    let output = loadtest(&[&small[..], &["--arms", "logs,peer-ours", "--stock", "/bin/false"]].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(errors.contains("round 1: peer-ours FAILED: "), "{errors}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("**Missing**: `peer-ours` in round 1: "), "{text}");
    assert!(text.contains("| `logs`: lines, shipped | "), "{text}");
}
