//! The table.

use std::fmt;

use super::send::Input;
use super::serve::Counts;

pub const HEAD: &str = "input      offered/s    sent/s  stored/s       sent     stored  refused  limited   failed     lost   loss %  CPU µs/event  peak MiB";

pub struct Row {
    pub input: Input,
    pub rate: u64,
    pub sent: u64,
    pub sent_a_second: f64,
    pub stored_a_second: f64,
    pub cpu_micros: f64,
    pub peak_bytes: u64,
    pub counts: Counts,
}

impl Row {
    /// Sent and never read: only UDP can lose so.
    fn lost(&self) -> u64 {
        self.sent.saturating_sub(self.counts.received)
    }

    fn not_stored(&self) -> u64 {
        self.sent.saturating_sub(self.counts.stored)
    }
}

/// The run in the middle, by CPU time.
pub fn median(mut rows: Vec<Row>) -> Row {
    rows.sort_by(|one, other| one.cpu_micros.total_cmp(&other.cpu_micros));
    rows.swap_remove(rows.len() / 2)
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { stored, refused, limited, failed, .. } = self.counts;
        write!(
            f,
            "{:<10} {:>9} {:>9.0} {:>9.0} {:>10} {stored:>10} {refused:>8} {limited:>8} {failed:>8} {:>8} {:>8.3} {:>13.2} {:>9.0}",
            self.input.name(),
            self.rate,
            self.sent_a_second,
            self.stored_a_second,
            self.sent,
            self.lost(),
            self.not_stored() as f64 * 100.0 / self.sent.max(1) as f64,
            self.cpu_micros,
            self.peak_bytes as f64 / 1_048_576.0,
        )
    }
}
