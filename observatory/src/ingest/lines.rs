//! Records gathered from one read, datagram or request, to be offered to the queue together.

use std::time::Duration;

use super::record::parse;
use super::{Batch, Content, Input, Intake, LogRow, Refused, Signal};
use crate::model::Nanos;

pub(super) use super::record::MAX_LINE;

/// Records of one input that wait to be offered, and the counts of what was looked at.
#[derive(Debug)]
pub(super) struct Gathered {
    input: Input,
    rows: Vec<LogRow>,
    weight: usize,
    received: u64,
}

impl Gathered {
    pub(super) fn new(input: Input) -> Self {
        Self { input, rows: Vec::new(), weight: 0, received: 0 }
    }

    /// Counts the line, and keeps it unless it is malformed.
    pub(super) fn add(&mut self, intake: &Intake, line: &[u8], arrived: Nanos) {
        if let Err(reason) = self.keep(intake, line, arrived) {
            self.malformed(intake, line, reason);
        }
    }

    /// Keeps the line unless it is malformed, which is the caller's to count; empty lines are nothing at all.
    pub(super) fn keep(&mut self, intake: &Intake, line: &[u8], arrived: Nanos) -> Result<(), &'static str> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let row = parse(line, arrived, &intake.user_key)?;
        self.received += 1;
        self.weight += row.weight();
        self.rows.push(row);
        Ok(())
    }

    /// Counts a line that cannot be understood; of one that is too long only the beginning may be known.
    pub(super) fn malformed(&mut self, intake: &Intake, line: &[u8], reason: &'static str) {
        self.received += 1;
        intake.malformed(self.input, reason, line);
    }

    pub(super) const fn weight(&self) -> usize {
        self.weight
    }

    pub(super) const fn count(&self) -> usize {
        self.rows.len()
    }

    /// Counts what has been looked at since it was counted last.
    pub(super) fn count_received(&mut self, intake: &Intake) {
        let received = std::mem::take(&mut self.received);
        if received > 0 {
            intake.metrics.received(self.input, Signal::Logs, received);
        }
    }

    fn take(&mut self, intake: &Intake) -> Option<(Batch, usize)> {
        self.count_received(intake);
        if self.rows.is_empty() {
            return None;
        }
        let rows = std::mem::take(&mut self.rows);
        let batch = Batch { input: self.input, count: rows.len() as u64, content: Content::Lines(rows) };
        Some((batch, std::mem::take(&mut self.weight)))
    }

    /// Offers what was gathered and starts anew.
    pub(super) fn offer(&mut self, intake: &Intake) -> Result<(), Refused> {
        self.take(intake).map_or(Ok(()), |(batch, weight)| intake.offer(batch, weight))
    }

    /// As `offer`, waiting for room for a while.
    pub(super) async fn offer_within(&mut self, intake: &Intake, patience: Duration) -> Result<(), Refused> {
        match self.take(intake) {
            Some((batch, weight)) => intake.offer_within(batch, weight, patience).await,
            None => Ok(()),
        }
    }
}
