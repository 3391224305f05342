//! The one list of signals: what the platform emits, by name, for code, documentation, dashboards and tests alike.
//!
//! Each name is a constant that the emitting code uses, and an entry of its module's `ALL`. One macro makes both,
//! so there is no name that is not listed. The tests in `acceptance/tests/references.rs` hold everything that
//! speaks of signals against these lists: dashboards, rules, alerts, log pipelines and `docs/TELEMETRY.md`.
//!
//! | module | what it lists |
//! |---|---|
//! | [`metric`] | metrics with their labels |
//! | [`span_name`] | spans by name |
//! | [`attribute`] | what spans carry |
//! | [`event`] | what happens within spans |
//! | [`field`] | members of a log line |

/// Defines names as constants and lists them in `ALL`. The comment of a name is its brief description.
macro_rules! listed {
    ($entry:ident: $($(#[doc = $brief:literal])+ $name:ident = $text:literal $({ $($more:ident: $value:expr),* })?;)*) => {
        $($(#[doc = $brief])+ pub const $name: &str = $text;)*

        /// All of them.
        pub const ALL: &[$entry] = &[$($entry {
            name: $name,
            brief: concat!($($brief),+).trim_ascii(),
            $($($more: $value),*)?
        }),*];
    };
}

pub mod attribute;
pub mod event;
pub mod field;
pub mod metric;
pub mod span_name;
