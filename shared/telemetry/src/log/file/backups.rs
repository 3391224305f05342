//! Files that were full or old: moved aside under the time of that, then compressed, and at last removed.
//!
//! Each step leaves something from which the next process goes on: a file is compressed under a name that says it is
//! unfinished, and removed only when the finished one has its name.

use crate::config::FileConfig;
use flate2::{Compression, write::GzEncoder};
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    time::{Duration, SystemTime},
};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

/// Names in this form are in order of time.
const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second].[subsecond digits:6]Z");
const TIME_LENGTH: usize = "20261122T101112.131415Z".len();
const UNFINISHED: &str = "part";
/// How often old ones are looked for while nothing else happens.
const TIDYING: Duration = Duration::from_hours(1);

/// The backups of one file.
pub(super) struct Backups {
    names: Names,
    tidying: SyncSender<()>,
}

/// `tea.log` is `tea-20261122T101112.131415Z.log` as a backup.
#[derive(Clone)]
struct Names {
    folder: PathBuf,
    /// With its dash.
    before: String,
    /// With its dot, if it has one.
    after: String,
}

#[derive(Clone, Copy)]
struct Rules {
    keep: usize,
    max_age: Duration,
    compress: bool,
}

impl Backups {
    /// Tidies up after the process before, and from now on after this one and every hour, on a thread that ends with
    /// this.
    pub(super) fn begin(config: &FileConfig) -> io::Result<Self> {
        let names = Names::of(&config.path)?;
        let rules = Rules { keep: config.backups, max_age: config.max_age, compress: config.compress };
        // One is enough: it finds all there is to do.
        let (tidying, asked) = sync_channel(1);
        let thread = std::thread::Builder::new().name("log backups".to_owned());
        thread.spawn({
            let names = names.clone();
            move || tidy_when(&asked, &names, rules, TIDYING)
        })?;
        let backups = Self { names, tidying };
        backups.tidy();
        Ok(backups)
    }

    /// Moves the file aside. Not across file systems, so it is there under one of its names at any time.
    pub(super) fn add(&self, path: &Path) -> io::Result<()> {
        let mut time = OffsetDateTime::now_utc();
        let mut to = self.names.at(time)?;
        // Not twice in a microsecond, and not over another one after the clock was set back.
        while to.exists() || gz(&to).exists() {
            time += Duration::from_micros(1);
            to = self.names.at(time)?;
        }
        fs::rename(path, to)?;
        self.tidy();
        Ok(())
    }

    fn tidy(&self) {
        // When it fails, somebody has asked already.
        let _ = self.tidying.try_send(());
    }
}

fn tidy_when(asked: &Receiver<()>, names: &Names, rules: Rules, every: Duration) {
    while asked.recv_timeout(every) != Err(RecvTimeoutError::Disconnected) {
        if let Err(error) = names.tidy(rules) {
            let file = names.folder.display();
            tracing::warn!(%error, %file, "old log files can't be tidied up");
        }
    }
}

impl Names {
    fn of(path: &Path) -> io::Result<Self> {
        let part = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
        let stem = part(path.file_stem()).ok_or(io::ErrorKind::IsADirectory)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        Ok(Self {
            folder: folder.unwrap_or(Path::new(".")).to_owned(),
            before: format!("{stem}-"),
            after: part(path.extension()).map(|extension| format!(".{extension}")).unwrap_or_default(),
        })
    }

    fn at(&self, time: OffsetDateTime) -> io::Result<PathBuf> {
        let time = time.format(TIME).map_err(io::Error::other)?;
        Ok(self.folder.join(format!("{}{time}{}", self.before, self.after)))
    }

    /// What follows the name of a backup: nothing, `.gz`, or `.gz.part`. `None` for files that are none of ours.
    fn ending<'a>(&self, name: &'a str) -> Option<&'a str> {
        let (time, rest) = name.strip_prefix(&self.before)?.split_at_checked(TIME_LENGTH)?;
        time::PrimitiveDateTime::parse(time, TIME).ok()?;
        rest.strip_prefix(&self.after).filter(|ending| ["", ".gz", ".gz.part"].contains(ending))
    }

    fn tidy(&self, rules: Rules) -> io::Result<()> {
        let mut backups = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(ending) = name.to_str().and_then(|name| self.ending(name)) else { continue };
            if ending.ends_with(UNFINISHED) {
                fs::remove_file(entry.path())?;
            } else if ending.is_empty() && gz(&entry.path()).exists() {
                // Compressed, but not removed any more.
                fs::remove_file(entry.path())?;
            } else {
                let is_plain = ending.is_empty();
                backups.push((entry.path(), is_plain, entry.metadata()?.modified()?));
            }
        }
        backups.sort();
        let too_many = backups.len().saturating_sub(rules.keep);
        for (number, (path, is_plain, written)) in backups.into_iter().enumerate() {
            if number < too_many || is_older(written, rules.max_age) {
                fs::remove_file(path)?;
            } else if is_plain && rules.compress {
                compress(&path)?;
            }
        }
        Ok(())
    }
}

