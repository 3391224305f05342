//! The directory of day files: `telemetry-2026-11-22.db` holds what arrived on that day (UTC), and
//! `telemetry-2026-11-22.2.db` what arrived after the first had grown to its limit.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fmt, fs};

use rusqlite::{Connection, OpenFlags};
use time::{Date, macros::format_description};

use super::StoreError;

const SCHEMA: &str = include_str!("schema.sql");
/// Raised whenever the schema changes: an older file is refused, not misread.
const VERSION: i32 = 2;
/// A file may hold this share of what all may hold, so that deleting the oldest one loses no more.
const SHARE: u64 = 8;

/// One file: a day, and which part of it. In the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Part {
    pub(super) date: Date,
    /// From 1.
    pub(super) number: u32,
}

/// What is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    /// Days, today included.
    pub(crate) days: u16,
    /// Bytes of all files together.
    pub(crate) bytes: u64,
}

/// The files there are.
#[derive(Debug)]
pub(super) struct Days {
    dir: PathBuf,
    retention: Retention,
    known: Mutex<BTreeSet<Part>>,
}

impl Days {
    /// Lists the directory, creating it if need be. A file of another version is an error that names it.
    pub(super) fn open(dir: &Path, retention: Retention) -> Result<Self, StoreError> {
        let unusable = |source| StoreError::Directory { dir: dir.to_owned(), source };
        fs::create_dir_all(dir).map_err(unusable)?;
        let days = Self { dir: dir.to_owned(), retention, known: Mutex::default() };
        for entry in fs::read_dir(dir).map_err(unusable)? {
            if let Some(part) = entry.map_err(unusable)?.file_name().to_str().and_then(Part::of_file) {
                days.connect_for_read(part)?;
                days.lock().insert(part);
            }
        }
        Ok(days)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Part>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Newest first.
    pub(super) fn newest_first(&self) -> Vec<Part> {
        self.lock().iter().rev().copied().collect()
    }

    fn path(&self, part: Part) -> PathBuf {
        self.dir.join(format!("telemetry-{part}.db"))
    }

    /// The file, and what has been written but not yet moved into it.
    fn size(&self, part: Part) -> u64 {
        let mut wal = self.path(part).into_os_string();
        wal.push("-wal");
        [self.path(part), wal.into()]
            .iter()
            .filter_map(|path| path.metadata().ok())
            .map(|file| file.len())
            .sum()
    }

    /// The file that what arrives on that day belongs in now.
    pub(super) fn part_for(&self, date: Date) -> Part {
        let newest = self.lock().iter().rev().find(|part| part.date == date).copied();
        match newest {
            Some(part) if self.size(part) >= self.retention.bytes / SHARE => {
                Part { date, number: part.number + 1 }
            }
            Some(part) => part,
            None => Part { date, number: 1 },
        }
    }

    /// Opens a day for reading, with a cache small enough to have one for each day and reader.
    pub(super) fn connect_for_read(&self, part: Part) -> Result<Connection, StoreError> {
        let path = self.path(part);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let check = || -> rusqlite::Result<(Connection, i32)> {
            let connection = Connection::open_with_flags(&path, flags)?;
            connection.execute_batch("PRAGMA cache_size = -512")?;
            let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
            Ok((connection, version))
        };
        match check() {
            Ok((connection, VERSION)) => Ok(connection),
            Ok(_) => Err(StoreError::NotOurs { path }),
            Err(source) => Err(StoreError::File { path, source }),
        }
    }

    /// Opens a day for writing, creating its file and tables if it is new.
    ///
    /// `synchronous = NORMAL` syncs at checkpoints only, every 16 MiB: after a power cut the last moments may be missing,
    /// but the file is whole. For telemetry that is the right price; orders live elsewhere, with FULL.
    pub(super) fn connect_for_write(&self, part: Part) -> Result<Connection, StoreError> {
        let path = self.path(part);
        let open = || -> rusqlite::Result<Connection> {
            let mut connection = Connection::open(&path)?;
            connection.execute_batch(
                "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
                 PRAGMA cache_size = -4096; PRAGMA wal_autocheckpoint = 2048;
                 PRAGMA journal_size_limit = 16777216; PRAGMA busy_timeout = 10000;",
            )?;
            let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
            if version == 0 {
                let transaction = connection.transaction()?;
                transaction.execute_batch(SCHEMA)?;
                transaction.pragma_update(None, "user_version", VERSION)?;
                transaction.commit()?;
            }
            Ok(connection)
        };
        let connection = open().map_err(|source| StoreError::File { path, source })?;
        self.lock().insert(part);
        Ok(connection)
    }

    /// Opens a day that there is already, to change what is stored in it. What is deleted is overwritten.
    pub(super) fn connect_for_change(&self, part: Part) -> Result<Connection, StoreError> {
        let path = self.path(part);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open_with_flags(&path, flags)?;
            connection.execute_batch("PRAGMA secure_delete = ON; PRAGMA busy_timeout = 10000;")?;
            Ok(connection)
        };
        open().map_err(|source| StoreError::File { path, source })
    }

    /// Deletes what is older than the days that are kept, and then the oldest files until there is room for `current` to
    /// grow to its limit. True when it deleted any.
    ///
    /// The days that are kept are those there are files of: a clock that jumps ahead makes no file old.
    pub(super) fn retain(&self, current: Part) -> Result<bool, StoreError> {
        let Retention { days, bytes } = self.retention;
        let parts: Vec<Part> = self.lock().iter().copied().collect();
        let dates: BTreeSet<Date> = parts.iter().map(|part| part.date).chain([current.date]).collect();
        let oldest = dates.into_iter().rev().take(days.into()).next_back().unwrap_or(current.date);
        let mut total: u64 = parts.iter().map(|part| self.size(*part)).sum();
        let mut deleted = false;
        for part in parts.into_iter().filter(|part| *part < current) {
            if part.date < oldest || total > bytes - bytes / SHARE {
                total = total.saturating_sub(self.size(part));
                self.delete(part)?;
                deleted = true;
            }
        }
        Ok(deleted)
    }

    /// Deletes the oldest file but for `current`, if there is another.
    pub(super) fn delete_oldest(&self, current: Part) -> Result<Option<Part>, StoreError> {
        let oldest = self.lock().iter().find(|part| **part != current).copied();
        oldest.map(|part| self.delete(part).map(|()| part)).transpose()
    }

    fn delete(&self, part: Part) -> Result<(), StoreError> {
        self.lock().remove(&part);
        for suffix in ["", "-wal", "-shm"] {
            let mut file = self.path(part).into_os_string();
            file.push(suffix);
            match fs::remove_file(&file) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StoreError::Directory { dir: file.into(), source });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Part {
    /// What a file name stands for; `None` for anything that is not a day file.
    fn of_file(name: &str) -> Option<Self> {
        name.strip_prefix("telemetry-")?.strip_suffix(".db")?.parse().ok()
    }
}

/// `2026-11-22`, `2026-11-22.2`
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            1 => write!(f, "{}", self.date),
            number => write!(f, "{}.{number}", self.date),
        }
    }
}

/// Back from `Display`.
impl FromStr for Part {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (date, number) = match text.split_once('.') {
            Some((date, number)) => (date, number.parse().ok().filter(|number| *number > 1).ok_or(())?),
            None => (text, 1),
        };
        let date = Date::parse(date, format_description!("[year]-[month]-[day]")).map_err(|_| ())?;
        Ok(Self { date, number })
    }
}
