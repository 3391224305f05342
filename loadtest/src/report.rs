//! A run's report: as JSON, as Markdown, and as one page that needs nothing else.

mod html;
mod markdown;
pub(crate) mod plot;

use crate::{
    limit::Limit,
    tally::Summary,
    threshold::Check,
    traces::{Comparison, OwnTimes},
};
pub(crate) use markdown::{markdown, table};
use serde::Serialize;
use std::{fs, io, path::Path};

/// Everything that is known of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) scenario: &'static str,
    pub(crate) started: String,
    pub(crate) gateway: String,
    pub(crate) machine: String,
    pub(crate) load: String,
    pub(crate) checks: Vec<Check>,
    pub(crate) limit: Option<Limit>,
    /// CPU time of the generator for each answered order.
    pub(crate) client_cpu_micros: f64,
    pub(crate) traces: Option<Comparison>,
    pub(crate) summary: Summary,
}

/// Writes the three forms into a folder.
pub(crate) fn write(report: &Report, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("report.json"), serde_json::to_vec_pretty(report)?)?;
    fs::write(folder.join("report.md"), markdown(report))?;
    fs::write(folder.join("report.html"), html::page(report))
}

/// What the table of own times shows.
fn about(own: &OwnTimes) -> String {
    format!(
        "Where the time of the slowest goes: the slowest hundredth of the orders that succeeded, here {}, beside {} from the middle. \
         A span's own time is what none of its children accounts for, up to the answer, in the mean of an order.",
        own.slowest, own.usual
    )
}

#[cfg(test)]
mod tests;
