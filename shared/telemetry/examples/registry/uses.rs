//! Who in this repository names a signal.

use std::{fs, path::Path};

/// What people look at, and what reads signals for them.
const READERS: [&str; 10] = [
    "grafana",
    "prometheus",
    "alertmanager",
    "kibana",
    "logstash",
    "elasticsearch",
    "collector",
    "observatory/src",
    "docs",
    "README.md",
];

/// The files, below `root`, that name `name`.
pub(crate) fn of(root: &Path, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for reader in READERS {
        walk(&root.join(reader), &mut |path| {
            if fs::read_to_string(path).is_ok_and(|text| names(&text, name)) {
                let path = path.strip_prefix(root).unwrap_or(path);
                found.push(path.display().to_string());
            }
        });
    }
    found.sort();
    found
}

fn walk(path: &Path, see: &mut impl FnMut(&Path)) {
    match fs::read_dir(path) {
        Ok(entries) => entries.flatten().for_each(|entry| walk(&entry.path(), see)),
        Err(_) => see(path),
    }
}

/// As a word of its own. A histogram's samples count as the histogram.
fn names(text: &str, name: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + name.len()..).unwrap_or_default();
        let suffix = ["_bucket", "_count", "_sum"].into_iter().find_map(|suffix| after.strip_prefix(suffix));
        let after = suffix.unwrap_or(after).chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_name_is_a_whole_word() {
        assert!(names("rate(orders_total[1m])", "orders_total"));
        assert!(names("sum by (le) (duration_seconds_bucket)", "duration_seconds"));
        assert!(!names("all_orders_total", "orders_total"));
        assert!(!names("orders_total_sum_of", "orders_total"));
    }
}
