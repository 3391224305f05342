//! What log lines are found by, as terms of the full-text index: the words of their messages and the ids they hold. Both
//! the writer and queries make them here.
//!
//! A term is a letter that says what it is, and the word or the id's hash in hexadecimal. The index only says which chunks
//! may hold a line; the line itself is then compared in full.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::hash::{BuildHasherDefault, Hasher};

/// What an id names.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of {
    Trace,
    Span,
    Order,
    Session,
    User,
    Terminal,
}

impl Of {
    const fn letter(self) -> char {
        match self {
            Self::Trace => 't',
            Self::Span => 'p',
            Self::Order => 'o',
            Self::Session => 's',
            Self::User => 'u',
            Self::Terminal => 'm',
        }
    }

    /// The term of an id.
    pub(super) fn term(self, id: &[u8]) -> String {
        format!("{}{:016x}", self.letter(), hash(id))
    }
}

/// FNV-1a, which does not change with the release of a library: files outlive them.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// For keys that are hashes already.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash(bytes);
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Longer words are found by their beginning.
const LONGEST_WORD: usize = 40;

/// The words of a text, in small letters: whatever stands between letters and digits separates them.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// The term of a word, or of the beginning of one.
pub(super) fn of_word(word: &str) -> String {
    let end = word.char_indices().nth(LONGEST_WORD).map_or(word.len(), |(end, _)| end);
    format!("w{}", word.get(..end).unwrap_or(word))
}

/// The terms of a chunk, each once, as the text that is indexed.
#[derive(Debug, Default)]
pub(super) struct Terms {
    text: String,
    /// Messages and ids are alike more often than not.
    messages: HashSet<u64, BuildHasherDefault<Hashed>>,
    known: HashSet<u64, BuildHasherDefault<Hashed>>,
    term: String,
}

impl Terms {
    pub(super) fn id(&mut self, of: Of, id: &[u8]) {
        let hash = hash(id);
        if self.known.insert(hash ^ u64::from(u32::from(of.letter())) << 56) {
            let _ = write!(self.text, "{}{hash:016x} ", of.letter());
        }
    }

    pub(super) fn message(&mut self, message: &str) {
        if !self.messages.insert(hash(message.as_bytes())) {
            return;
        }
        for word in message.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty()) {
            self.word(word);
        }
    }

    fn word(&mut self, word: &str) {
        self.term.clear();
        if word.is_ascii() && word.len() <= LONGEST_WORD {
            self.term.push('w');
            self.term.push_str(word);
            self.term.make_ascii_lowercase();
        } else {
            self.term.push_str(&of_word(&word.to_lowercase()));
        }
        if self.known.insert(hash(self.term.as_bytes())) {
            self.text.push_str(&self.term);
            self.text.push(' ');
        }
    }

    /// Takes the text and starts anew.
    pub(super) fn take(&mut self) -> String {
        self.messages.clear();
        self.known.clear();
        std::mem::take(&mut self.text)
    }
}

/// What somebody looks for: all of these words, in any order; those that are written together, as in `out-of-stock`, stand
/// together. The last may be the beginning of a word.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Search(Vec<Vec<String>>);

impl Search {
    /// `None` when the text holds no word.
    pub(super) fn of(text: &str) -> Option<Self> {
        let phrases = text.split_whitespace().map(|phrase| words(phrase).collect::<Vec<_>>());
        let phrases: Vec<_> = phrases.filter(|phrase| !phrase.is_empty()).collect();
        (!phrases.is_empty()).then_some(Self(phrases))
    }

    /// The terms a chunk has to hold, as the full-text index wants them.
    pub(super) fn terms(&self) -> Vec<String> {
        let mut terms: Vec<_> =
            self.0.iter().flatten().map(|word| format!("\"{}\"", of_word(word))).collect();
        if let Some(last) = terms.last_mut() {
            last.push('*');
        }
        terms
    }

    /// Words that have to occur somewhere in the record whatever its escapes: those of plain letters and digits.
    pub(super) fn plain_words(&self) -> impl Iterator<Item = &String> {
        self.0.iter().flatten().filter(|word| word.is_ascii())
    }

    pub(super) fn fits(&self, message: &str) -> bool {
        let words: Vec<String> = words(message).collect();
        let last = self.0.len() - 1;
        self.0.iter().enumerate().all(|(index, phrase)| {
            words.windows(phrase.len()).any(|window| stands(phrase, window, index == last))
        })
    }
}

fn stands(phrase: &[String], window: &[String], may_be_begun: bool) -> bool {
    let whole = phrase.len() - usize::from(may_be_begun);
    let begun = phrase.iter().zip(window).skip(whole).all(|(looked_for, word)| word.starts_with(looked_for));
    begun && phrase.iter().zip(window).take(whole).all(|(looked_for, word)| looked_for == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_text_is_words_and_nothing_else() {
        let terms = |text: &str| Search::of(text).map(|search| search.terms().join(" AND "));
        assert_eq!(terms("order Conf").as_deref(), Some(r#""worder" AND "wconf"*"#));
        assert_eq!(terms(r#"a"b NOT * ("#).as_deref(), Some(r#""wa" AND "wb" AND "wnot"*"#));
        assert_eq!(terms(" - "), None);
    }

    #[test]
    fn words_fit_in_any_order_and_phrases_in_theirs() {
        let fits = |search: &str, message: &str| Search::of(search).unwrap().fits(message);
        assert!(fits("stock out", "Out of STOCK"));
        assert!(fits("of-st", "out of stock") && !fits("stock-of", "out of stock"));
        assert!(fits("sto", "out of stock") && !fits("sto out", "out of stock"));
        assert!(fits("ŻÓŁ", "o żółw") && !fits("stocks", "out of stock") && !fits("a", ""));
    }

    #[test]
    fn a_chunk_has_each_term_once() {
        let mut terms = Terms::default();
        terms.message("Cart.add=Tea 7");
        terms.message("cart.add=Żółw 7");
        terms.id(Of::Session, b"s-1");
        terms.id(Of::Session, b"s-1");
        terms.id(Of::User, b"s-1");
        let hash = Of::Session.term(b"s-1");
        let expected = format!("wcart wadd wtea w7 wżółw {hash} u{} ", &hash[1..]);
        assert_eq!(terms.take(), expected);
        assert_eq!(terms.take(), "");
        let long = "x".repeat(100);
        assert_eq!(of_word(&long).len(), 41);
        assert_eq!(Search::of(&long).unwrap().terms(), [format!("\"w{}\"*", "x".repeat(40))]);
    }
}
