//! Who may import whom, so that the picture in docs/ARCHITECTURE.md cannot drift from the code.

use serde_json::Value;
use std::{collections::BTreeMap, process::Command};

/// Ours that a crate may depend on, dev-dependencies apart.
const ALLOWED: [(&str, &[&str]); 12] = [
    ("api", &[]),
    ("telemetry", &[]),
    ("service-kit", &["api", "telemetry"]),
    ("testkit", &["api", "telemetry"]),
    ("gateway", &["api", "service-kit", "telemetry"]),
    ("order", &["api", "service-kit", "telemetry"]),
    ("payment", &["api", "service-kit", "telemetry"]),
    ("inventory", &["api", "service-kit", "telemetry"]),
    ("observatory", &[]),
    ("loadtest", &[]),
    ("stock", &["telemetry"]),
    (
        "waybill",
        &["api", "gateway", "inventory", "observatory", "order", "payment", "service-kit", "telemetry"],
    ),
];

/// The crates that may name OpenTelemetry: the telemetry crate, those that speak its wire format, and
/// the one that shows the usual way beside ours.
const OPENTELEMETRY: [&str; 4] = ["telemetry", "observatory", "testkit", "stock"];

/// Package to the names of its dependencies, dev-dependencies apart.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            let all = package["dependencies"].as_array().unwrap().iter();
            let real = all.filter(|dependency| dependency["kind"] != "dev");
            (text(&package["name"]), real.map(|dependency| text(&dependency["name"])).collect())
        })
        .collect()
}

#[test]
fn crates_import_only_what_lies_below_them() {
    let dependencies = dependencies();
    let ours: Vec<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    for (name, allowed) in ALLOWED {
        let named = dependencies.get(name).unwrap_or_else(|| panic!("there is no crate {name}"));
        let wrong: Vec<_> = named
            .iter()
            .filter(|dependency| {
                ours.contains(&dependency.as_str()) && !allowed.contains(&dependency.as_str())
            })
            .collect();
        assert!(wrong.is_empty(), "{name} must not import {wrong:?}");
    }
    let unknown: Vec<_> =
        dependencies.keys().filter(|name| !ours.contains(&name.as_str()) && *name != "acceptance").collect();
    assert!(unknown.is_empty(), "say here what {unknown:?} may import");
}

#[test]
fn opentelemetry_is_named_in_one_place() {
    for (name, named) in dependencies() {
        let uses = named.iter().any(|dependency| dependency.contains("opentelemetry"));
        assert!(!uses || OPENTELEMETRY.contains(&name.as_str()), "{name} must not name OpenTelemetry");
    }
}

#[test]
fn domains_name_no_web_database_or_telemetry_crate() {
    for service in ["order", "payment", "inventory"] {
        let path = format!("{}/../services/{service}/src/domain.rs", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap();
        for banned in ["axum", "reqwest", "sqlx", "telemetry", "tracing", "service_kit"] {
            assert!(!text.contains(&format!("use {banned}")), "{path} imports {banned}");
        }
    }
}
