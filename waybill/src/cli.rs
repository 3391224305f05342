//! The command line.

mod token;

pub(crate) use token::{Bearer, TokenCommand, TokenOption, TokenOptions};

use crate::up::plan::Role;
use clap::{Args, Parser, Subcommand};
use std::{path::PathBuf, time::Duration};

/// Follow one order through four services: traces, logs and metrics on this machine, with nothing else installed.
#[derive(Parser)]
#[command(version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Start everything on this machine and place a few sample orders (the default)
    Up(UpOptions),
    /// Run the API gateway, configured by environment
    Gateway(Service),
    /// Run the order service, configured by environment; or place an order
    Order {
        #[command(subcommand)]
        command: Option<OrderCommand>,
    },
    /// Run the payment service, configured by environment
    Payment(Keeper),
    /// Run the inventory service, configured by environment
    Inventory(Keeper),
    /// Run the observatory, configured by environment
    Observatory(Service),
    /// Show a trace as a tree with bars
    Trace {
        /// An order's id or a trace's id
        id: String,
    },
    /// Show the log lines of an order or a trace, over all services
    Logs {
        /// An order's id or a trace's id
        id: String,
    },
    /// Check or show the audit log: who did what, and when
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Forget a customer, or replace the keys of references to customers
    #[command(subcommand)]
    Customer(CustomerCommand),
    /// Show what each process runs with and where that comes from, without secrets. Exit code 2: something is wrong
    Config(ConfigOptions),
    /// Make an access token for development, or a pair of keys
    Token(TokenOptions),
}

/// What a person asks about the audit log.
#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Check that nothing was changed, taken out, put in, moved or cut off. Exit code 0: whole; 1: not; 2: cannot be checked
    Verify(VerifyOptions),
    /// Show the entries
    Show(ShowOptions),
}

/// Of `waybill up`, unless told otherwise; with one of the two given, only that one.
#[derive(Args)]
pub(crate) struct VerifyOptions {
    #[command(flatten)]
    database: DatabaseOption,
    /// The file that entries are delivered to (`AUDIT_LOG`)
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// The file with the key (`AUDIT_KEY`)
    #[arg(long, value_name = "FILE", default_value = "data/audit.key")]
    pub(crate) key_file: PathBuf,
}

#[derive(Args)]
pub(crate) struct ShowOptions {
    /// Only those of this order
    #[arg(long, value_name = "ID")]
    pub(crate) order: Option<String>,
    #[command(flatten)]
    pub(crate) database: DatabaseOption,
}

#[derive(Args)]
pub(crate) struct DatabaseOption {
    /// The order service's database, such as <sqlite:data/order.db> (`DATABASE_URL`)
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

impl DatabaseOption {
    pub(crate) fn url(self) -> String {
        self.database.unwrap_or_else(|| format!("sqlite:{DATA}/order.db"))
    }
}

impl VerifyOptions {
    /// File and database.
    pub(crate) fn sources(self) -> (Option<PathBuf>, Option<String>) {
        match (self.log, self.database.database) {
            (None, None) => {
                (Some(format!("{DATA}/audit.log").into()), Some(DatabaseOption { database: None }.url()))
            }
            given => given,
        }
    }
}

/// What a person does about customers.
#[derive(Subcommand)]
pub(crate) enum CustomerCommand {
    /// Take a customer out of their orders, and make the references to them in telemetry nobody's
    Forget(ForgetOptions),
    /// Replace the keys of the references to all customers in telemetry
    RotateKey(RotateOptions),
}

const ADMIN: &str = "http://127.0.0.1:9081";
const OBSERVATORY_ADMIN: &str = "http://127.0.0.1:9086";
const REF_KEY: &str = "data/customer-ref.key";

#[derive(Args)]
pub(crate) struct ForgetOptions {
    /// Who
    pub(crate) customer_id: String,
    /// The admin port of the order service
    #[arg(long, value_name = "URL", default_value = ADMIN)]
    pub(crate) admin: String,
    /// The admin port of the observatory
    #[arg(long, value_name = "URL", default_value = OBSERVATORY_ADMIN)]
    pub(crate) observatory: String,
    /// The key ring that the services were given (`CUSTOMER_REF_KEY_FILE`)
    #[arg(long, value_name = "FILE", default_value = REF_KEY)]
    pub(crate) key_file: PathBuf,
    #[command(flatten)]
    pub(crate) token: TokenOption,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args)]
pub(crate) struct RotateOptions {
    /// The admin port of the order service
    #[arg(long, value_name = "URL", default_value = ADMIN)]
    pub(crate) admin: String,
    /// The key ring that the services were given (`CUSTOMER_REF_KEY_FILE`)
    #[arg(long, value_name = "FILE", default_value = REF_KEY)]
    pub(crate) key_file: PathBuf,
    #[command(flatten)]
    pub(crate) token: TokenOption,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

impl Default for Command {
    fn default() -> Self {
        Self::Up(UpOptions::default())
    }
}

/// The folder of `waybill up`, and of `waybill` without a command.
const DATA: &str = "data";

#[derive(Args, Debug, PartialEq)]
pub(crate) struct UpOptions {
    /// Place no sample orders
    #[arg(long)]
    pub(crate) no_samples: bool,
    /// Where databases and telemetry are kept
    #[arg(long, value_name = "DIR", default_value = DATA)]
    pub(crate) data: PathBuf,
    /// Keep nothing: use a temporary folder and delete it at the end
    #[arg(long, conflicts_with = "data")]
    pub(crate) ephemeral: bool,
    /// Keep orders, charges and stock in PostgreSQL instead of SQLite: databases `order`, `payment` and `inventory` of
    /// this server, such as <postgres://user:password@127.0.0.1:5432>
    #[arg(long, value_name = "URL")]
    pub(crate) postgres: Option<String>,
    /// Add this to every port, to run beside something that has them
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=30_000))]
    pub(crate) port_offset: u16,
}

