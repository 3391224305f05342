//! A server program from the machine's packages, which ends with this process however that ends.

use crate::{PATIENCE, Process};
use std::{
    env,
    io::Write,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Runs the program beside a reader of standard input. That pipe breaks when this process stops or dies: then the
/// program is told to stop with the signal `$1`, and the folder `$2` (if any) is deleted.
const WATCHED: &str = r#"
    trap '' INT HUP
    signal=$1 folder=$2; shift 2
    "$@" & program=$!
    cat >/dev/null
    kill -s "$signal" "$program"; wait "$program"
    [ -z "$folder" ] || rm -rf "$folder"
"#;

/// A running server program. Stopped when dropped, and when this process ends.
pub(crate) struct Daemon(Process);

/// Whom a server program runs as.
#[derive(Clone, Copy)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Daemon {
    /// Starts `program`. `signal` stops it; `folder` is deleted after that.
    pub(crate) fn start<S: AsRef<std::ffi::OsStr>>(
        program: &Path,
        args: impl IntoIterator<Item = S>,
        user: Option<User>,
        signal: &str,
        folder: Option<&Path>,
    ) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", WATCHED, "sh", signal]);
        command.arg(folder.unwrap_or(Path::new(""))).arg(program).args(args).current_dir("/");
        run_as(&mut command, user);
        Self(Process::spawn(command))
    }

    /// What it has said.
    pub(crate) fn said(&self) -> String {
        [self.0.stdout(), self.0.stderr()].concat().join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.0.hang_up();
        let start = Instant::now();
        while self.0.is_running() && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Makes a command run as another user.
pub(crate) fn run_as(command: &mut Command, user: Option<User>) {
    command.stdin(Stdio::piped());
    if let Some(User { uid, gid }) = user {
        command.uid(uid).gid(gid);
    }
}

/// The user who owns a new folder, if that must not be root: PostgreSQL refuses to run as root.
pub(crate) fn not_root(folder: &Path) -> Option<User> {
    let own = std::fs::metadata(folder).expect("a folder").uid();
    (own == 0).then(|| {
        let users = std::fs::read_to_string("/etc/passwd").expect("the users of this machine");
        let find = |name: &str| {
            let line = users.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            let mut fields = line.split(':').skip(1).map(str::parse);
            Some(User { uid: fields.next()?.ok()?, gid: fields.next()?.ok()? })
        };
        find("postgres").or_else(|| find("nobody")).expect("a user who is not root")
    })
}

/// A program by its name: on the `PATH`, where packages keep servers, or in one of `more`.
pub(crate) fn installed(name: &str, more: &[PathBuf]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin"].map(PathBuf::from);
    let folders = more.iter().cloned().chain(env::split_paths(&path)).chain(usual);
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// Says that a test doesn't run because a program is missing. Panics where all tests have to run: when `CI` is
/// `true` or `WAYBILL_REQUIRE_SERVICES` is set.
pub(crate) fn not_run(program: &str, package: &str) {
    let name = thread::current().name().unwrap_or("a test").to_owned();
    let why = format!("NOT RUN: {name}: there is no {program} on this machine (Debian: {package})");
    let required = env::var_os("WAYBILL_REQUIRE_SERVICES").is_some_and(|value| !value.is_empty())
        || env::var("CI").is_ok_and(|value| value == "true");
    assert!(!required, "{why}");
    // Not `eprintln!`, which a passing test keeps to itself.
    let _ = writeln!(std::io::stderr(), "{why}");
}
