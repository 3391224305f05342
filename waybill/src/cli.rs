//! The command line.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

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
    Gateway,
    /// Run the order service, configured by environment; or place an order
    Order {
        #[command(subcommand)]
        command: Option<OrderCommand>,
    },
    /// Run the payment service, configured by environment
    Payment,
    /// Run the inventory service, configured by environment
    Inventory,
    /// Run the observatory, configured by environment
    Observatory,
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

impl Default for UpOptions {
    /// As on a command line without options.
    fn default() -> Self {
        Self { no_samples: false, data: DATA.into(), ephemeral: false, postgres: None, port_offset: 0 }
    }
}

#[derive(Subcommand)]
pub(crate) enum OrderCommand {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_is_up_without_options() {
        let Some(Command::Up(options)) = Cli::parse_from(["waybill", "up"]).command else { panic!("not up") };
        assert_eq!(options, UpOptions::default());
    }
}
