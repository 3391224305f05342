//! Lines in a file that is changed when it is large or old. What went wrong is tried again, so that a full disk costs
//! lines only when it stays full, and nothing else ever.

mod backups;

use super::{
    ship::Backoff,
    sink::{Notice, Sink, joined},
};
use crate::{
    config::{FileConfig, variables::LOG_FILE},
    env::ConfigError,
};
use backups::Backups;
use bytes::Bytes;
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant, SystemTime},
};

/// Lines that could not be written for so long are given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// Writes to the file until the queue is closed and empty.
pub(super) async fn run(sink: Arc<Sink>, mut file: LogFile) {
    let (mut backoff, mut notice) = (Backoff::new(), Notice::default());
    while let Some(lines) = sink.queue.next_batch().await {
        let (begun, bytes) = (Instant::now(), joined(&lines));
        let counter = loop {
            let (back, written) = write(file, bytes.clone()).await;
            // The runtime has ended, and with it this task.
            let Some(back) = back else { return };
            file = back;
            let Err(error) = written else {
                backoff = Backoff::new();
                break &sink.counts.shipped;
            };
            notice.give(|| {
                let file = file.config.path.display();
                tracing::warn!(%error, %file, "the log file can't be written; lines wait, then are counted as lost");
            });
            backoff.pause().await;
            if begun.elapsed() > PATIENCE {
                break &sink.counts.failed;
            }
        };
        sink.queue.done(|| {
            counter.fetch_add(lines.len() as u64, Relaxed);
        });
    }
}

/// On a thread that may be held up by a disk.
async fn write(mut file: LogFile, bytes: Bytes) -> (Option<LogFile>, io::Result<()>) {
    let writing = tokio::task::spawn_blocking(move || {
        let written = file.write(&bytes);
        (file, written)
    });
    match writing.await {
        Ok((file, written)) => (Some(file), written),
        Err(error) => (None, Err(io::Error::other(error))),
    }
}

/// A file of lines with its backups.
pub(super) struct LogFile {
    config: FileConfig,
    backups: Backups,
    open: Option<Open>,
    notice: Notice,
}

struct Open {
    file: File,
    since: SystemTime,
}

impl LogFile {
    /// Opens the file. A disk that is full may have room later; anything else is the configuration's fault.
    pub(super) fn begin(config: &FileConfig) -> Result<Self, ConfigError> {
        let refused = |why: String| {
            LOG_FILE.wrong_here(config.path.display(), format!("a file that can be written ({why})"))
        };
        // Where nobody has made the folder yet, as on a first start.
        let folder = config.path.parent().map_or(Ok(()), fs::create_dir_all);
        folder.map_err(|error| refused(error.to_string()))?;
        let backups = Backups::begin(config).map_err(|error| refused(error.to_string()))?;
        let mut file = Self { config: config.clone(), backups, open: None, notice: Notice::default() };
        match file.open() {
            Err(error) if !is_full(&error) => Err(refused(error.to_string())),
            _ => Ok(file),
        }
    }

    /// All of `lines`, or nothing. Others may have deleted, moved or cut the file since the last time: logrotate does.
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.open.as_ref().is_some_and(|open| !open.is_at(&self.config.path)) {
            self.open = None;
        }
        let open = self.open()?;
        let (mut length, since) = (open.length()?, open.since);
        if is_due(&self.config, length, since, lines.len()) {
            self.change();
            length = self.open()?.length()?;
        }
        let open = self.open()?;
        if let Err(error) = open.file.write_all(lines) {
            // A piece of a line would spoil the next one. What is no regular file has no length to go back to; and one
            // that somebody has cut meanwhile must not be made longer.
            if open.length().is_ok_and(|now| now > length) {
                let _ = open.file.set_len(length);
            }
            // Opened again next time: it may be the file that is gone.
            self.open = None;
            return Err(error);
        }
        Ok(())
    }

    /// Moves the file aside, so that another is begun. While that fails, lines go on into this one, and every batch
    /// tries again.
    fn change(&mut self) {
        match self.backups.add(&self.config.path) {
            Ok(()) => self.open = None,
            // Somebody was faster.
            Err(error) if error.kind() == ErrorKind::NotFound => self.open = None,
            Err(error) => self.notice.give(|| {
                let file = self.config.path.display();
                tracing::warn!(%error, %file, "the log file can't be moved aside; it grows until it can");
            }),
        }
    }

    fn open(&mut self) -> io::Result<&mut Open> {
        Ok(match &mut self.open {
            Some(open) => open,
            none => none.insert(Open::at(&self.config)?),
        })
    }
}

impl Open {
    fn at(config: &FileConfig) -> io::Result<Self> {
        // Read, too: for its last byte.
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).mode(0o640).open(&config.path)?;
        // Two processes would move the file away from under one another.
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(io::Error::new(ErrorKind::ResourceBusy, "another process writes it"));
        }
        let about = file.metadata()?;
        if about.is_file() && about.len() > 0 {
            end_line(&mut file)?;
        }
        let since = about.created().unwrap_or_else(|_| SystemTime::now());
        Ok(Self { file, since })
    }

    /// Asked for each time: what was true of the last batch need not be true any more.
    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Whether this is still the file that has the name.
    fn is_at(&self, path: &Path) -> bool {
        let place = |about: fs::Metadata| (about.dev(), about.ino());
        let (here, there) = (self.file.metadata().map(place), fs::metadata(path).map(place));
        matches!((here, there), (Ok(here), Ok(there)) if here == there)
    }
}

