//! A variable, declared once.

use super::{ConfigError, shown};
use std::fmt::Display;

/// A variable of the environment: what reads it, what refuses it, what shows it (`waybill config`) and
/// docs/CONFIGURATION.md have it from here. [`variables!`](crate::variables) declares them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub brief: &'static str,
    /// What would be right, in a few words; the end of an error.
    pub takes: &'static str,
    /// What counts when it is unset, as if it held that. Empty where that is worked out, or there is nothing.
    pub default: &'static str,
    /// The same in words where `default` is empty.
    pub without: &'static str,
    /// What its number counts, such as `ms`.
    pub unit: &'static str,
    /// How much of it nobody may see.
    pub secret: Secret,
}

/// How much of a value is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secret {
    /// Nothing.
    No,
    /// The password of a URL. One that is wrong is hidden wholly: nobody knows where its password is.
    Password,
    /// All of it.
    Whole,
}

impl Variable {
    /// One without more than a name and a purpose: what [`variables!`](crate::variables) begins with.
    pub const fn named(name: &'static str, brief: &'static str) -> Self {
        Self { name, brief, takes: "", default: "", without: "none", unit: "", secret: Secret::No }
    }

    /// That it cannot be what it holds.
    pub fn wrong(&self, held: impl Display) -> ConfigError {
        self.wrong_here(held, self.takes)
    }

    /// The same where other settings narrow down what it takes.
    pub fn wrong_here(&self, held: impl Display, takes: impl Into<String>) -> ConfigError {
        match self.secret {
            Secret::No => ConfigError::new(self.name, shown::clean(&held.to_string()), takes),
            Secret::Password | Secret::Whole => ConfigError::secret(self.name, takes),
        }
    }

    /// Whether a file may hold it instead: see [`Env::with_files`](super::Env::with_files).
    pub fn may_be_in_a_file(&self) -> bool {
        self.secret != Secret::No
    }

    /// What it holds, for people.
    pub(super) fn shown(&self, held: &str) -> String {
        match self.secret {
            Secret::Whole => shown::HIDDEN.to_owned(),
            Secret::No | Secret::Password => shown::clean(held),
        }
    }
}

/// Declares variables as constants and lists them in `VARIABLES`. The comment of one is what it is for; its name is
/// that of the constant. What is not given is as [`Variable::named`] has it.
///
/// ```
/// telemetry::variables! {
///     /// How long an answer is kept.
///     KEEP_MS { takes: "a number of milliseconds", default: "1000", unit: "ms" };
/// }
/// assert_eq!((KEEP_MS.name, KEEP_MS.brief, VARIABLES.len()), ("KEEP_MS", "How long an answer is kept.", 1));
/// ```
#[macro_export]
macro_rules! variables {
    ($($(#[doc = $brief:literal])+ $name:ident { $($field:ident: $value:expr),* $(,)? };)*) => {
        $($(#[doc = $brief])+
        pub const $name: $crate::env::Variable = $crate::env::Variable {
            $($field: $value,)*
            ..$crate::env::Variable::named(stringify!($name), concat!($($brief),+).trim_ascii())
        };)*

        /// All of them.
        pub const VARIABLES: &[$crate::env::Variable] = &[$($name),*];
    };
}
