//! Everything that speaks of signals, held against the code's one list of them (`telemetry::names`): a metric, label, span,
//! attribute or log field that is renamed breaks these tests until dashboards, rules, alerts and documents follow.
//!
//! That the list itself is true, `registry.rs` says. No server is needed: files are read, queries are parsed, and for each expression it is worked out which labels its
//! series have.

mod catalogue;
mod dashboards;
mod docs;
mod fields;
mod foreign;
mod labels;
mod rules;
mod sources;

use acceptance::repository::{read, repository};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// All files below `folder` whose names end so, in order.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, ending, found);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&repository(folder), ending, &mut found);
    found.sort();
    assert!(!found.is_empty(), "no {ending} in {folder}");
    found
}

fn yaml(path: &Path) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The elements of a list, or none.
fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A text, or the empty one.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Every text in `value`, however deep, with the key it stands under.
fn texts<'a>(value: &'a Value, found: &mut Vec<(&'a str, &'a str)>) {
    fn walk<'a>(key: &'a str, value: &'a Value, found: &mut Vec<(&'a str, &'a str)>) {
        match value {
            Value::String(text) => found.push((key, text)),
            Value::Array(items) => items.iter().for_each(|item| walk(key, item, found)),
            Value::Object(members) => members.iter().for_each(|(key, member)| walk(key, member, found)),
            _ => {}
        }
    }
    walk("", value, found);
}

fn assert_no(problems: &[String]) {
    assert!(problems.is_empty(), "\n  {}\n", problems.join("\n  "));
}