#[derive(Args)]
pub(crate) struct ConfigOptions {
    /// The process that this environment is for [default: all of `waybill up`]
    #[arg(value_enum)]
    pub(crate) service: Option<Role>,
    /// Show it as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the tables of variables into this page, docs/CONFIGURATION.md
    #[arg(long, value_name = "PAGE", hide = true)]
    pub(crate) page: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) up: UpOptions,
}

impl Default for UpOptions {
    /// As on a command line without options.
    fn default() -> Self {
        Self { no_samples: false, data: DATA.into(), ephemeral: false, postgres: None, port_offset: 0 }
    }
}

#[derive(Args)]
pub(crate) struct Service {
    #[command(subcommand)]
    pub(crate) command: Option<ServiceCommand>,
}

#[derive(Subcommand)]
pub(crate) enum ServiceCommand {
    /// Ask the one that runs with this environment whether it is ready, for a container's health
    Healthcheck,
}

/// A service with a database.
#[derive(Args)]
pub(crate) struct Keeper {
    #[command(subcommand)]
    pub(crate) command: Option<KeeperCommand>,
}

#[derive(Subcommand)]
pub(crate) enum KeeperCommand {
    /// Ask the one that runs with this environment whether it is ready, for a container's health
    Healthcheck,
    /// Bring the tables of its database up to date, for `MIGRATIONS=job`
    Migrate,
}

#[derive(Subcommand)]
pub(crate) enum OrderCommand {
    /// Ask the one that runs with this environment whether it is ready, for a container's health
    Healthcheck,
    /// Bring the tables of its database up to date, for `MIGRATIONS=job`
    Migrate,
    /// Place an order at the gateway (`GATEWAY_URL`) and say where its trace is
    Place(PlaceOptions),
}

#[derive(Args)]
pub(crate) struct PlaceOptions {
    /// Which product
    #[arg(long, default_value = "TEA-EARL-GREY")]
    pub(crate) sku: String,
    /// How many of it
    #[arg(long, default_value_t = 1)]
    pub(crate) quantity: i64,
    /// Which card: 4242424242424242 is accepted, 4000000000000002 declined
    #[arg(long, default_value = "4242424242424242")]
    pub(crate) card: String,
    /// Who orders
    #[arg(long, default_value = "c-1042")]
    pub(crate) customer: String,
    /// How many orders to place; of more than one only the sums are shown
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: u32,
    /// How many of them are under way at once
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) concurrency: u32,
    /// Place so many orders a second, such as 0.5, until Ctrl-C; also when earlier ones are not answered yet
    #[arg(long, value_name = "ORDERS", value_parser = rate, conflicts_with = "count")]
    pub(crate) rate: Option<f64>,
    /// Stop after this time, such as 90s, 10m or 2h
    #[arg(long = "for", value_name = "TIME", value_parser = duration, requires = "rate")]
    pub(crate) duration: Option<Duration>,
    /// Different products, customers and cards: most orders are good, some come to nothing
    #[arg(long, conflicts_with_all = ["sku", "quantity", "card", "customer"])]
    pub(crate) mix: bool,
    #[command(flatten)]
    pub(crate) token: TokenOption,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.001..=1000.0).contains(rate));
    rate.ok_or_else(|| "orders a second, from 0.001 to 1000".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let seconds = [("s", 1), ("m", 60), ("h", 3600)].iter().find_map(|(unit, seconds)| {
        let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
        Some(u64::from(number) * seconds)
    });
    let takes = || "a whole number with its unit: s, m or h".to_owned();
    seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs).ok_or_else(takes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_is_up_without_options() {
        let Some(Command::Up(options)) = Cli::parse_from(["waybill", "up"]).command else { panic!("not up") };
        assert_eq!(options, UpOptions::default());
    }

    #[test]
    fn services_with_a_database_migrate() {
        let takes = |service| Cli::try_parse_from(["waybill", service, "migrate"]).is_ok();
        assert!(["order", "payment", "inventory"].into_iter().all(takes));
        assert!(!takes("gateway") && !takes("observatory"));
    }

    #[test]
    fn a_rate_and_a_time_are_checked() {
        assert_eq!((rate("0.5"), rate("20")), (Ok(0.5), Ok(20.0)));
        for text in ["0", "-1", "NaN", "inf", "1e9", "many"] {
            assert!(rate(text).is_err(), "{text}");
        }
        for (text, seconds) in [("90s", 90), ("10m", 600), ("2h", 7200)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)));
        }
        for text in ["", "90", "0s", "-1s", "1.5h", "5ms", "m"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
