//! Reading a chain: each entry follows the one before it, or something is wrong with it.

use super::{entry::Entry, key::AuditKey};
use crate::names::field;
use std::fmt;

/// The last entry so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number; 0 when there is none.
    pub number: i64,
    /// Its hash.
    pub hash: String,
}

impl Default for Head {
    /// Of a chain without entries.
    fn default() -> Self {
        Self { number: 0, hash: "0".repeat(64) }
    }
}

impl Head {
    /// The number and hash that a line carries, unverified. `None` when it is no entry.
    pub fn of(line: &str) -> Option<Self> {
        let (_, hash) = split(line)?;
        Some(Self { number: Entry::parse(line)?.number, hash: hash.to_owned() })
    }
}

/// The first entry that is not as it was written, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The number that it has, or should have.
    pub number: i64,
    /// In words.
    pub why: String,
}

impl Fault {
    /// At this entry, for this reason.
    pub fn new(number: i64, why: impl Into<String>) -> Self {
        Self { number, why: why.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}: {}", self.number, self.why)
    }
}

/// Checks a chain from its first entry on.
#[derive(Debug)]
pub struct Verifier {
    key: AuditKey,
    head: Head,
}

impl Verifier {
    /// Of the entries that were written with `key`.
    pub fn new(key: AuditKey) -> Self {
        Self { key, head: Head::default() }
    }

    /// The last entry that was checked.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Checks the next line, which has no newline.
    pub fn check(&mut self, line: &[u8]) -> Result<(), Fault> {
        let expected = self.head.number + 1;
        let fault = |why: &str| Err(Fault::new(expected, why));
        let Ok(line) = std::str::from_utf8(line) else { return fault("its line is not text") };
        let (Some((canonical, hash)), Some(entry)) = (split(line), Entry::parse(line)) else {
            return fault("its line is not an entry");
        };
        if self.key.hash(canonical.as_bytes()) != hash {
            return fault("it was changed, or written with another key");
        }
        // From here on it is an entry of ours; the question is whether this is its place.
        if entry.number < expected {
            let number = entry.number;
            return Err(Fault::new(expected, format!("in its place stands entry {number} once more")));
        }
        if entry.number > expected {
            return Err(Fault::new(expected, format!("it is missing: entry {} stands there", entry.number)));
        }
        if entry.previous != self.head.hash {
            return fault("it does not follow the entry before it: one of the two was replaced");
        }
        self.head = Head { number: expected, hash: hash.to_owned() };
        Ok(())
    }
}

/// What is hashed, and the hash, as text: the same digits in capitals are a change, too.
fn split(line: &str) -> Option<(String, &str)> {
    let body = line.strip_suffix("\"}")?;
    let (body, hash) = body.split_at_checked(body.len().checked_sub(64)?)?;
    let open = body.strip_suffix("\":\"")?.strip_suffix(field::HASH)?.strip_suffix(",\"")?;
    Some((format!("{open}}}"), hash))
}

#[cfg(test)]
mod tests;
