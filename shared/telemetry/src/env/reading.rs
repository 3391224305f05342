//! What was read, and where it came from.

use super::Variable;
use std::fmt;

/// A variable that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Which.
    pub variable: Variable,
    /// What counts, as people may see it. `None` where nothing does, or something that is not a text: the variable's
    /// `without` says what.
    pub shown: Option<String>,
    /// Where it came from.
    pub source: Source,
}

impl Reading {
    /// What counts, in words.
    pub fn value(&self) -> String {
        let Variable { unit, without, .. } = self.variable;
        match &self.shown {
            None => without.to_owned(),
            Some(shown) if unit.is_empty() || shown.parse::<f64>().is_err() => shown.clone(),
            Some(shown) => format!("{shown} {unit}"),
        }
    }
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody has said anything else.
    Default,
    /// The environment of the process.
    Environment,
    /// The file of this path, which `<name>_FILE` names.
    File(String),
    /// The program that starts this one: a flag of its command, or the command.
    Given(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Environment => f.write_str("environment"),
            Self::File(path) => write!(f, "file {path}"),
            Self::Given(by) => f.write_str(by),
        }
    }
}
