//! `loadtest scale`: what a rate of orders would take, worked out from what one order takes.
//!
//! | module | |
//! |---|---|
//! | [`inputs`] | docs/scale-inputs.json: what is measured, what is assumed, prices |
//! | [`model`] | the arithmetic |
//! | [`text`] | its results as tables; those of docs/SCALE.md |
//!
//! It knows averages and bounds, and nothing of queues: it says how much of everything has to be there, not what latency
//! that gives.

mod inputs;
mod model;
mod text;

use crate::{cli::ScaleOptions, page};
use inputs::Inputs;
use model::{Model, Shares};
use std::{error::Error, fs, path::Path};

const COMMAND: &str = "loadtest scale";

/// Prints what one rate takes, or writes the page's tables.
pub(crate) fn run(options: &ScaleOptions) -> Result<(), Box<dyn Error>> {
    let inputs = read(&options.inputs)?;
    if let Some(page) = &options.page {
        return page::write(page, COMMAND, &text::page(&inputs));
    }
    let shares = Shares { traces: options.sampling, lines: options.lines };
    let model = Model::of(&inputs, options.orders_per_second, shares);
    if options.json {
        anstream::println!("{}", serde_json::to_string_pretty(&model)?);
    } else {
        anstream::println!("{}", text::one(&model));
    }
    Ok(())
}

fn read(path: &Path) -> Result<Inputs, Box<dyn Error>> {
    let json = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(serde_json::from_str(&json).map_err(|error| format!("{}: {error}", path.display()))?)
}

#[cfg(test)]
mod tests;
