//! The whole platform in one binary: start it, place orders, follow them.
//!
//! | module | command |
//! |---|---|
//! | [`up`] | `waybill up`: all processes, sample orders, restarts, an orderly end |
//! | [`process`] | `waybill gateway`, `order`, `payment`, `inventory`, `observatory`: one process |
//! | [`place`] | `waybill order place`: one order, many, or a steady load |
//! | [`trace_view`] | `waybill trace` |
//! | [`logs_view`] | `waybill logs` |
//! | [`config`] | `waybill config` |
//! | [`audit`] | `waybill audit` |
//! | [`customer`] | `waybill customer` |
//! | [`token`] | `waybill token` |
//! | [`remote`] | how placing, traces and logs ask the gateway and the observatory |

mod audit;
mod cli;
mod config;
mod customer;
mod logs_view;
mod place;
mod process;
mod remote;
mod stop;
mod style;
mod token;
mod trace_view;
mod up;

use clap::Parser;
use cli::{
    AuditCommand, Cli, Command, CustomerCommand, Keeper, KeeperCommand, OrderCommand, Service, ServiceCommand,
};
use service_kit::process::{healthcheck, migrate, start};
use std::{error::Error, process::ExitCode};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command.unwrap_or_default() {
        Command::Gateway(Service { command: None }) => start(gateway::SERVICE, gateway::run),
        Command::Order { command: None } => start(order::SERVICE, order::run),
        Command::Payment(Keeper { command: None }) => start(payment::SERVICE, payment::run),
        Command::Inventory(Keeper { command: None }) => start(inventory::SERVICE, inventory::run),
        Command::Observatory(Service { command: None }) => process::observatory(),
        Command::Gateway(Service { command: Some(ServiceCommand::Healthcheck) }) => {
            healthcheck::<gateway::config::Config>(gateway::SERVICE)
        }
        Command::Order { command: Some(OrderCommand::Healthcheck) } => {
            healthcheck::<order::config::Config>(order::SERVICE)
        }
        Command::Payment(Keeper { command: Some(KeeperCommand::Healthcheck) }) => {
            healthcheck::<payment::config::Config>(payment::SERVICE)
        }
        Command::Inventory(Keeper { command: Some(KeeperCommand::Healthcheck) }) => {
            healthcheck::<inventory::config::Config>(inventory::SERVICE)
        }
        Command::Observatory(Service { command: Some(ServiceCommand::Healthcheck) }) => {
            process::observatory_health()
        }
        Command::Order { command: Some(OrderCommand::Migrate) } => {
            migrate::<order::config::Config>(order::SERVICE)
        }
        Command::Payment(Keeper { command: Some(KeeperCommand::Migrate) }) => {
            migrate::<payment::config::Config>(payment::SERVICE)
        }
        Command::Inventory(Keeper { command: Some(KeeperCommand::Migrate) }) => {
            migrate::<inventory::config::Config>(inventory::SERVICE)
        }
        Command::Up(options) => terminal(up::run(options)),
        Command::Order { command: Some(OrderCommand::Place(options)) } => terminal(place::run(options)),
        Command::Trace { id } => terminal(trace_view::run(id)),
        Command::Logs { id } => terminal(logs_view::run(id)),
        Command::Audit(AuditCommand::Verify(options)) => verdict(audit::verify(options)),
        Command::Audit(AuditCommand::Show(options)) => terminal(audit::show(options)),
        Command::Customer(CustomerCommand::Forget(options)) => terminal(customer::forget(options)),
        Command::Customer(CustomerCommand::RotateKey(options)) => terminal(customer::rotate_key(options)),
        Command::Config(options) => shown(config::run(&options)),
        Command::Token(options) => terminal(async { token::run(options) }),
    }
}

/// Runs a command that a person typed: what goes wrong is one line.
fn terminal(command: impl Future<Output = Result<(), Box<dyn Error>>>) -> ExitCode {
    match finished(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&*error),
    }
}

/// The same for a command that answers a question: exit code 0 for yes, 1 for no, 2 when there is no answer.
fn verdict(command: impl Future<Output = Result<bool, Box<dyn Error>>>) -> ExitCode {
    match finished(command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = failed(&*error);
            ExitCode::from(2)
        }
    }
}

/// The same for one that shows settings: exit code 0 when they will do, otherwise 2.
fn shown(result: Result<bool, Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(2),
        Err(error) => {
            let _ = failed(&*error);
            ExitCode::from(2)
        }
    }
}

fn finished<T>(command: impl Future<Output = Result<T, Box<dyn Error>>>) -> Result<T, Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}

fn failed(error: &dyn Error) -> ExitCode {
    anstream::eprintln!("waybill: {error}");
    ExitCode::FAILURE
}
