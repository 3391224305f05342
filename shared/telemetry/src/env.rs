//! The process environment as a value: read once at the start, checked, never read again.

use std::{collections::HashMap, fmt::Display, str::FromStr};

/// A snapshot of environment variables. A variable that holds an empty string counts as unset, as the
/// OpenTelemetry specification asks.
#[derive(Clone, Default)]
pub struct Env {
    variables: HashMap<String, String>,
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
        Self { variables: pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect() }
    }

    /// What `name` holds, unless it is unset or blank.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// What `name` holds, parsed. `takes` says in a few words what would be right; it ends up in the error.
    pub fn parse<T: FromStr>(
        &self,
        name: &'static str,
        takes: &'static str,
    ) -> Result<Option<T>, ConfigError> {
        self.get(name).map(|held| held.parse().map_err(|_| ConfigError::new(name, held, takes))).transpose()
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_is_unset_and_wrong_names_the_variable() {
        let env = Env::from_pairs([("BLANK", "  "), ("PORT", "many")]);
        assert_eq!(env.get("BLANK"), None);
        assert_eq!(env.parse::<u16>("ABSENT", "a port"), Ok(None));
        let error = env.parse::<u16>("PORT", "a port from 1 to 65535").unwrap_err();
        assert_eq!(error.to_string(), "PORT: `many` won't do; it takes a port from 1 to 65535");
        let secret = ConfigError::secret("KEY", "16 bytes or more");
        assert_eq!(secret.to_string(), "KEY: its value (hidden) won't do; it takes 16 bytes or more");
    }
}
