//! Lines in files: changed when they are full, compressed, and what a full disk or a crash does to them.

use crate::emitter::Emitter;
use flate2::read::GzDecoder;
use serde_json::Value;
use std::{
    fs::{self, File},
    io::Read,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};
use testkit::eventually;

const QUIET: (&str, &str) = ("OTEL_TRACES_EXPORTER", "none");

/// The backups in their order, then the file itself. One that is compressed already counts once.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| {
            path.extension().is_none_or(|extension| extension != "part")
                && !path.with_added_extension("gz").exists()
        })
        .collect();
    // The file itself has no time in its name: `tea-…` is before `tea.log`.
    files.sort();
    files
}

fn lines(folder: &Path) -> Vec<Value> {
    let mut text = String::new();
    for path in files(folder) {
        let mut file = File::open(&path).unwrap();
        if path.extension().unwrap() == "gz" {
            GzDecoder::new(file).read_to_string(&mut text).unwrap();
        } else {
            file.read_to_string(&mut text).unwrap();
        }
    }
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

fn numbers(folder: &Path) -> Vec<u64> {
    lines(folder).iter().filter_map(|line| line["number"].as_u64()).collect()
}

/// Files that are full after some hundred lines.
fn small_files<'a>(path: &'a Path, backups: &'a str) -> [(&'a str, &'a str); 4] {
    let path = path.to_str().unwrap();
    [QUIET, ("LOG_FILE", path), ("LOG_FILE_MAX_BYTES", "20000"), ("LOG_FILE_BACKUPS", backups)]
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("deep/logs");
    let mut emitter = Emitter::start(10, &[QUIET, ("LOG_FILE", &format!("{}/", logs.display()))]);
    emitter.run("lines 10").await;
    let (report, printed) = emitter.finish().await;
    assert_eq!((report.lines_shipped, report.lines_lost), (20, 0));
    assert_eq!((files(&logs).len(), lines(&logs)), (1, printed));
}

#[tokio::test]
async fn no_line_is_lost_or_doubled_when_files_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tea.log");
    let env = small_files(&path, "1000");
    let mut emitter = Emitter::start(5_000, &env);
    emitter.run("lines 5000").await;
    emitter.flush().await;
    let is_compressed = |path: &PathBuf| path.extension().unwrap() == "gz";
    eventually("compressed backups", async || {
        let files = files(folder.path());
        (files.len() > 3 && files.iter().filter(|path| !is_compressed(path)).count() == 1).then_some(())
    })
    .await;
    let (report, printed) = emitter.finish().await;
    assert_eq!((report.lines_shipped, report.lines_lost), (10_000, 0));
    assert_eq!(lines(folder.path()), printed, "the same lines in the same order");
    for path in files(folder.path()) {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640, "{}", path.display());
    }
}

#[tokio::test]
async fn only_so_many_backups_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tea.log");
    let env = [&small_files(&path, "2")[..], &[("LOG_FILE_COMPRESS", "false")]].concat();
    let mut emitter = Emitter::start(5_000, &env);
    emitter.run("lines 5000").await;
    emitter.flush().await;
    eventually("two backups", async || (files(folder.path()).len() == 3).then_some(())).await;
    let numbers = numbers(folder.path());
    assert_eq!(numbers.last(), Some(&4_999));
    assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "the newest ones: {numbers:?}");
    assert_eq!(emitter.finish().await.0.lines_lost, 0);
}

#[tokio::test]
async fn a_process_goes_on_where_a_killed_one_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tea.log");
    let env = small_files(&path, "1000");
    let mut killed = Emitter::start(5_000, &env);
    killed.run("lines 3000").await;
    killed.flush().await;
    // Most likely in the middle of compressing.
    drop(killed);
    let mut emitter = Emitter::start(5_000, &env);
    emitter.run("lines 10").await;
    assert_eq!(emitter.finish().await.0.lines_lost, 0);
    assert_eq!(numbers(folder.path()), (0..3_000).chain(0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_folder_has_a_file_for_each_service() {
    let folder = tempfile::tempdir().unwrap();
    let mut emitter = Emitter::start(5_000, &[QUIET, ("LOG_FILE", folder.path().to_str().unwrap())]);
    emitter.run("lines 3").await;
    emitter.finish().await;
    assert_eq!(files(folder.path()), [folder.path().join("emit.log")]);
    assert_eq!(numbers(folder.path()), [0, 1, 2]);
}

#[tokio::test]
async fn a_full_disk_costs_its_own_lines_only_and_is_said_once() {
    let mut emitter = Emitter::start(500, &[QUIET, ("LOG_FILE", "/dev/full")]);
    // Fewer than a queue holds: none of them is lost for another reason.
    emitter.run("lines 5000").await;
    let warnings = |printed: &[Value]| printed.iter().filter(|line| line["file"] == "/dev/full").count();
    let (report, printed) = emitter.finish().await;
    assert!(report.took.as_millis() < 1_500, "{report:?}");
    assert_eq!(warnings(&printed), 1, "{report:?}");
    // With the warning.
    assert_eq!((printed.len(), report.lines_shipped, report.lines_lost), (5_001, 5_001, 5_001));
}

#[tokio::test]
async fn a_disk_that_has_room_again_gets_what_waited() {
    let folder = tempfile::tempdir().unwrap();
    let (link, real) = (folder.path().join("link"), folder.path().join("tea.log"));
    symlink("/dev/full", &link).unwrap();
    let mut emitter = Emitter::start(9_000, &[QUIET, ("LOG_FILE", link.to_str().unwrap())]);
    emitter.run("lines 100").await;
    eventually("a warning", async || (emitter.printed() > 100).then_some(())).await;
    let new = folder.path().join("new");
    symlink(&real, &new).unwrap();
    fs::rename(new, &link).unwrap();
    let (report, _) = emitter.finish().await;
    assert_eq!(report.lines_lost, 0, "{report:?}");
    let text = fs::read_to_string(real).unwrap();
    assert_eq!(text.lines().filter(|line| line.contains("\"number\":")).count(), 100);
}
