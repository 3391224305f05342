//! The command line, with nothing running. `acceptance/` has the rest; it starts the binary that cargo builds for
//! this file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod config;
mod load;
mod token;

use std::process::{Command, Output};

fn waybill(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waybill"));
    // Nobody listens on port 1.
    let nowhere = [("GATEWAY_URL", "http://127.0.0.1:1"), ("OBSERVATORY_URL", "http://127.0.0.1:1")];
    command.args(args).env_clear().envs(nowhere).output().unwrap()
}

#[test]
fn help_names_every_command() {
    let output = waybill(&["--help"]);
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for command in [
        "up",
        "gateway",
        "order",
        "payment",
        "inventory",
        "observatory",
        "trace",
        "logs",
        "audit",
        "customer",
        "config",
        "token",
    ] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(command)), "{command} in\n{help}");
    }
}

#[test]
fn a_platform_that_is_not_running_is_one_line() {
    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    for args in [&["order", "place"][..], &["trace", ID], &["logs", ID]] {
        let output = waybill(args);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert_eq!(
            errors,
            "waybill: nothing answers at http://127.0.0.1:1: is `waybill up` running? (GATEWAY_URL, OBSERVATORY_URL say where)\n"
        );
    }
}

#[test]
fn what_is_no_command_or_id_is_refused() {
    assert_eq!(waybill(&["teleport"]).status.code(), Some(2));
    for args in [["trace", "nonsense"], ["logs", "nonsense"]] {
        let output = waybill(&args);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(errors.starts_with("waybill: an id is ") && errors.lines().count() == 1, "{errors}");
    }
}

#[test]
fn each_process_can_be_asked_for_its_health() {
    for service in ["gateway", "order", "payment", "inventory", "observatory"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_waybill"));
        let output = command
            .args([service, "healthcheck"])
            .env_clear()
            .env("ADMIN_ADDR", "0.0.0.0:1")
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), errors.lines().count()), (Some(1), 1), "{errors}");
        assert!(errors.contains("is not ready: 127.0.0.1:1: "), "{errors}");
    }
}
