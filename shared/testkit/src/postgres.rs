//! A real PostgreSQL, with databases of their own for the tests.

use crate::{
    PATIENCE,
    daemon::{Daemon, User, installed, not_root, not_run, run_as},
    free_port,
    wait::eventually_within,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::{
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};
use tokio::sync::OnceCell;

/// A server of this process's own, started from the machine's binaries in a temporary folder. It keeps what it
/// answers for (`fsync` is on), and it ends, folder and all, with this process.
pub struct Postgres {
    port: u16,
    databases: AtomicU32,
    daemon: Daemon,
}

static SHARED: OnceCell<Option<Postgres>> = OnceCell::const_new();

impl Postgres {
    /// The server of all tests of this process. `None`, after saying so, when PostgreSQL is not installed; that is
    /// a panic when `CI` is `true` or `WAYBILL_REQUIRE_SERVICES` is set.
    pub async fn shared() -> Option<&'static Self> {
        let shared = SHARED.get_or_init(Self::start).await;
        if shared.is_none() {
            not_run("PostgreSQL", "postgresql");
        }
        shared.as_ref()
    }

    /// A new, empty database, as `postgres://user:password@host:port/name`.
    pub async fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Relaxed));
        let mut admin = PgConnection::connect(&self.url("postgres")).await.expect("a connection");
        let create = format!("CREATE DATABASE {name} TEMPLATE template0");
        sqlx::query(AssertSqlSafe(create)).execute(&mut admin).await.expect("a new database");
        admin.close().await.expect("an end");
        self.url(&name)
    }

    /// Starts a server; `None` when there is no program for it.
    async fn start() -> Option<Self> {
        let programs = installed("initdb", &versions())?.parent().map(Path::to_owned)?;
        let folder = tempfile::Builder::new().prefix("waybill-postgres-").tempdir().expect("a folder").keep();
        let user = not_root(&folder);
        if let Some(User { uid, gid }) = user {
            chown(&folder, Some(uid), Some(gid)).expect("a folder for another user");
        }
        let data = folder.join("data");
        initialise(&programs.join("initdb"), &data, user);
        let port = free_port();
        let settings = [
            format!("port={port}"),
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
            // Many services, each with a pool.
            "max_connections=400".to_owned(),
            "shared_buffers=64MB".to_owned(),
            // Checkpoints while tests run would only make their times differ.
            "checkpoint_timeout=1h".to_owned(),
            "max_wal_size=4GB".to_owned(),
        ];
        let args = settings.iter().flat_map(|setting| ["-c", setting]);
        let args = ["-D", data.to_str().expect("a path of text")].into_iter().chain(args);
        // SIGQUIT is PostgreSQL's immediate stop: nobody will need its files again.
        let daemon = Daemon::start(&programs.join("postgres"), args, user, "QUIT", Some(&folder));
        let server = Self { port, databases: AtomicU32::new(0), daemon };
        server.ready().await;
        Some(server)
    }

    async fn ready(&self) {
        eventually_within(PATIENCE, "PostgreSQL to be ready", async || {
            let said = self.daemon.said();
            assert!(!said.contains("FATAL:  could not"), "PostgreSQL does not start: {said}");
            PgConnection::connect(&self.url("postgres")).await.ok()?.close().await.ok()
        })
        .await;
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://waybill:not-to-be-shown@127.0.0.1:{}/{database}", self.port)
    }
}

/// Makes the files of a new server. It lets everybody on this machine in, with any password.
fn initialise(initdb: &Path, data: &Path, user: Option<User>) {
    let mut command = Command::new(initdb);
    // Not waiting for the disk here is safe: a server whose machine fails now has nothing to keep.
    command.args(["--username=waybill", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
    command.arg("-D").arg(data).current_dir("/");
    run_as(&mut command, user);
    let output = command.output().expect("initdb");
    assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
}

/// Where Debian keeps the programs, newest version first.
fn versions() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let number = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let mut versions: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    versions.sort_by_key(|path| std::cmp::Reverse(number(path)));
    versions.into_iter().map(|path| path.join("bin")).collect()
}
