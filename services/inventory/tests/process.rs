//! The service as a process: how it refuses to start, and how it stops.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waybill-inventory"));
    command
        .env_clear()
        .env("LISTEN_ADDR", "127.0.0.1:0")
        .env("ADMIN_ADDR", "127.0.0.1:0")
        .env("DATABASE_URL", format!("sqlite:{}/inventory.db", folder.display()))
        .env("OTEL_TRACES_EXPORTER", "none")
        .env("CUSTOMER_REF_KEY", "only for this test");
    command
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Exit code, and standard error, which must be one line.
fn refusal(output: &Output) -> (Option<i32>, String) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(text.lines().count(), 1, "{text}");
    (output.status.code(), text.trim_end().to_owned())
}

#[test]
fn a_wrong_variable_stops_the_start_with_one_line() {
    let output = command(folder().path()).env("LISTEN_ADDR", "everywhere").output().unwrap();
    let (code, line) = refusal(&output);
    assert_eq!(code, Some(2));
    assert_eq!(
        line,
        "inventory-service: LISTEN_ADDR: `everywhere` won't do; it takes an IP address and a port such as 127.0.0.1:8080"
    );
    let output = command(folder().path()).env("DATABASE_URL", "postgres://me:hunter2@db").output().unwrap();
    let (code, line) = refusal(&output);
    assert!(code == Some(2) && line.contains("DATABASE_URL") && !line.contains("hunter2"), "{line}");
}

#[test]
fn a_taken_port_stops_the_start_with_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let output = command(folder().path()).env("ADMIN_ADDR", address.to_string()).output().unwrap();
    let expected = format!("inventory-service: ADMIN_ADDR: {address} is taken by another process");
    assert_eq!(refusal(&output), (Some(1), expected));
}

#[test]
fn a_database_that_cannot_be_had_stops_the_start_with_one_line() {
    let output = command(Path::new("/dev/null")).output().unwrap();
    let (code, line) = refusal(&output);
    assert!(
        code == Some(1) && line.starts_with("inventory-service: DATABASE_URL: cannot "),
        "{code:?} {line}"
    );
}

#[test]
fn a_server_that_is_not_there_is_named_without_its_password() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("postgres://me:hunter2@{nobody}/inventory");
    let output = command(folder().path()).env("DATABASE_URL", url).output().unwrap();
    let (code, line) = refusal(&output);
    let named = format!("inventory-service: DATABASE_URL: cannot open {nobody}/inventory: ");
    assert!(
        code == Some(1) && line.starts_with(&named) && line.contains("refused") && !line.contains("hunter2"),
        "{line}"
    );
}

/// Does not outlive a test that fails.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}

