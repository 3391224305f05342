//! The last few records that could not be understood, for whoever looks for the sender's mistake.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::Input;
use crate::model::{Nanos, now};

const KEPT: usize = 10;
const SHOWN: usize = 160;

/// One of them, redacted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) at: Nanos,
    pub(crate) input: Input,
    pub(crate) reason: &'static str,
    pub(crate) text: String,
}

/// The last ones; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples(Arc<Mutex<VecDeque<Sample>>>);

impl Samples {
    pub(super) fn add(&self, input: Input, reason: &'static str, record: &[u8]) {
        let sample = Sample { at: now(), input, reason, text: redact(record) };
        let mut samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        samples.truncate(KEPT - 1);
        samples.push_front(sample);
    }

    /// The newest first.
    pub(crate) fn latest(&self) -> Vec<Sample> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// What shows the mistake and nothing about anybody: of what may be an object the beginning, with the names of its members
/// and no values but `true`, `false` and `null`; of anything else its punctuation.
fn redact(record: &[u8]) -> String {
    let head = String::from_utf8_lossy(record.get(..SHOWN).unwrap_or(record));
    let mut redacted = Redacted { is_object: head.trim_start().starts_with('{'), ..Redacted::default() };
    let mut rest = head.as_ref();
    while let Some(char) = rest.chars().next() {
        let length = match char {
            '"' => redacted.quoted(rest),
            _ if char.is_alphanumeric() => redacted.word(rest),
            _ => redacted.mark(char),
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    if record.len() > SHOWN {
        redacted.text.push('…');
    }
    redacted.text
}

/// What has been read of a record, and how it is shown.
#[derive(Debug, Default)]
struct Redacted {
    is_object: bool,
    text: String,
    /// For each `{` and `[` that is open, whether it is a `{`.
    open: Vec<bool>,
    /// The name of a member may come next.
    before_name: bool,
}

impl Redacted {
    /// A text from its quotation mark on: shown if it is the whole name of a member. Gives its length.
    fn quoted(&mut self, rest: &str) -> usize {
        let end = end_of_text(rest);
        let is_name = self.is_object
            && std::mem::take(&mut self.before_name)
            && end.is_some_and(|end| rest.get(end..).unwrap_or_default().trim_start().starts_with(':'));
        match end.and_then(|end| rest.get(..end)).filter(|_| is_name) {
            Some(name) if !name.contains(['@', '\\']) => self.text.extend(name.chars().map(mask)),
            _ => self.text.push_str(if end.is_some() { "\"…\"" } else { "\"…" }),
        }
        end.unwrap_or(rest.len())
    }

    /// What stands without quotation marks. Gives its length.
    fn word(&mut self, rest: &str) -> usize {
        let end = rest.find(|char: char| !char.is_alphanumeric()).unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or_default();
        self.before_name = false;
        if word.chars().all(char::is_numeric) {
            self.text.extend(word.chars().map(mask));
        } else if self.is_object && ["true", "false", "null"].contains(&word) {
            self.text.push_str(word);
        } else {
            // Text without quotation marks: what looks like a name behind it may be in the middle of a value.
            self.is_object &= word.starts_with(char::is_numeric);
            self.text.push('…');
        }
        end
    }

    fn mark(&mut self, mark: char) -> usize {
        match mark {
            '{' | '[' => self.open.push(mark == '{'),
            '}' | ']' => drop(self.open.pop()),
            _ => {}
        }
        match mark {
            '{' | ',' => self.before_name = self.open.last() == Some(&true),
            _ if mark.is_whitespace() => {}
            _ => self.before_name = false,
        }
        self.text.push(mask(mark));
        mark.len_utf8()
    }
}

/// Behind the closing quotation mark of the text that begins with one, if it is there.
fn end_of_text(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return Some(index + 1),
            _ => {}
        }
    }
    None
}

fn mask(char: char) -> char {
    match char {
        _ if char.is_numeric() => '#',
        _ if char.is_control() => '·',
        _ => char,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_shows_the_mistake_and_nothing_about_anybody() {
        for (record, shown) in [
            ("hello", "…"),
            ("order of anna@example.org, card 4242 4242", "… … …@….…, … #### ####"),
            (r#"{"user_id": "c-1042", "key": 17, "x"#, r#"{"user_id": "…", "key": ##, "…"#),
            (r#"["c-1042", {"name": "Anna"}]"#, r#"["…", {"…": "…"}]"#),
            (r#"{"a": "say \"Anna\": now", "b": 1}"#, r#"{"a": "…", "b": #}"#),
            (r#"{"a": ["Anna", "Bob"], "b7": {"c": true}}"#, r#"{"a": ["…", "…"], "b#": {"c": true}}"#),
            (r#"{"Anna", "a": Anna, "b@c": 1, "x\u0041": 1}"#, r#"{"…", "a": …, "…": #, "…": #}"#),
            (r#"{"a": "she said "no, "Anna": 1"}"#, r#"{"a": "…"…, "…": #"…"#),
            (r#"{"a": 1e5, "b": 1}"#, r#"{"a": …, "b": #}"#),
            (r#"{"a" "Anna": 1}"#, r#"{"…" "…": #}"#),
            ("a\tb", "…·…"),
        ] {
            assert_eq!(redact(record.as_bytes()), shown);
        }
        assert_eq!(redact(b"\xff{"), "\u{fffd}{");
        assert_eq!(redact("-".repeat(1000).as_bytes()), "-".repeat(160) + "…");
    }

    #[test]
    fn only_the_last_are_kept() {
        let samples = Samples::default();
        for number in 0..100 {
            samples.add(Input::Tcp, "not_json", "-".repeat(number).as_bytes());
        }
        let latest = samples.latest();
        assert_eq!((latest.len(), latest[0].text.len()), (KEPT, 99));
    }
}
