//! Images in compose files, in the Dockerfile and in k8s/: all with a version, the same one everywhere.

use super::{read, repository};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Has names that move and no versions (docs/DEPENDENCIES.md).
const WITHOUT_VERSION: &str = "gcr.io/distroless/static-debian12:nonroot";
/// Elastic's operator takes a version for what it runs, and finds the image itself.
const BY_OPERATOR: &str = "k8s.elastic.co/";
const ELASTIC: &str = "docker.elastic.co/elasticsearch/elasticsearch";

fn files() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") {
                found.push(path);
            }
        }
    }
    let mut found = vec![repository("Dockerfile")];
    for entry in fs::read_dir(repository(".")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("docker-compose") {
            found.push(path);
        }
    }
    walk(&repository("k8s"), &mut found);
    found
}

/// Every image that a file names, with its version if it says one. Stages of the Dockerfile are none.
fn images(text: &str) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    let mut stages = Vec::new();
    let is_for_operator = text.contains(BY_OPERATOR);
    for line in text.lines().map(str::trim) {
        let words: Vec<&str> =
            line.split([' ', '{', '}', ',']).filter(|word| !word.is_empty() && *word != "-").collect();
        match words[..] {
            ["image:", image, ..] => found.push(parts(image)),
            ["FROM", image, ..] if !stages.contains(&image) => found.push(parts(image)),
            // Kustomize puts the versions of our own images in.
            ["name:", image, .., "newTag:", tag] => found.push((image.to_owned(), Some(tag.to_owned()))),
            ["version:", tag, ..] if is_for_operator && tag.contains('.') => {
                found.push((ELASTIC.to_owned(), Some(tag.to_owned())));
            }
            _ => {}
        }
        if let ["FROM", _, "AS", stage] = words[..] {
            stages.push(stage);
        }
    }
    found
}

fn parts(image: &str) -> (String, Option<String>) {
    let image = image.trim_matches(['"', '\'']);
    match image.rsplit_once(':') {
        Some((name, tag)) => (name.to_owned(), Some(tag.to_owned())),
        None => (image.to_owned(), None),
    }
}

/// `18.3`, `v3.14.0`, `2.14.5-alpine`: two numbers or more.
fn is_version(tag: &str) -> bool {
    let numbers = tag.trim_start_matches('v').split('-').next().unwrap_or_default();
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    numbers.split('.').count() >= 2 && numbers.split('.').all(all_digits)
}

#[test]
fn images_have_one_version_each() {
    let mut versions = BTreeMap::<String, BTreeSet<String>>::new();
    for file in files() {
        for (name, tag) in images(&read(&file)) {
            let tags = versions.entry(name.clone()).or_default();
            if let Some(tag) = tag {
                let fits = is_version(&tag) || format!("{name}:{tag}") == WITHOUT_VERSION;
                assert!(fits, "{}: {name}:{tag} has no full version", file.display());
                tags.insert(tag);
            }
        }
    }
    assert!(versions.len() > 15, "only {versions:?} were found");
    versions.retain(|_, tags| tags.len() != 1);
    assert!(versions.is_empty(), "not one version: {versions:?}");
}

#[test]
fn moving_names_are_no_versions() {
    for tag in ["18.3-alpine3.23", "v3.14.0", "2.14.5-alpine", "1.95.0-slim-bookworm"] {
        assert!(is_version(tag), "{tag}");
    }
    for tag in ["latest", "nonroot", "18", "v3", "alpine", "9.x", ""] {
        assert!(!is_version(tag), "{tag}");
    }
}
