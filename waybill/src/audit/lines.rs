//! The lines of a file, byte for byte: what a reader of text would overlook, such as a carriage return, is a change.

use std::{
    collections::HashSet,
    fs::File,
    hash::{BuildHasher, RandomState},
    io::{self, BufRead, BufReader},
    path::Path,
};

/// The lines of a file, each of them once: a collector may be given some again.
pub(super) struct Lines {
    file: BufReader<File>,
    /// Hashes of the lines so far, different in each run: nobody can prepare a line that is taken for another.
    seen: HashSet<u64>,
    hasher: RandomState,
    repeats: u64,
}

/// One line.
pub(super) enum Line {
    /// Without its newline.
    Whole(Vec<u8>),
    /// The end of the file came first.
    Cut,
}

impl Lines {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = BufReader::new(File::open(path)?);
        Ok(Self { file, seen: HashSet::new(), hasher: RandomState::new(), repeats: 0 })
    }

    /// `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let mut line = Vec::new();
            if self.file.read_until(b'\n', &mut line)? == 0 {
                return Ok(None);
            }
            if line.pop() != Some(b'\n') {
                return Ok(Some(Line::Cut));
            }
            if self.seen.insert(self.hasher.hash_one(&line)) {
                return Ok(Some(Line::Whole(line)));
            }
            self.repeats += 1;
        }
    }

    /// Lines so far that were there before, byte for byte.
    pub(super) fn repeats(&self) -> u64 {
        self.repeats
    }
}
