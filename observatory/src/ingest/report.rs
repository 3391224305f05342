//! What came in and what became of it, for the API and the page.

use super::limit::Limited;
use super::samples::Sample;
use super::{Input, Intake};
use crate::metrics::Counts;

#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) inputs: Vec<(Input, Counts)>,
    /// Bytes that wait to be stored, and that may.
    pub(crate) queue: (usize, usize),
    /// In the order of `metrics::JOINS`.
    pub(crate) joins: [u64; 3],
    /// Records and bytes a second that one sender may send.
    pub(crate) limit: Option<(f64, f64)>,
    pub(crate) limited: Vec<Limited>,
    pub(crate) samples: Vec<Sample>,
}

impl Intake {
    pub(crate) fn report(&self) -> Report {
        Report {
            inputs: Input::ALL.map(|input| (input, self.metrics.counts(input))).into(),
            queue: (self.queue.weight(), self.queue.capacity()),
            joins: self.metrics.joins(),
            limit: self.limit.rate().zip(self.limit.bytes_a_second()),
            limited: self.limit.limited(),
            samples: self.samples.latest(),
        }
    }
}
