//! A few of the lines that an alert is about: the way from it to a trace.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::ingest::LogRow;
use crate::model::{Nanos, SpanId, TraceId};

const KEPT: usize = 5;
/// One in this time: the lines of a burst resemble each other, and keeping one costs more than counting it.
const APART: Nanos = 1_000_000_000;
const LONGEST: usize = 200;
const LONGEST_SERVICE: usize = 64;

/// A line, cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Example {
    pub(crate) timestamp: Nanos,
    pub(crate) severity: String,
    pub(crate) service: String,
    pub(crate) message: String,
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) span_id: Option<SpanId>,
}

/// The newest last.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Examples {
    kept: VecDeque<Example>,
    last: Nanos,
}

impl Examples {
    pub(super) fn add(&mut self, now: Nanos, row: &LogRow) {
        let is_soon = !self.kept.is_empty() && now.saturating_sub(self.last) < APART;
        if is_soon {
            // Only a line that leads further is worth the other's place.
            let leads_further =
                row.trace_id.is_some() && self.kept.back().is_some_and(|last| last.trace_id.is_none());
            if !leads_further {
                return;
            }
            self.kept.pop_back();
        }
        self.last = now;
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Example {
            timestamp: row.timestamp,
            severity: cut(&row.severity, 16),
            service: cut(&row.service, LONGEST_SERVICE),
            message: cut(&row.message, LONGEST),
            trace_id: row.trace_id,
            span_id: row.span_id,
        });
    }

    /// The newest first.
    pub(super) fn newest(&self) -> impl Iterator<Item = &Example> {
        self.kept.iter().rev()
    }
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
