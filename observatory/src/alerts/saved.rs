//! What the rules have counted, in a file beside the day files, so that a restart forgets nothing.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::watch::{Groups, Watch};
use crate::model::Nanos;

const FILE: &str = "alerts.json";

#[derive(Serialize, Deserialize)]
struct Saved<D, G> {
    definition: D,
    groups: G,
}

pub(super) fn path(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

/// The file's text for these rules.
pub(super) fn text(watches: &[Watch]) -> serde_json::Result<Vec<u8>> {
    let saved: Vec<_> = watches
        .iter()
        .map(|watch| Saved { definition: &watch.rule.definition, groups: &watch.groups })
        .collect();
    serde_json::to_vec(&saved)
}

/// Replaces the file at once: whoever reads it finds the old text or the new one.
pub(super) async fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let new = path.with_extension("json.new");
    tokio::fs::write(&new, text).await?;
    tokio::fs::rename(&new, path).await
}

/// Gives the rules back what they had counted; a rule that is defined differently by now begins anew.
pub(super) fn resume(path: &Path, watches: &mut [Watch], now: Nanos) -> io::Result<()> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut saved: Vec<Saved<Value, Groups>> = serde_json::from_slice(&text)?;
    for watch in watches {
        let same = saved.iter().position(|saved| saved.definition == watch.rule.definition);
        if let Some(index) = same {
            watch.resume(saved.swap_remove(index).groups, now);
        }
    }
    Ok(())
}
