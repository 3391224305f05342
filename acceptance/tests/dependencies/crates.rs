//! The table of direct dependencies against the `Cargo.toml` files.

use super::{read, repository};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

const PAGE: &str = "docs/DEPENDENCIES.md";

/// What the `Cargo.toml` files say of one crate.
#[derive(Debug, Default, PartialEq)]
struct Facts {
    features: BTreeSet<String>,
    /// Our crates that need it, those apart that need it for their tests only.
    users: BTreeSet<String>,
}

fn declared() -> BTreeMap<String, Facts> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let metadata = ["metadata", "--no-deps", "--format-version", "1"];
    let output = Command::new(cargo).args(metadata).current_dir(repository(".")).output().unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut crates = BTreeMap::<String, Facts>::new();
    for package in metadata["packages"].as_array().unwrap() {
        let all = package["dependencies"].as_array().unwrap();
        // Ours have a path and no source.
        for dependency in all.iter().filter(|dependency| !dependency["source"].is_null()) {
            let facts = crates.entry(text(&dependency["name"])).or_default();
            facts.features.extend(dependency["features"].as_array().unwrap().iter().map(text));
            if dependency["uses_default_features"] == true {
                facts.features.insert("default".to_owned());
            }
            if dependency["kind"] != "dev" {
                facts.users.insert(text(&package["name"]));
            }
        }
    }
    crates
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Rows of the page's tables: crate, why, without it, features, users.
fn described(page: &str) -> BTreeMap<String, Facts> {
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, why, without, features, users] = cells[..] else { panic!("not five cells: {row}") };
        assert!(why.len() > 10 && without.len() > 3, "say why: {row}");
        let facts = Facts { features: list(features, "none"), users: list(users, "tests") };
        (name.trim_matches('`').to_owned(), facts)
    })
    .collect()
}

fn list(cell: &str, nothing: &str) -> BTreeSet<String> {
    let names = cell.split(", ").filter(|name| *name != nothing);
    names.map(|name| name.trim_matches('`').to_owned()).collect()
}

#[test]
fn every_dependency_is_explained() {
    let (declared, described) = (declared(), described(&read(&repository(PAGE))));
    let names: BTreeSet<&String> = declared.keys().chain(described.keys()).collect();
    let mut problems = Vec::new();
    for name in names {
        match (declared.get(name), described.get(name)) {
            (None, _) => problems.push(format!("{name} is gone: take its row out")),
            (Some(facts), None) => problems.push(format!("{name} has no row: {facts:?}")),
            (Some(facts), Some(row)) if facts != row => {
                problems.push(format!("{name}\n    is  {facts:?}\n    not {row:?}"));
            }
            _ => {}
        }
    }
    assert!(problems.is_empty(), "{PAGE} is behind:\n  {}", problems.join("\n  "));
}
