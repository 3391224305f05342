//! A program as a child process: started with nothing of this process's environment, ended with the test.

use crate::wait::eventually_within;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU16, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::Duration,
};

/// A running child. Killed, by its own id, when dropped.
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: Capture,
    errors: Capture,
}

struct Capture {
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts `program` with these arguments and this environment, and nothing else but `PATH` and
    /// `TELEMETRY_PIPELINE`: so all tests can be run on either pipeline.
    pub fn start<K, V>(program: &Path, args: &[&str], env: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: AsRef<std::ffi::OsStr>,
        V: AsRef<std::ffi::OsStr>,
    {
        let mut command = Command::new(program);
        command.args(args).env_clear();
        for name in ["PATH", "TELEMETRY_PIPELINE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(env);
        Self::spawn(command)
    }

    /// Starts a command as it is.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let program = command.get_program().to_owned();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        let input = child.stdin.take();
        let output = Capture::of(child.stdout.take().expect("a pipe"));
        let errors = Capture::of(child.stderr.take().expect("a pipe"));
        Self { child, input, output, errors }
    }

    /// Lines on its standard output so far.
    pub fn stdout(&self) -> Vec<String> {
        self.output.lines()
    }

    /// Lines on its standard error so far.
    pub fn stderr(&self) -> Vec<String> {
        self.errors.lines()
    }

    /// Writes a line to its standard input.
    pub fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("its input is open");
        writeln!(input, "{line}").and_then(|()| input.flush()).expect("it listens");
    }

    /// Ends its standard input.
    pub fn hang_up(&mut self) {
        self.input = None;
    }

    /// True until it has ended.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to stop (SIGTERM).
    pub fn terminate(&self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(status.expect("kill(1)").success(), "process {} takes no signal", self.child.id());
    }

    /// Waits until it has ended by itself, and until all that it has written is read.
    pub async fn ended(&mut self, limit: Duration) -> ExitStatus {
        let status = eventually_within(limit, "the end of the process", async || {
            self.child.try_wait().expect("a child that can be asked")
        })
        .await;
        self.output.finish();
        self.errors.finish();
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Capture {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = lines.clone();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Self { lines, reader: Some(reader) }
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn finish(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("a reader that reads to the end");
        }
    }
}

/// A program that cargo has built beside the running test: `waybill`, or `examples/emit`.
pub fn built(program: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let folder = test.parent().and_then(Path::parent).expect("target/<profile>/deps");
    let path = folder.join(program);
    assert!(
        path.exists(),
        "{} is not built: `cargo test --workspace` builds it, `cargo build` does for one package",
        path.display()
    );
    path
}

/// A port for a child to listen on. Below the range the system takes ports for outgoing connections from, or one
/// of these might have it before the child does.
pub fn free_port() -> u16 {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test processes that run side by side begin in different places.
    let place = (std::process::id() % 1_000) as u16 * 12;
    let port = (0..COUNT)
        .map(|_| FIRST + (place.wrapping_add(NEXT.fetch_add(1, Relaxed)) % COUNT))
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    port.expect("a free port")
}
