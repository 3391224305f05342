//! How far it is: one line that is written over and over on a terminal, one line every ten seconds elsewhere.

use crate::tally::Tally;
use std::io::{IsTerminal, Write};

const PLAIN_EVERY: u32 = 10;

pub(crate) struct Progress {
    is_terminal: bool,
    calls: u32,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { is_terminal: std::io::stderr().is_terminal(), calls: 0 }
    }

    /// To be called every second.
    pub(crate) fn show(&mut self, tally: &Tally) {
        self.calls += 1;
        if !self.is_terminal && self.calls % PLAIN_EVERY != 1 {
            return;
        }
        let glance = tally.glance();
        let Some(interval) = glance.interval else { return };
        let text = format!(
            "{:>5.0}/{:.0} s  due {:>6.0}/s  done {:>6.0}/s  p50 {:>7.2} ms  p99 {:>7.2} ms  held back {:>4}  errors {}",
            glance.passed.as_secs_f64(),
            glance.length.as_secs_f64(),
            interval.offered,
            interval.throughput,
            interval.p50,
            interval.p99,
            interval.held_back,
            glance.errors,
        );
        self.say(&text);
    }

    /// A line about what is under way; it takes the place of the one before on a terminal.
    pub(crate) fn say(&self, text: &str) {
        if self.is_terminal {
            // Back to the first column, and clear to the end of the line.
            anstream::eprint!("\r{text}\x1b[K");
            let _ = std::io::stderr().flush();
        } else {
            anstream::eprintln!("{text}");
        }
    }

    /// A line that stays.
    pub(crate) fn keep(&self, text: &str) {
        self.end();
        anstream::eprintln!("{text}");
    }

    /// The line is done with.
    pub(crate) fn end(&self) {
        if self.is_terminal {
            anstream::eprint!("\r\x1b[K");
        }
    }
}
