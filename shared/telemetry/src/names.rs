//! The one list of signals: what the platform emits, by name, for code, documentation, dashboards and tests alike.
//!
//! Each name is a constant that the emitting code uses, and an entry of its module's `ALL`. One macro makes both,
//! so there is no name that is not listed. `shared/telemetry/registry` is the same list for other programs, written
//! by `cargo run -p telemetry --example registry -- write` (docs/adr/0019). The tests in `acceptance/tests/references.rs`
//! hold everything that speaks of signals against these lists: dashboards, rules, alerts, log pipelines and
//! `docs/TELEMETRY.md`; `acceptance/tests/registry.rs` holds what is emitted against them.
//!
//! | module | what it lists |
//! |---|---|
//! | [`resource`] | what a process is |
//! | [`metric`], [`label`] | metrics, and what their labels mean |
//! | [`observatory`] | the observatory's own metrics |
//! | [`span_name`] | spans by name |
//! | [`attribute`] | what spans carry |
//! | [`event`] | what happens within spans |
//! | [`field`] | members of a log line |
//! | [`baggage`] | what a caller can say to all services |

/// The version of this list. It changes when a name does: `docs/TELEMETRY.md`, "What a change breaks".
pub const VERSION: &str = "1.0.0";

/// What says which version spans and metrics follow; its last element is [`VERSION`].
pub const SCHEMA_URL: &str = "https://waybill.example/schemas/telemetry/1.0.0";

/// The version of the OpenTelemetry semantic conventions that attributes are taken from.
pub const CONVENTIONS: &str = "1.44.0";

/// What is promised of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// Whether it may change with a minor version.
    pub stability: Stability,
    /// The version of this list that has it first.
    pub since: &'static str,
    /// What happens to it with the next major version.
    pub end: Option<End>,
}

impl Life {
    /// Of what was there from the beginning, to stay.
    pub const STABLE: Self = Self { stability: Stability::Stable, since: "1.0.0", end: None };
    /// Of what follows a convention that is not stable itself.
    pub const DEVELOPING: Self = Self { stability: Stability::Development, ..Self::STABLE };

    /// Of an old name that is still emitted beside the new one.
    #[must_use]
    pub const fn renamed_to(self, name: &'static str) -> Self {
        Self { end: Some(End::Renamed(name)), ..self }
    }
}

/// Whether a name may change with a minor version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stability {
    /// It may not.
    Stable,
    /// It may.
    Development,
}

/// What happens to a deprecated name with the next major version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Another takes its place. Until then, both are emitted.
    Renamed(&'static str),
    /// It goes.
    Obsolete,
}

/// What a value says of a person, from nothing to much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privacy {
    /// About programs and machines.
    Operational,
    /// About what is sold, and for how much: nobody can be told from it.
    Business,
    /// Stands for a person, or for what a person did: only who has a key or a database of ours can tell who it is.
    Pseudonym,
    /// Says something of a person.
    Personal,
}

impl Privacy {
    /// In the registry and in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operational => "operational",
            Self::Business => "business",
            Self::Pseudonym => "pseudonym",
            Self::Personal => "personal",
        }
    }
}

/// What values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// A string.
    Text,
    /// A whole number.
    Int,
    /// A number.
    Number,
    /// True or false.
    Bool,
}

/// Where a name is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The OpenTelemetry semantic conventions.
    Conventions,
    /// The platform itself.
    Own,
}

/// Whether an old name is emitted beside a new one.
macro_rules! has_twins {
    () => {
        #[allow(dead_code, reason = "not every list can have twins")]
        pub(crate) const HAS_TWINS: bool = {
            let (mut rest, mut found) = (ALL, false);
            while let [first, others @ ..] = rest {
                found |= matches!(first.life.end, Some(crate::names::End::Renamed(_)));
                rest = others;
            }
            found
        };
    };
}

/// Defines names as constants and lists them in `ALL`. The comment of a name is its brief description; what is not said
/// is as in the entry's `LISTED`.
macro_rules! listed {
    ($entry:ident: $($(#[doc = $brief:literal])+ $name:ident = $text:literal $({ $($more:ident: $value:expr),* })?;)*) => {
        $($(#[doc = $brief])+ pub const $name: &str = $text;)*

        /// All of them.
        pub const ALL: &[$entry] = &[$($entry {
            name: $name,
            brief: concat!($($brief),+).trim_ascii(),
            $($($more: $value,)*)?
            ..$entry::LISTED
        }),*];

        has_twins!();
    };
}

/// Defines metrics as constants and lists them in `ALL`. The comment of a metric is its help text.
macro_rules! metrics {
    ($(#[doc = $help:literal]
        $const:ident = $kind:ident($name:literal, $labels:expr, $exemplar:expr) $({ $($more:ident: $value:expr),* })?;)*) => {
        $(#[doc = $help] pub const $const: Metric = Metric {
            name: $name,
            kind: $kind,
            labels: &$labels,
            exemplar: $exemplar,
            help: $help.trim_ascii(),
            $($($more: $value,)*)?
            ..Metric::LISTED
        };)*

        /// All of them.
        pub const ALL: &[Metric] = &[$($const),*];

        has_twins!();
    };
}

pub mod attribute;
pub mod baggage;
pub mod event;
pub mod field;
pub mod label;
pub mod metric;
pub mod observatory;
pub mod resource;
pub mod span_name;
pub(crate) mod twins;
