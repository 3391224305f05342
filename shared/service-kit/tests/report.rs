use service_kit::config::variables::{DATABASE_URL, REQUEST_TIMEOUT_MS, VARIABLES};
use service_kit::config::{Report, base_url, millis, variables};
use telemetry::Env;
use telemetry::env::parse;

/// Reads three, and a fourth only when it must.
fn report(pairs: &[(&str, &str)]) -> Report {
    Report::new("tea-service", &Env::from_pairs(pairs.iter().copied()), VARIABLES, |env| {
        env.read(&REQUEST_TIMEOUT_MS, millis)?;
        env.read(&variables::ORDER_URL, base_url)?;
        let database: String = env.read_or(&DATABASE_URL, "sqlite:data/tea.db", parse::value)?;
        if database.starts_with("postgres") {
            env.read(&variables::EVENT_ATTEMPTS, parse::within(1..=1000))?;
        }
        Ok(())
    })
}

#[test]
fn values_are_shown_with_where_they_come_from() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("url");
    std::fs::write(&path, "postgres://tea:hunter2@db/tea\n").unwrap();
    let report = report(&[("DATABASE_URL_FILE", path.to_str().unwrap()), ("REQUEST_TIMEOUT_MS", "250")]);
    assert_eq!(report.errors(), []);
    let text = report.to_string();
    for (name, rest) in [
        ("REQUEST_TIMEOUT_MS", "250 ms environment"),
        ("ORDER_URL", "http://127.0.0.1:8081 default a base URL such as"),
        ("DATABASE_URL", &*format!("postgres://(hidden)@db/tea file {} sqlite:", path.display())),
        ("EVENT_ATTEMPTS", "20 default"),
    ] {
        let line = text.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        let line: Vec<&str> = line.split_whitespace().collect();
        assert!(line.join(" ").starts_with(&format!("{name} {rest}")), "{text}");
    }
    let json = report.json();
    assert_eq!((&json["service"], &json["variables"][0]["value"]), (&"tea-service".into(), &250.into()));
    assert_eq!(json["variables"][0]["unit"], "ms");
    assert!(!json.to_string().contains("hunter2") && !text.contains("hunter2"), "{text}");
}

#[test]
fn all_that_is_wrong_is_listed() {
    let report = report(&[
        ("REQUEST_TIMEOUT_MS", "soon"),
        ("ORDER_URL", "http://me:hunter2@order/base"),
        ("DATABASE_URL_FILE", "/nowhere/url"),
    ]);
    let errors: Vec<&str> = report.errors().iter().map(telemetry::ConfigError::variable).collect();
    assert_eq!(errors, ["DATABASE_URL_FILE", "REQUEST_TIMEOUT_MS", "ORDER_URL"]);
    let text = report.to_string();
    assert!(text.contains("error: REQUEST_TIMEOUT_MS: `soon` won't do; it takes "), "{text}");
    let line = text.lines().find(|line| line.starts_with("  REQUEST_TIMEOUT_MS")).unwrap();
    assert!(line.contains("(won't do)") && line.contains("environment"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn what_does_nothing_is_noted() {
    let report = report(&[("EVENT_ATTEMPTS", "3"), ("REQUEST_TIMEOUT_MSEC", "3"), ("PATH", "/bin")]);
    assert_eq!(
        report.json()["notes"],
        serde_json::json!([
            "REQUEST_TIMEOUT_MSEC is not read: is REQUEST_TIMEOUT_MS meant?",
            "EVENT_ATTEMPTS is not read here, or not with these settings",
        ])
    );
}