#[test]
fn a_signal_stops_it_in_order() {
    let folder = folder();
    for signal in ["-TERM", "-INT"] {
        let mut process =
            Guard(command(folder.path()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
        let child = &mut process.0;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let started: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(
            (&started["message"], &started["service"]),
            (&"started".into(), &"inventory-service".into())
        );
        let killed = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let last = lines.map(Result::unwrap).last().unwrap();
        assert!(last.contains("\"stopped\""), "{last}");
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn arguments_are_answered_in_one_line() {
    let answer = |argument: &str| command(folder().path()).arg(argument).output().unwrap();
    for (argument, word) in [("--version", env!("CARGO_PKG_VERSION")), ("--help", "healthcheck")] {
        let output = answer(argument);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.lines().count() == 1 && text.contains(word), "{text}");
    }
    let expected = "inventory-service: `--verbose` won't do; it takes no argument, `healthcheck`, `migrate`, `config`, `--version` or `--help`";
    assert_eq!(refusal(&answer("--verbose")), (Some(2), expected.to_owned()));
}

#[test]
fn its_secrets_may_be_in_files_and_its_health_can_be_asked() {
    let folder = folder();
    let secret = |name: &str, value: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, value + "\n").unwrap();
        path
    };
    let url = secret("database_url", format!("sqlite:{}/from-a-file.db", folder.path().display()));
    let key = secret("customer_ref_key", "a key from a file".to_owned());
    let admin = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let command = || {
        let mut command = command(folder.path());
        command.env_remove("DATABASE_URL").env_remove("CUSTOMER_REF_KEY");
        command.env("DATABASE_URL_FILE", &url).env("CUSTOMER_REF_KEY_FILE", &key);
        command.env("ADMIN_ADDR", format!("0.0.0.0:{}", admin.port()));
        command
    };
    let check = || command().arg("healthcheck").output().unwrap();
    let (code, line) = refusal(&check());
    assert!(code == Some(1) && line.starts_with("inventory-service is not ready: "), "{line}");

    let mut process = Guard(command().stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains("\"started\""), "the key was found, or there would be a warning: {first}");
    let end = Instant::now() + Duration::from_secs(20);
    let ready = loop {
        let output = check();
        if output.status.success() || Instant::now() > end {
            break output;
        }
    };
    assert_eq!(String::from_utf8(ready.stdout).unwrap(), "inventory-service is ready\n");
    assert!(folder.path().join("from-a-file.db").exists());

    let output = command().env("DATABASE_URL", "postgres://me:hunter2@db/inventory").output().unwrap();
    let (code, line) = refusal(&output);
    assert!(code == Some(2) && line.contains("DATABASE_URL_FILE: ") && !line.contains("hunter2"), "{line}");
}

#[test]
fn its_tables_may_be_left_to_a_job() {
    let folder = folder();
    let run = |arguments: &[&str]| {
        command(folder.path()).env("MIGRATIONS", "job").args(arguments).output().unwrap()
    };
    let (code, line) = refusal(&run(&[]));
    let said = "migration 1 (stock) has not run, and MIGRATIONS=job leaves that to `migrate`";
    assert!(code == Some(1) && line.ends_with(said), "{line}");
    // Again is no mistake: a job may be run twice. It needs no other variable.
    for _ in 0..2 {
        let migrated = run(&["migrate"]);
        let text = String::from_utf8(migrated.stdout).unwrap();
        let database = folder.path().join("inventory.db");
        let expected = format!("inventory-service: the tables of {} are up to date\n", database.display());
        assert_eq!((migrated.status.code(), text), (Some(0), expected));
    }
    let mut started = command(folder.path());
    started.env("MIGRATIONS", "job").stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = Guard(started.spawn().unwrap());
    let mut lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    assert!(Command::new("kill").arg(process.0.id().to_string()).status().unwrap().success());
    lines.for_each(drop);
    assert_eq!(process.0.wait().unwrap().code(), Some(0));
}

#[test]
fn what_it_runs_with_is_shown_without_secrets() {
    let folder = folder();
    let shown = |args: &[&str], env: (&str, &str)| {
        let output = command(folder.path()).args(args).env(env.0, env.1).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = shown(&["config"], ("RESERVATION_TTL_MS", "250"));
    assert!(code == Some(0) && text.contains("250 ms") && !text.contains("only for this test"), "{text}");
    let (code, text) = shown(&["config", "--json"], ("RESERVATION_TTL_MS", "0"));
    let report: Value = serde_json::from_str(&text).unwrap();
    let error = report["errors"][0].as_str().unwrap();
    assert!(code == Some(2) && error.starts_with("RESERVATION_TTL_MS: `0` won't do; "), "{text}");
    assert!(!folder.path().join("inventory.db").exists(), "nothing is started");
}

#[test]
fn a_slip_in_a_name_is_a_warning() {
    let folder = folder();
    let mut command = command(folder.path());
    command.env("LOG_LEVL", "debug").env("OTEL_LOGS_EXPORTER", "otlp");
    let mut process = Guard(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
    let lines: Vec<Value> = lines.take(3).map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    let said: Vec<_> = lines.iter().map(|line| (&line["severity"], &line["message"])).collect();
    let warning = Value::from("WARN");
    let slip = "LOG_LEVL is not read: is LOG_LEVEL meant?".into();
    let other = "not supported, and not read: OTEL_LOGS_EXPORTER".into();
    let started = (&Value::from("INFO"), &Value::from("started"));
    assert_eq!(said, [(&warning, &slip), (&warning, &other), started]);
}
