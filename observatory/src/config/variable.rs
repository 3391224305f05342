//! A variable, declared once: for reading it, for errors, for `waybill config` and for docs/CONFIGURATION.md.

use std::fmt;

/// A variable of the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub brief: &'static str,
    /// What would be right, in a few words; the end of an error.
    pub takes: &'static str,
    /// What counts when it is unset, as if it held that; empty where there is nothing.
    pub default: &'static str,
    /// The same in words where `default` is empty.
    pub without: &'static str,
    /// What its number counts.
    pub unit: &'static str,
    /// Whether its value is hidden.
    pub is_secret: bool,
}

/// A variable that holds what it cannot. Shown as one line that names it, what it held and what it takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {} won't do; it takes {takes}", shown(.held.as_deref()))]
pub struct ConfigError {
    variable: &'static str,
    /// `None` when it must not be shown.
    held: Option<String>,
    takes: &'static str,
}

impl ConfigError {
    /// The variable's name.
    pub fn variable(&self) -> &'static str {
        self.variable
    }

    /// What it held, unless it must not be shown.
    pub fn held(&self) -> Option<&str> {
        self.held.as_deref()
    }

    /// What it takes.
    pub fn takes(&self) -> &'static str {
        self.takes
    }
}

fn shown(held: Option<&str>) -> String {
    held.map_or_else(|| "its value (hidden)".to_owned(), |held| format!("`{held}`"))
}

/// The environment: what a variable of this name holds.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Variable {
    pub(super) const fn named(name: &'static str, brief: &'static str) -> Self {
        Self { name, brief, takes: "", default: "", without: "none", unit: "", is_secret: false }
    }

    /// What it holds, or its default, as `parse` understands it.
    pub(super) fn read<T>(
        &self,
        lookup: Lookup<'_>,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        let held = held(lookup, self.name).unwrap_or_else(|| self.default.to_owned());
        parse(&held).ok_or_else(|| self.wrong(&held, self.takes))
    }

    /// The same for one without a default; `None` when it is unset or blank.
    pub(super) fn optional<T>(
        &self,
        lookup: Lookup<'_>,
        parse: impl FnOnce(&str) -> Result<T, ConfigError>,
    ) -> Result<Option<T>, ConfigError> {
        held(lookup, self.name).map(|held| parse(&held)).transpose()
    }

    pub(super) fn wrong(&self, held: impl fmt::Display, takes: &'static str) -> ConfigError {
        let held = (!self.is_secret).then(|| held.to_string());
        ConfigError { variable: self.name, held, takes }
    }
}

fn held(lookup: Lookup<'_>, name: &str) -> Option<String> {
    lookup(name).map(|held| held.trim().to_owned()).filter(|held| !held.is_empty())
}

/// A value that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(pub String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Declares variables as constants and lists them in `VARIABLES`. The comment of one is what it is for.
macro_rules! variables {
    ($($(#[doc = $brief:literal])+ $name:ident { $($field:ident: $value:expr),* $(,)? };)*) => {
        $($(#[doc = $brief])+
        pub(super) const $name: Variable = Variable {
            $($field: $value,)*
            ..Variable::named(stringify!($name), concat!($($brief),+).trim_ascii())
        };)*

        /// All variables that the observatory reads.
        pub const VARIABLES: &[Variable] = &[$($name),*];
    };
}

const ADDRESS: &str = "an IP address and a port, like 127.0.0.1:16686";

variables! {
    /// Page, query API and `POST /api/logs`.
    LISTEN_ADDR { takes: ADDRESS, default: "127.0.0.1:16686" };
    /// Metrics and health.
    ADMIN_ADDR { takes: ADDRESS, default: "127.0.0.1:9086" };
    /// The token that page and API take, as a bearer or as a password; needed where `LISTEN_ADDR` is no loopback address
    /// ([ACCESS.md](ACCESS.md)).
    OBSERVATORY_TOKEN { takes: "16 bytes or more", without: "nobody is asked", is_secret: true };
    /// `off` opens page, API and `/admin/…` to everybody who reaches them.
    AUTH { takes: "`off`, and nothing else", without: "a loopback address is open, another needs keys" };
    /// OTLP over gRPC.
    OTLP_GRPC_ADDR { takes: ADDRESS, default: "127.0.0.1:4317" };
    /// OTLP over HTTP.
    OTLP_HTTP_ADDR { takes: ADDRESS, default: "127.0.0.1:4318" };
    /// JSON lines, over TCP and UDP.
    LOG_ADDR { takes: ADDRESS, default: "127.0.0.1:5170" };
    /// Folder of the daily files; `:ephemeral:` is one that is deleted at the end. `data/telemetry` under `waybill up`.
    DATA_DIR { takes: "the path of a folder, or :ephemeral:", default: "data/observatory" };
    /// Days whose files are kept, today's included, of those there are files of.
    RETENTION_DAYS { takes: "a number of days from 1 to 3650", default: "7", unit: "days" };
    /// Bytes all files may take together; the oldest go first.
    RETENTION_BYTES { takes: "a number of bytes, 268435456 or more", default: "10737418240", unit: "bytes" };
    /// Log lines a second that one address may send over TCP, UDP and HTTP ([OBSERVATORY.md](OBSERVATORY.md)).
    INTAKE_RATE_LIMIT { takes: "a number of log lines a second, or off", default: "200000" };
    /// Admin addresses whose `/metrics` are scraped.
    SCRAPE_TARGETS {
        takes: "hosts with ports separated by commas, like 127.0.0.1:9080,127.0.0.1:9081, or none",
        default: "127.0.0.1:9080,127.0.0.1:9081,127.0.0.1:9082,127.0.0.1:9083",
    };
    /// Rules of alerts from logs (JSON, [ALERTS.md](ALERTS.md)).
    ALERT_RULES { takes: "a file of rules that can be read", without: "built-in rules" };
    /// Who is told of alerts, in Alertmanager's form.
    ALERT_WEBHOOK {
        takes: "an address that begins with http://, like http://127.0.0.1:9095/alerts",
        without: "nobody",
        is_secret: true,
    };
}