/// Whether so many bytes more belong into the next file.
fn is_due(config: &FileConfig, length: u64, since: SystemTime, more: usize) -> bool {
    let is_full = length + more as u64 > config.max_bytes;
    let is_old = since.elapsed().is_ok_and(|age| age > config.max_age);
    length > 0 && (is_full || is_old)
}

/// A process that ended in the middle of a line must not spoil this one's first.
fn end_line(file: &mut File) -> io::Result<()> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(folder: &Path, max_bytes: u64, backups: usize) -> FileConfig {
        let max_age = Duration::from_hours(1);
        FileConfig { path: folder.join("tea.log"), max_bytes, max_age, backups, compress: false }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_line_that_was_broken_off_is_ended_first() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), 1_000, 3);
        fs::write(&config.path, "whole\nbroken").unwrap();
        LogFile::begin(&config).unwrap().write(b"next\n").unwrap();
        LogFile::begin(&config).unwrap().write(b"last\n").unwrap();
        assert_eq!(fs::read_to_string(&config.path).unwrap(), "whole\nbroken\nnext\nlast\n");
    }

    #[test]
    fn a_file_belongs_to_one_process() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), 1_000, 3);
        let _first = LogFile::begin(&config).unwrap();
        let error = LogFile::begin(&config).err().expect("a refusal").to_string();
        assert!(error.starts_with("LOG_FILE: `") && error.contains("another process writes it"), "{error}");
    }

    #[test]
    fn an_old_file_is_changed_whatever_its_size() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = LogFile::begin(&config(folder.path(), 1_000, 3)).unwrap();
        file.write(b"one\n").unwrap();
        file.open().unwrap().since = SystemTime::now() - Duration::from_hours(2);
        file.write(b"two\n").unwrap();
        let names = names(folder.path());
        assert_eq!((names.len(), names[1].as_str()), (2, "tea.log"));
        assert_eq!(fs::read_to_string(folder.path().join(&names[0])).unwrap(), "one\n");
        assert_eq!(fs::read_to_string(folder.path().join("tea.log")).unwrap(), "two\n");
    }

    #[test]
    fn a_full_disk_leaves_whole_batches_and_takes_more_when_it_has_room() {
        // Nothing has room behind /dev/full; and it cannot be cut, which must do no harm.
        let mut config = config(Path::new("/dev"), 1_000, 3);
        config.path = Path::new("/dev/full").to_owned();
        let mut file = LogFile::begin(&config).unwrap();
        assert_eq!(file.write(b"one\n").unwrap_err().kind(), io::ErrorKind::StorageFull);
        let folder = tempfile::tempdir().unwrap();
        file.config.path = folder.path().join("tea.log");
        file.write(b"one\n").unwrap();
        assert_eq!(fs::read_to_string(&file.config.path).unwrap(), "one\n");
    }

    #[test]
    fn a_file_that_was_deleted_or_moved_is_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        // One line to a file, so that each write would move it aside; and many.
        for max_bytes in [4, 1_000] {
            let config = config(folder.path(), max_bytes, 3);
            let mut file = LogFile::begin(&config).unwrap();
            file.write(b"one\n").unwrap();
            fs::remove_file(&config.path).unwrap();
            file.write(b"two\n").unwrap();
            assert_eq!(fs::read_to_string(&config.path).unwrap(), "two\n");
            let moved = folder.path().join("moved");
            fs::rename(&config.path, &moved).unwrap();
            file.write(b"three\n").unwrap();
            assert_eq!(fs::read_to_string(&config.path).unwrap(), "three\n");
            assert_eq!(fs::read_to_string(moved).unwrap(), "two\n");
            fs::remove_file(&config.path).unwrap();
        }
    }

    #[test]
    fn a_file_that_was_cut_goes_on_at_its_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), 12, 3);
        let mut file = LogFile::begin(&config).unwrap();
        file.write(b"one\ntwo\n").unwrap();
        File::options().write(true).open(&config.path).unwrap().set_len(0).unwrap();
        file.write(b"three\n").unwrap();
        assert_eq!(fs::read_to_string(&config.path).unwrap(), "three\n");
        assert_eq!(names(folder.path()), ["tea.log"], "it had room again");
    }

    #[test]
    fn a_file_that_cannot_be_moved_aside_takes_lines_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path(), 4, 3);
        // No file system moves a file to a name that long.
        config.path = folder.path().join("t".repeat(250));
        let mut file = LogFile::begin(&config).unwrap();
        file.write(b"one\n").unwrap();
        file.write(b"two\n").unwrap();
        assert_eq!(fs::read_to_string(&config.path).unwrap(), "one\ntwo\n");
    }
}
