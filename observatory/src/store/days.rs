//! The directory of day files: `telemetry-2026-11-22.db` holds what arrived on that day (UTC).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OpenFlags};
use time::{Date, macros::format_description};

use super::StoreError;

const SCHEMA: &str = include_str!("schema.sql");
/// Raised whenever the schema changes: an older file is refused, not misread.
const VERSION: i32 = 1;

/// The days there is a readable file for.
#[derive(Debug)]
pub(super) struct Days {
    dir: PathBuf,
    known: Mutex<BTreeSet<Date>>,
}

impl Days {
    /// Lists the directory, creating it if need be. A file of another version is an error that names it.
    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        let unusable = |source| StoreError::Directory { dir: dir.to_owned(), source };
        fs::create_dir_all(dir).map_err(unusable)?;
        let days = Self { dir: dir.to_owned(), known: Mutex::default() };
        for entry in fs::read_dir(dir).map_err(unusable)? {
            if let Some(day) = entry.map_err(unusable)?.file_name().to_str().and_then(day_of) {
                days.connect_for_read(day)?;
                days.lock().insert(day);
            }
        }
        Ok(days)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Date>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Newest first.
    pub(super) fn newest_first(&self) -> Vec<Date> {
        self.lock().iter().rev().copied().collect()
    }

    fn path(&self, day: Date) -> PathBuf {
        self.dir.join(format!("telemetry-{day}.db"))
    }

    /// Opens a day for reading, with a cache small enough to have one for each day and reader.
    pub(super) fn connect_for_read(&self, day: Date) -> Result<Connection, StoreError> {
        let path = self.path(day);
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
    /// `synchronous = NORMAL` syncs at checkpoints only: after a power cut the last moments may be missing,
    /// but the file is whole. For telemetry that is the right price; orders live elsewhere, with FULL.
    pub(super) fn connect_for_write(&self, day: Date) -> Result<Connection, StoreError> {
        let path = self.path(day);
        let open = || -> rusqlite::Result<Connection> {
            let mut connection = Connection::open(&path)?;
            connection.execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -2048;
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
        self.lock().insert(day);
        Ok(connection)
    }

    /// Deletes the files of all days but the newest `keep`, counted from `today`.
    pub(super) fn retain(&self, today: Date, keep: u16) -> Result<(), StoreError> {
        let oldest = today.saturating_sub(time::Duration::days(i64::from(keep) - 1));
        let expired: Vec<Date> = self.lock().range(..oldest).copied().collect();
        for day in expired {
            self.lock().remove(&day);
            let path = self.path(day);
            for suffix in ["", "-wal", "-shm"] {
                let mut file = path.clone().into_os_string();
                file.push(suffix);
                match fs::remove_file(&file) {
                    Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                        return Err(StoreError::Directory { dir: file.into(), source });
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// The day a file name stands for; `None` for anything that is not a day file.
fn day_of(file_name: &str) -> Option<Date> {
    let day = file_name.strip_prefix("telemetry-")?.strip_suffix(".db")?;
    Date::parse(day, format_description!("[year]-[month]-[day]")).ok()
}
