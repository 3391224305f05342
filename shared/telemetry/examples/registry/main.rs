//! The registry of all signals, `shared/telemetry/registry`, written and checked.
//!
//! | command | does |
//! |---|---|
//! | `write` | writes `model` from the lists in the code |
//! | `check` | says whether `model` is up to date, and what has changed for readers since the last release |
//! | `release` | keeps what there is now as `released/<version>.yaml`, which the next check compares with |
//!
//!     cargo run -p telemetry --example registry -- check

mod compare;
mod groups;
mod model;
mod things;
mod uses;

#[cfg(test)]
mod tests;

use compare::{Version, compare, verdict, version};
use model::Registry;
use std::{
    error::Error,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};
use telemetry::names::{SCHEMA_URL, VERSION};

const WRITTEN: &str = "# Written by `cargo run -p telemetry --example registry -- write`.\n";
/// So many users of a name are named.
const USERS: usize = 8;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("write") => write()?,
        Some("release") => {
            let path = folder().join("released").join(format!("{VERSION}.yaml"));
            fs::write(path, yaml(&groups::all())?)?;
        }
        Some("check") => {
            let (told, is_fine) = check()?;
            say(&told);
            return Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        _ => return Err("usage: registry write|check|release".into()),
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "it is what this program is for")]
fn say(text: &str) {
    print!("{text}");
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("registry")
}

/// The files of `model` as they should be.
fn model() -> Result<Vec<(PathBuf, String)>, Box<dyn Error>> {
    let model = folder().join("model");
    let mut files = vec![(model.join("manifest.yaml"), groups::manifest())];
    for (name, registry) in groups::files() {
        files.push((model.join(name), yaml(&registry)?));
    }
    Ok(files)
}

fn write() -> Result<(), Box<dyn Error>> {
    for (path, text) in model()? {
        fs::write(path, text)?;
    }
    Ok(())
}

fn yaml(registry: &Registry) -> Result<String, Box<dyn Error>> {
    Ok(format!("{WRITTEN}{}", serde_saphyr::to_string(registry)?))
}

/// What there is to say, a line each, and whether all is well.
fn check() -> Result<(String, bool), Box<dyn Error>> {
    let mut told = String::new();
    let mut is_fine = true;
    for (path, text) in model()? {
        if fs::read_to_string(&path).unwrap_or_default() != text {
            writeln!(told, "{} is not what the code says: run `registry write`", path.display())?;
            is_fine = false;
        }
    }
    for name in groups::ambiguous(groups::plain_definitions()) {
        writeln!(told, "{name} has another brief, type, stability or privacy class in another list")?;
        is_fine = false;
    }
    if let Err(why) = schema() {
        writeln!(told, "{why}")?;
        is_fine = false;
    }
    let now = version(VERSION).ok_or("VERSION is no version")?;
    let Some((released, path)) = last_release()? else { return Ok((told, is_fine)) };
    let before: Registry = serde_saphyr::from_str(&fs::read_to_string(path)?)?;
    let findings = compare(&before, &groups::all(), VERSION);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for finding in &findings {
        let word = format!("{:?}", finding.weight).to_uppercase();
        write!(told, "{word:8} {}: {}", finding.title, finding.what)?;
        let users = if finding.weight == compare::Weight::Addition {
            Vec::new()
        } else {
            uses::of(&root, &finding.name)
        };
        if !users.is_empty() {
            let more = users.len().saturating_sub(USERS);
            let named = users.iter().take(USERS).cloned().collect::<Vec<_>>().join(", ");
            write!(
                told,
                " (named in {named}{})",
                if more > 0 { format!(" and {more} more") } else { String::new() }
            )?;
        }
        writeln!(told)?;
    }
    if let Err(why) = verdict(&findings, released, now) {
        writeln!(told, "{VERSION} cannot follow {}.{}.{}: {why}", released.0, released.1, released.2)?;
        is_fine = false;
    }
    Ok((told, is_fine))
}

/// The newest of `released`.
fn last_release() -> Result<Option<(Version, PathBuf)>, Box<dyn Error>> {
    let paths = fs::read_dir(folder().join("released"))?.flatten().map(|entry| entry.path());
    let of_path = |path: PathBuf| Some((version(path.file_stem()?.to_str()?)?, path));
    Ok(paths.filter_map(of_path).max())
}

/// OpenTelemetry's schema file is written by hand: what it says of old versions stays when their names are gone.
fn schema() -> Result<(), String> {
    let path = folder().join("schemas").join(format!("{VERSION}.yaml"));
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let schema: serde_json::Value =
        serde_saphyr::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let wrong = |what: &str| Err(format!("{}: {what}", path.display()));
    if schema.get("file_format").and_then(|it| it.as_str()) != Some("1.1.0") {
        return wrong("its file_format is not 1.1.0");
    }
    let url = schema.get("schema_url").and_then(|it| it.as_str());
    if url != Some(SCHEMA_URL) || SCHEMA_URL.rsplit('/').next() != Some(VERSION) {
        return wrong("its schema_url is not that of the code and its version");
    }
    if schema.get("versions").and_then(|versions| versions.get(VERSION)).is_none() {
        return wrong("it does not have this version");
    }
    let renamed = things::things(&groups::all()).into_values().filter_map(|thing| match thing.deprecated {
        Some(model::Deprecated::Renamed { renamed_to }) => Some((thing.name, renamed_to)),
        _ => None,
    });
    for (old, new) in renamed {
        if !text.contains(&format!("{old}: {new}")) {
            return wrong(&format!("it does not say that {old} was renamed to {new}"));
        }
    }
    Ok(())
}
