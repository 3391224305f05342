//! The process environment as a value: read once at the start, checked, never read again. It remembers what was asked
//! of it and where each answer came from, so that what a process runs with can be shown ([`Env::readings`]).

mod near;
pub mod parse;
mod reading;
mod shown;
mod variable;

pub use reading::{Reading, Source};
pub use variable::{Secret, Variable};

use std::{
    collections::HashMap,
    fmt::Display,
    sync::{Arc, Mutex, PoisonError},
};

/// A snapshot of environment variables. A variable that holds an empty string counts as unset, as the
/// OpenTelemetry specification asks.
#[derive(Clone, Default)]
pub struct Env {
    variables: HashMap<String, Held>,
    readings: Arc<Mutex<Vec<Reading>>>,
}

#[derive(Clone)]
struct Held {
    text: String,
    source: Source,
}

impl Env {
    /// The variables of this process. Those that are not Unicode are left out.
    pub fn from_process() -> Self {
        Self::from_pairs(
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))),
        )
    }

    /// Variables from anywhere, for tests and for programs that start others.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::default().with(pairs.into_iter().map(|(k, v)| (k, v, Source::Environment)))
    }

    /// These too; they take the place of those of the same name.
    pub fn with<K: Into<String>, V: Into<String>>(
        mut self,
        variables: impl IntoIterator<Item = (K, V, Source)>,
    ) -> Self {
        let held = |text: V, source| Held { text: text.into(), source };
        self.variables
            .extend(variables.into_iter().map(|(name, text, source)| (name.into(), held(text, source))));
        self
    }

    /// Without this one.
    pub fn without(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// Where a secret is not to stand in the environment: for each of `variables` that is one, `<name>_FILE` may hold
    /// the path of a file whose content, without the line's end, is the value. It goes by the variables' names,
    /// because not every name that ends in `_FILE` means this.
    pub fn with_files<'v>(
        mut self,
        variables: impl IntoIterator<Item = &'v Variable>,
    ) -> Result<Self, ConfigError> {
        for secret in variables.into_iter().filter(|variable| variable.may_be_in_a_file()) {
            let variable = format!("{}_FILE", secret.name);
            let Some(path) = self.get(&variable).map(str::to_owned) else { continue };
            let refused = |takes: String| ConfigError::new(&variable, &path, takes);
            if self.get(secret.name).is_some() {
                return Err(refused(format!(
                    "the place of {}, which is set as well: unset one of them",
                    secret.name
                )));
            }
            // An error of reading says what the system said, never what the file holds.
            let held = std::fs::read_to_string(&path)
                .map_err(|error| refused(format!("the path of a file with the value ({error})")))?;
            let text = held.trim_end_matches(['\r', '\n']).to_owned();
            if text.trim().is_empty() {
                return Err(refused("the path of a file with the value (it is empty)".to_owned()));
            }
            self.variables.insert(secret.name.to_owned(), Held { text, source: Source::File(path) });
        }
        Ok(self)
    }

    /// What `name` holds, unless it is unset or blank.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|held| held.text.trim()).filter(|text| !text.is_empty())
    }

    /// Where what `name` holds came from.
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.get(name).and_then(|_| self.variables.get(name)).map(|held| &held.source)
    }

    /// What a variable comes to: what it holds, or its default, as [`parse`] understands it.
    pub fn read<T>(
        &self,
        variable: &Variable,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        self.read_or(variable, variable.default, parse)
    }

    /// The same for a default that is not the same for all who read the variable.
    pub fn read_or<T>(
        &self,
        variable: &Variable,
        default: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let text = self.get(variable.name).unwrap_or(default);
        self.note(variable, Some(text));
        parse(text).ok_or_else(|| variable.wrong(text))
    }

    /// The same for one that has no default; `None` when it is unset.
    pub fn optional<T>(
        &self,
        variable: &Variable,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        let held = self.get(variable.name);
        self.note(variable, held);
        held.map(|held| parse(held).ok_or_else(|| variable.wrong(held))).transpose()
    }

    /// Everything that was read, in the order of the first time.
    pub fn readings(&self) -> Vec<Reading> {
        self.readings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, variable: &Variable, text: Option<&str>) {
        let reading = Reading {
            variable: *variable,
            shown: text.map(|text| variable.shown(text)),
            source: self.source(variable.name).cloned().unwrap_or(Source::Default),
        };
        let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        match readings.iter_mut().find(|earlier| earlier.variable.name == variable.name) {
            Some(earlier) => *earlier = reading,
            None => readings.push(reading),
        }
    }

    /// What is set here and most likely was to be one of `known`, which it is not, with what was meant.
    pub fn misspelled(&self, known: &[Variable]) -> Vec<(&str, &'static str)> {
        let unknown = self.unknown(known);
        let meant = |name| near::near(name, known.iter().map(|variable| variable.name));
        unknown.filter_map(|name| Some((name, meant(name)?))).collect()
    }

    /// Variables of the OpenTelemetry specification that are set here and not among `known`, so that they do nothing.
    /// None for a process that knows none of them: what is set is for others.
    pub fn unsupported(&self, known: &[Variable]) -> Vec<&str> {
        let is_theirs = |name: &str| name.starts_with("OTEL_");
        let knows_some = known.iter().any(|variable| is_theirs(variable.name));
        self.unknown(known).filter(|name| knows_some && is_theirs(name)).collect()
    }

    fn unknown(&self, known: &[Variable]) -> impl Iterator<Item = &str> {
        let is_known = |name: &str| {
            known.iter().any(|variable| {
                let in_a_file = |base| base == variable.name && variable.may_be_in_a_file();
                variable.name == name || name.strip_suffix("_FILE").is_some_and(in_a_file)
            })
        };
        let mut unknown: Vec<&str> = self
            .variables
            .keys()
            .map(String::as_str)
            .filter(|name| self.get(name).is_some() && !is_known(name))
            .collect();
        unknown.sort_unstable();
        unknown.into_iter()
    }
}

/// A variable that holds something it can't. Prints as one line that names the variable, what it held and
/// what it takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {held} won't do; it takes {takes}")]
pub struct ConfigError {
    variable: String,
    held: String,
    takes: String,
}

impl ConfigError {
    /// `held` is printed as it is: use [`ConfigError::secret`] for what must not be seen.
    pub fn new(variable: impl Into<String>, held: impl Display, takes: impl Into<String>) -> Self {
        Self { variable: variable.into(), held: format!("`{held}`"), takes: takes.into() }
    }

    /// The same for a variable whose value stays hidden.
    pub fn secret(variable: impl Into<String>, takes: impl Into<String>) -> Self {
        Self { variable: variable.into(), held: "its value (hidden)".into(), takes: takes.into() }
    }

    /// The variable's name.
    pub fn variable(&self) -> &str {
        &self.variable
    }
}

#[cfg(test)]
mod tests;
