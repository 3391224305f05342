//! Load for the platform, and the experiment that says what its telemetry costs.
//!
//! | module | |
//! |---|---|
//! | [`cli`] | the command line |
//! | [`schedule`], [`mix`] | when an order is due, and what is ordered |
//! | [`client`], [`generate`] | how it is sent: open loop, and closed loop for the throughput at saturation |
//! | [`tally`], [`limit`], [`threshold`] | what is recorded, where the platform's limit is, what must hold |
//! | [`traces`] | client latency beside the server's |
//! | [`run`], [`progress`], [`report`] | `loadtest run` |
//! | [`overhead`], [`sink`], [`cpu`], [`stats`] | `loadtest overhead` |
//! | [`scale`] | `loadtest scale` |
//! | [`instructions`], [`page`] | counts and results between the markers of a page |

mod cli;
mod client;
mod cpu;
mod generate;
mod instructions;
mod limit;
mod mix;
mod overhead;
mod page;
mod progress;
mod report;
mod run;
mod scale;
mod schedule;
mod sink;
mod stats;
mod tally;
mod threshold;
mod traces;

use clap::Parser;
use cli::{Cli, Command};
use std::{error::Error, process::ExitCode};

/// A threshold is broken.
const BROKEN: u8 = 1;
/// Wrong usage, or nothing to put load on.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    // One thread: the load shares the machine with what it loads, and one thread sends thousands of orders a second.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.map_err(Into::into).and_then(|runtime| match Cli::parse().command {
        Command::Run(options) => runtime.block_on(run::run(&options)),
        Command::Overhead(options) => runtime.block_on(overhead::run(&options)).map(|()| true),
        Command::Scale(options) => scale::run(&options).map(|()| true),
        Command::Sink => runtime.block_on(sink::run()).map(|()| true),
        Command::Instructions { figures, page } => instructions::write(&figures, &page).map(|()| true),
    });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(BROKEN),
        Err(error) => unusable(&*error),
    }
}

fn unusable(error: &dyn Error) -> ExitCode {
    anstream::eprintln!("loadtest: {error}");
    ExitCode::from(UNUSABLE)
}
