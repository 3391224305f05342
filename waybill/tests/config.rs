//! `waybill config`: what it shows, and what it leaves alone.

use serde_json::Value;
use std::process::{Command, Output};

fn config(args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waybill"));
    command.arg("config").args(args).env_clear().envs(env.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What has a value of its own on each machine is set here.
const FIXED: [(&str, &str); 7] = [
    ("MAX_CONNECTIONS", "1000"),
    ("MAX_IN_FLIGHT", "512"),
    ("DATABASE_URL", "postgres://order:hunter2@db:5432/order"),
    ("AUDIT_KEY", "hunter2 hunter2 hunter2"),
    ("OTEL_TRACES_SAMPLER_ARG", "0.1"),
    ("LOG_LEVL", "debug"),
    ("OTEL_LOGS_EXPORTER", "otlp"),
];

/// After a change that is meant, `tests/config_order.txt` gets the new text.
#[test]
fn an_order_service_with_this_environment() {
    let output = config(&["order"], &FIXED);
    similar_asserts::assert_eq!(text(&output.stdout), include_str!("config_order.txt"));
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}

#[test]
fn all_that_is_wrong_is_shown_and_the_exit_code_is_2() {
    let wrong = [("PEER_TIMEOUT_MS", "soon"), ("LOG_LEVEL", "loud"), ("PAYMENT_URL", "http://me:hunter2@x")];
    let output = config(&["order", "--json"], &wrong);
    assert_eq!(output.status.code(), Some(2));
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    let errors: Vec<&str> =
        shown["errors"].as_array().unwrap().iter().map(|error| error.as_str().unwrap()).collect();
    assert_eq!(errors.len(), 3, "{errors:?}");
    for (variable, held) in
        [("PEER_TIMEOUT_MS", "`soon`"), ("LOG_LEVEL", "`loud`"), ("PAYMENT_URL", "its value (hidden)")]
    {
        let begin = format!("{variable}: {held} won't do; it takes ");
        assert!(errors.iter().any(|error| error.starts_with(&begin)), "{errors:?}");
    }
    assert!(!text(&output.stdout).contains("hunter2"));
}

#[test]
fn what_up_would_give_is_shown_and_nothing_is_made() {
    let folder = std::env::temp_dir().join(format!("waybill-config-{}", std::process::id()));
    let args = ["--json", "--data", folder.to_str().unwrap(), "--port-offset", "1000"];
    let output = config(&args, &[("OBSERVATORY_TOKEN", "hunter2 hunter2 hunter2"), ("RETENTION_DAYS", "3")]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    let services: Vec<&Value> = shown.as_array().unwrap().iter().map(|report| &report["service"]).collect();
    assert_eq!(
        services,
        ["observatory", "inventory-service", "payment-service", "order-service", "api-gateway"]
    );
    let of = |service: usize, name: &str| {
        let variables = shown[service]["variables"].as_array().unwrap();
        let variable = variables.iter().find(|variable| variable["name"] == name).unwrap();
        (variable["value"].clone(), variable["source"].as_str().unwrap().to_owned())
    };
    assert_eq!(of(0, "LISTEN_ADDR"), ("127.0.0.1:17686".into(), "--port-offset".into()));
    assert_eq!(of(0, "RETENTION_DAYS"), (3.into(), "environment".into()));
    assert_eq!(of(0, "RETENTION_BYTES"), (10_737_418_240_u64.into(), "default".into()));
    assert_eq!(of(0, "OBSERVATORY_TOKEN"), ("(hidden)".into(), "environment".into()));
    assert_eq!(of(0, "DATA_DIR"), (folder.join("telemetry").to_str().unwrap().into(), "--data".into()));
    assert_eq!(of(3, "OTEL_BSP_SCHEDULE_DELAY"), (200.into(), "waybill up".into()));
    assert!(!text(&output.stdout).contains("hunter2"));
    assert!(!folder.exists());
}

#[test]
fn an_option_of_up_is_refused_for_one_process() {
    let output = config(&["order", "--port-offset", "1000"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).starts_with("waybill: "), "{}", text(&output.stderr));
}
