//! The whole platform in one binary: start it, place orders, follow them.
//!
//! | module | command |
//! |---|---|
//! | [`up`] | `waybill up`: all processes, sample orders, restarts, an orderly end |
//! | [`process`] | `waybill gateway`, `order`, `payment`, `inventory`, `observatory`: one process |
//! | [`place`] | `waybill order place` |
//! | [`trace_view`] | `waybill trace` |
//! | [`logs_view`] | `waybill logs` |
//! | [`remote`] | how the last three ask the gateway and the observatory |

mod cli;
mod logs_view;
mod place;
mod process;
mod remote;
mod style;
mod trace_view;
mod up;

use clap::Parser;
use cli::{Cli, Command, OrderCommand};
use std::{error::Error, process::ExitCode};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command.unwrap_or_default() {
        Command::Gateway => service_kit::process::main(gateway::SERVICE, gateway::run),
        Command::Order { command: None } => service_kit::process::main(order::SERVICE, order::run),
        Command::Payment => service_kit::process::main(payment::SERVICE, payment::run),
        Command::Inventory => service_kit::process::main(inventory::SERVICE, inventory::run),
        Command::Observatory => process::observatory(),
        Command::Up(options) => terminal(up::run(options)),
        Command::Order { command: Some(OrderCommand::Place(options)) } => terminal(place::run(options)),
        Command::Trace { id } => terminal(trace_view::run(id)),
        Command::Logs { id } => terminal(logs_view::run(id)),
    }
}

/// Runs a command that a person typed: what goes wrong is one line.
fn terminal(command: impl Future<Output = Result<(), Box<dyn Error>>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&*error),
    }
}

fn failed(error: &dyn Error) -> ExitCode {
    anstream::eprintln!("waybill: {error}");
    ExitCode::FAILURE
}