fn is_older(written: SystemTime, age: Duration) -> bool {
    written.elapsed().is_ok_and(|elapsed| elapsed > age)
}

fn gz(path: &Path) -> PathBuf {
    path.with_added_extension("gz")
}

fn compress(path: &Path) -> io::Result<()> {
    let finished = gz(path);
    let unfinished = finished.with_added_extension(UNFINISHED);
    let compressed = (|| {
        let mut from = File::open(path)?;
        let to = OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(&unfinished)?;
        let mut encoder = GzEncoder::new(to, Compression::default());
        io::copy(&mut from, &mut encoder)?;
        let to = encoder.finish()?;
        // Its age is that of its lines.
        to.set_modified(from.metadata()?.modified()?)?;
        to.sync_all()?;
        fs::rename(&unfinished, &finished)
    })();
    if compressed.is_err() {
        // A full disk has no room for half a file.
        let _ = fs::remove_file(&unfinished);
    }
    compressed?;
    fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    const ALL: Rules = Rules { keep: 3, max_age: Duration::from_hours(24), compress: true };

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Names) {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let names = Names::of(&folder.path().join("tea.log")).unwrap();
        (folder, names)
    }

    fn found(folder: &tempfile::TempDir) -> Vec<String> {
        let entries = fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_crash_left_is_finished_and_other_files_are_let_alone() {
        let (folder, names) = folder(&[
            ("tea-20261122T000001.000000Z.log", "one"),
            ("tea-20261122T000001.000000Z.log.gz.part", "o"),
            ("tea-20261122T000002.000000Z.log", "two"),
            ("tea-20261122T000002.000000Z.log.gz", "two, compressed"),
            ("tea-pot.log", "another's"),
            ("tea-20261122T000003.000000Z.txt", "another's"),
            ("tea.log", "now"),
        ]);
        names.tidy(ALL).unwrap();
        let expected = [
            "tea-20261122T000001.000000Z.log.gz",
            "tea-20261122T000002.000000Z.log.gz",
            "tea-20261122T000003.000000Z.txt",
            "tea-pot.log",
            "tea.log",
        ];
        assert_eq!(found(&folder), expected);
        let mut text = String::new();
        let file = File::open(folder.path().join(expected[0])).unwrap();
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
        assert_eq!(text, "one");
        assert_eq!(fs::read_to_string(folder.path().join(expected[1])).unwrap(), "two, compressed");
    }

    #[test]
    fn the_oldest_and_the_old_go() {
        let (folder, names) = folder(&[
            ("tea-20261122T000001.000000Z.log.gz", ""),
            ("tea-20261122T000002.000000Z.log", ""),
            ("tea-20261122T000003.000000Z.log", ""),
            ("tea-20261122T000004.000000Z.log", ""),
        ]);
        let old = File::options().write(true).open(folder.path().join("tea-20261122T000003.000000Z.log"));
        old.unwrap().set_modified(SystemTime::now() - Duration::from_hours(25)).unwrap();
        names.tidy(Rules { compress: false, ..ALL }).unwrap();
        assert_eq!(found(&folder), ["tea-20261122T000002.000000Z.log", "tea-20261122T000004.000000Z.log"]);
        names.tidy(Rules { keep: 0, ..ALL }).unwrap();
        assert!(found(&folder).is_empty());
    }

    #[tokio::test]
    async fn what_becomes_old_goes_unasked() {
        let (folder, names) = folder(&[("tea-20261122T000001.000000Z.log", "")]);
        let (asking, asked) = sync_channel(1);
        let rules = Rules { max_age: Duration::from_millis(1), ..ALL };
        let thread = std::thread::spawn(move || tidy_when(&asked, &names, rules, Duration::from_millis(5)));
        testkit::eventually("an empty folder", async || found(&folder).is_empty().then_some(())).await;
        drop(asking);
        thread.join().unwrap();
    }

    #[test]
    fn names_go_by_time_and_are_never_taken_twice() {
        let (folder, _) = folder(&[]);
        let path = folder.path().join("tea.log");
        let config = FileConfig {
            path: path.clone(),
            max_bytes: 1,
            max_age: ALL.max_age,
            backups: 100,
            compress: false,
        };
        let backups = Backups::begin(&config).unwrap();
        for number in 10..60 {
            fs::write(&path, number.to_string()).unwrap();
            backups.add(&path).unwrap();
        }
        let read = |name: String| fs::read_to_string(folder.path().join(name)).unwrap();
        let contents: Vec<_> = found(&folder).into_iter().map(read).collect();
        assert_eq!(contents, (10..60).map(|number| number.to_string()).collect::<Vec<_>>());
    }
}
