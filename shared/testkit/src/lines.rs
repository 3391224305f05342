//! A receiver of JSON lines over TCP, as Logstash and the observatory are.

use crate::{Mood, eventually, listed, server::Server};
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// One log line, parsed.
pub type Line = Map<String, Value>;

/// Takes lines and keeps them all.
pub struct LogSink {
    server: Server,
    kept: Arc<Kept>,
    is_strict: bool,
}

#[derive(Default)]
struct Kept {
    mood: Mutex<Mood>,
    lines: Mutex<Vec<String>>,
}

impl LogSink {
    /// Listens on a free port.
    pub fn start() -> Self {
        let kept = Arc::new(Kept::default());
        Self { server: Server::start(|listener| serve(listener, kept.clone())), kept, is_strict: false }
    }

    /// The same; and when it is dropped, the test fails if a line has come that is not as the list of signals has it.
    pub fn strict() -> Self {
        let mut sink = Self::start();
        sink.is_strict = true;
        sink
    }

    /// For `LOG_SHIP`.
    pub fn url(&self) -> String {
        format!("tcp://{}", self.server.address())
    }

    /// What it does with the connections that come from now on. [`Mood::Refuses`] closes them unread.
    pub fn set(&self, mood: Mood) {
        *lock(&self.kept.mood) = mood;
    }

    /// Goes away, with all connections.
    pub fn stop(&mut self) {
        self.server.stop();
    }

    /// Comes back on the same port, with what it had.
    pub fn restart(&mut self) {
        let kept = self.kept.clone();
        self.server.restart(|listener| serve(listener, kept));
    }

    /// The lines so far. Panics when one is not a JSON object.
    pub fn lines(&self) -> Vec<Line> {
        let parse = |line: &String| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("not a JSON object: {line}: {error}"))
        };
        lock(&self.kept.lines).iter().map(parse).collect()
    }

    /// Waits until there are `count` lines for which `wanted` says so, and returns those.
    pub async fn wait_for(&self, count: usize, what: &str, wanted: impl Fn(&Line) -> bool) -> Vec<Line> {
        let enough = async || {
            let found: Vec<Line> = self.lines().into_iter().filter(&wanted).collect();
            (found.len() >= count).then_some(found)
        };
        eventually(&format!("{count} lines: {what}"), enough).await
    }

    /// Everything that came, as it came: for tests that something appears nowhere.
    pub fn everything(&self) -> String {
        lock(&self.kept.lines).join("\n")
    }
}

impl Drop for LogSink {
    fn drop(&mut self) {
        if self.is_strict {
            listed::assert_none(self.lines().iter().flat_map(listed::line_problems));
        }
    }
}

async fn serve(listener: TcpListener, kept: Arc<Kept>) {
    while let Ok((stream, _)) = listener.accept().await {
        let mood = *lock(&kept.mood);
        match mood {
            Mood::Refuses => drop(stream),
            Mood::Takes => {
                tokio::spawn(read(stream, kept.clone()));
            }
            Mood::Hangs => {
                tokio::spawn(async move {
                    let _open = stream;
                    std::future::pending::<()>().await;
                });
            }
        }
    }
}

async fn read(stream: TcpStream, kept: Arc<Kept>) {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        lock(&kept.lines).push(line);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
