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

    /// Where a secret is not to stand in the environment: for each of `names`, `<name>_FILE` may hold the path of a
    /// file whose content, without the line's end, is the value. The names are a list, because not every variable
    /// that ends in `_FILE` means this.
    pub fn with_files(mut self, names: &[&str]) -> Result<Self, ConfigError> {
        for name in names {
            let variable = format!("{name}_FILE");
            let Some(path) = self.get(&variable) else { continue };
            let refused = |takes: String| ConfigError::new(&variable, path, takes);
            if self.get(name).is_some() {
                return Err(refused(format!("the place of {name}, which is set as well: unset one of them")));
            }
            // An error of reading says what the system said, never what the file holds.
            let held = std::fs::read_to_string(path)
                .map_err(|error| refused(format!("the path of a file with the value ({error})")))?;
            let value = held.trim_end_matches(['\r', '\n']);
            if value.trim().is_empty() {
                return Err(refused("the path of a file with the value (it is empty)".to_owned()));
            }
            let value = value.to_owned();
            self.variables.insert((*name).to_owned(), value);
        }
        Ok(self)
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

    fn file(folder: &tempfile::TempDir, content: &[u8]) -> String {
        let path = folder.path().join("secret");
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    #[test]
    fn a_file_holds_the_value() {
        let folder = tempfile::tempdir().unwrap();
        for content in ["s3cret", "s3cret\n", "s3cret\r\n"] {
            let path = file(&folder, content.as_bytes());
            let env = Env::from_pairs([("KEY_FILE", path.as_str()), ("KEY", ""), ("LOG_FILE", &path)]);
            let env = env.with_files(&["KEY", "OTHER"]).unwrap();
            assert_eq!(env.get("KEY"), Some("s3cret"));
            assert_eq!((env.get("OTHER"), env.get("LOG")), (None, None));
            assert_eq!(env.get("LOG_FILE"), Some(path.as_str()), "a file's name, and not read");
        }
    }

    #[test]
    fn a_file_that_will_not_do_is_named_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |pairs: &[(&str, &str)]| {
            let env = Env::from_pairs(pairs.iter().copied());
            env.with_files(&["KEY"]).err().expect("a refusal").to_string()
        };
        let path = file(&folder, b"s3cret");
        let said = refused(&[("KEY", "also s3cret"), ("KEY_FILE", &path)]);
        let expected = format!(
            "KEY_FILE: `{path}` won't do; it takes the place of KEY, which is set as well: unset one of them"
        );
        assert_eq!(said, expected);
        for (content, why) in
            [(&b"\n"[..], "(it is empty)"), (b"\xffs3cret", "(stream did not contain valid UTF-8)")]
        {
            let said = refused(&[("KEY_FILE", &file(&folder, content))]);
            assert!(said.starts_with(&format!("KEY_FILE: `{path}` won't do; ")), "{said}");
            assert!(said.ends_with(why) && !said.contains("s3cret"), "{said}");
        }
        let said = refused(&[("KEY_FILE", "/nowhere/key")]);
        assert!(
            said.contains("KEY_FILE: `/nowhere/key` won't do; ") && said.contains("No such file"),
            "{said}"
        );
    }
}
