//! A reader of OpenMetrics 1.0 text, exemplars included.
//!
//! Lenient where that loses nothing: it does not insist on the order of lines or on metadata, and skips (and
//! counts) a sample it cannot read. But a text that does not end in `# EOF` was cut off and is no exposition.

mod sample;

use std::collections::HashMap;

pub use sample::{Sample, SampleExemplar};

/// What a family is (`# TYPE`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// Goes up.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Values in buckets.
    Histogram,
    /// `target_info` and the like.
    Info,
    /// A type that is not used here, or none said.
    #[default]
    Other,
}

impl Kind {
    /// As OpenMetrics spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
            Self::Other => "unknown",
        }
    }
}

/// One scrape.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exposition {
    /// In the order they came.
    pub samples: Vec<Sample>,
    /// Lines that are no sample.
    pub unreadable: usize,
    kinds: HashMap<String, Kind>,
}

impl Exposition {
    /// Reads a text; `None` if it does not end in `# EOF`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut exposition = Self::default();
        for line in text.lines() {
            if line == "# EOF" {
                return Some(exposition);
            }
            match line.strip_prefix("# ") {
                Some(metadata) => exposition.read_metadata(metadata),
                None if line.is_empty() || line.starts_with('#') => {}
                None => match sample::parse(line) {
                    Some(sample) => exposition.samples.push(sample),
                    None => exposition.unreadable += 1,
                },
            }
        }
        None
    }

    fn read_metadata(&mut self, metadata: &str) {
        let Some((name, kind)) = metadata.strip_prefix("TYPE ").and_then(|rest| rest.split_once(' ')) else {
            return;
        };
        let kind = match kind {
            "counter" => Kind::Counter,
            "gauge" => Kind::Gauge,
            "histogram" => Kind::Histogram,
            "info" => Kind::Info,
            _ => Kind::Other,
        };
        self.kinds.insert(name.to_owned(), kind);
    }

    /// The family a sample belongs to, and the suffix that its name has beyond the family's.
    pub fn family_of<'a>(&self, sample_name: &'a str) -> (&'a str, &'a str, Kind) {
        for suffix in ["", "_total", "_bucket", "_count", "_sum", "_created", "_info"] {
            if let Some(family) = sample_name.strip_suffix(suffix)
                && let Some(kind) = self.kinds.get(family)
            {
                return (family, suffix, *kind);
            }
        }
        (sample_name, "", Kind::Other)
    }
}
