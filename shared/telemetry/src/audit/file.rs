//! The file that entries are delivered to: appended, on the disk before anybody is told, whole after a crash.

use super::chain::Head;
use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

/// How much of the end is read at a time, to find the last line.
const PIECE: u64 = 4096;
/// No entry is longer.
const LONGEST: u64 = 64 * 1024;
/// What every entry begins with.
const BEGINNING: &[u8] = b"{\"timestamp\":\"";

/// The file, held by this process alone until it is dropped.
#[derive(Debug)]
pub struct AuditFile {
    file: File,
    last: Head,
}

impl AuditFile {
    /// Opens the file, makes it if need be, and finds its last entry. The end of an entry that a crash has cut
    /// is taken off: the entry is in the database and comes again. A file of something else is an error, and stays as it is.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
        let is_new = !path.exists();
        let mut file = options.read(true).append(true).create(true).open(path)?;
        file.try_lock()
            .map_err(|error| io::Error::other(format!("another process writes to it: {error}")))?;
        if is_new {
            sync_folder(path)?;
        }
        let length = file.metadata()?.len();
        let end = end_of_lines(&mut file, length)?;
        // Before anything is cut: the configuration may name somebody else's file.
        let last = if end == 0 {
            check_beginning(&mut file)?;
            Head::default()
        } else {
            first_entry(&mut file)?;
            last_entry(&mut file, end)?
        };
        if end < length {
            let (torn, file_name) = (length - end, path.display());
            tracing::warn!(file = %file_name, "an entry of the audit log was broken off: its {torn} bytes are taken off");
            file.set_len(end)?;
            file.sync_all()?;
        }
        Ok(Self { file, last })
    }

    /// Its last entry.
    pub fn last(&self) -> &Head {
        &self.last
    }

    /// Appends lines, and returns when they are on the disk. After an error some may be there, the last one in part:
    /// the next `open` finds out.
    pub fn append<'a>(mut self, lines: impl Iterator<Item = &'a str>) -> io::Result<()> {
        let mut bytes = String::new();
        for line in lines {
            bytes.push_str(line);
            bytes.push('\n');
        }
        self.file.write_all(bytes.as_bytes())?;
        self.file.sync_data()
    }
}

/// A new file is only there for good when its folder is on the disk as well.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Where the last whole line ends.
fn end_of_lines(file: &mut File, length: u64) -> io::Result<u64> {
    Ok(newline_before(file, length)?.map_or(0, |newline| newline + 1))
}

/// Fails when a file without a whole line holds something else than the beginning of an entry.
fn check_beginning(file: &mut File) -> io::Result<()> {
    let found = read_at(file, 0, file.metadata()?.len().min(BEGINNING.len() as u64))?;
    if BEGINNING.starts_with(&found) { Ok(()) } else { Err(not_an_entry("it")) }
}

fn first_entry(file: &mut File) -> io::Result<Head> {
    let start = read_at(file, 0, LONGEST)?;
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    entry(line).ok_or_else(|| not_an_entry("its first line"))
}

/// The line that ends at `end`, as an entry.
fn last_entry(file: &mut File, end: u64) -> io::Result<Head> {
    let start = newline_before(file, end - 1)?.map_or(0, |newline| newline + 1);
    let line = read_at(file, start, (end - 1 - start).min(LONGEST))?;
    entry(&line).ok_or_else(|| not_an_entry("its last line"))
}

fn entry(line: &[u8]) -> Option<Head> {
    Head::of(std::str::from_utf8(line).ok()?)
}

fn not_an_entry(what: &str) -> io::Error {
    io::Error::other(format!("{what} is not an entry of the audit log"))
}

fn read_at(file: &mut File, start: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    Read::by_ref(file).take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The last newline before `end`.
fn newline_before(file: &mut File, mut end: u64) -> io::Result<Option<u64>> {
    while end > 0 {
        let start = end.saturating_sub(PIECE);
        let piece = read_at(file, start, end - start)?;
        if let Some(at) = piece.iter().rposition(|byte| *byte == b'\n') {
            return Ok(Some(start + at as u64));
        }
        end = start;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Telemetry,
        audit::{Act, Actor, AuditKey, Auditor},
    };

    fn lines(count: usize) -> Vec<String> {
        let auditor = Auditor::new(&Telemetry::for_test("audit-file"), AuditKey::random());
        let mut head = Head::default();
        let seal = |_| {
            let sealed = auditor.seal(&head, &Act::new("order.created", Actor::Service));
            head = sealed.head;
            sealed.line
        };
        (0..count).map(seal).collect()
    }

    #[test]
    fn a_file_goes_on_after_its_last_whole_entry() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let lines = lines(30);
        let file = AuditFile::open(&path).unwrap();
        assert_eq!(file.last().number, 0);
        file.append(lines.iter().map(String::as_str)).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let ends: Vec<usize> =
            whole.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1).collect();
        // Cut wherever a crash may cut.
        for cut in (0..whole.len()).rev().step_by(7) {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let file = AuditFile::open(&path).unwrap();
            let kept = ends.iter().filter(|end| **end <= cut).count();
            assert_eq!(file.last().number, kept as i64, "cut at {cut}");
            file.append(lines[kept..].iter().map(String::as_str)).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_file_of_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        let entry = lines(1).remove(0);
        for content in [
            "what I wanted to buy\n".to_owned(),
            "what I wanted to buy\nand have for".to_owned(),
            "what I want".to_owned(),
            "SQLite format 3\0".repeat(10_000),
            format!("what I wanted to buy\n{entry}\nand have for"),
            format!("{entry}\nwhat I wanted to buy\nand have for"),
        ] {
            std::fs::write(&path, &content).unwrap();
            let error = AuditFile::open(&path).unwrap_err().to_string();
            assert!(error.contains("not an entry"), "{error}: {content}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
    }

    #[test]
    fn one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let held = AuditFile::open(&path).unwrap();
        assert!(AuditFile::open(&path).unwrap_err().to_string().contains("another process"));
        drop(held);
        AuditFile::open(&path).unwrap();
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let file = AuditFile::open(Path::new("/dev/full")).unwrap();
        assert!(file.append(["{}"].into_iter()).is_err());
    }
}
