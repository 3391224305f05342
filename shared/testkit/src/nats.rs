//! A real NATS server with JetStream.

use crate::{
    daemon::{Daemon, installed, not_run},
    eventually, free_port,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
};

/// A server of the test's own, started from the machine's binary with its streams in a temporary folder.
pub struct Nats {
    port: u16,
    daemon: Option<Daemon>,
    folder: TempDir,
}

impl Nats {
    /// Starts a server. `None`, after saying so, when NATS is not installed; that is a panic when `CI` is `true` or
    /// `WAYBILL_REQUIRE_SERVICES` is set.
    pub async fn start() -> Option<Self> {
        if installed("nats-server", &[]).is_none() {
            not_run("nats-server", "nats-server");
            return None;
        }
        let mut server = Self { port: free_port(), daemon: None, folder: TempDir::new().expect("a folder") };
        server.restart().await;
        Some(server)
    }

    /// For `EVENTS_URL`.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Goes away, with all connections.
    pub fn stop(&mut self) {
        self.daemon = None;
    }

    /// Comes back on the same port, with what it had.
    pub async fn restart(&mut self) {
        self.stop();
        let program = installed("nats-server", &[]).expect("nats-server");
        let port = self.port.to_string();
        let store = self.folder.path().to_str().expect("a path of text");
        let args = ["--jetstream", "--addr", "127.0.0.1", "--port", &port, "--store_dir", store];
        self.daemon = Some(Daemon::start(&program, args, None, "TERM", None));
        // Its first line tells who it is; it is sent when the server takes clients.
        eventually("NATS to be ready", async || {
            let stream = TcpStream::connect(("127.0.0.1", self.port)).await.ok()?;
            let line = BufReader::new(stream).lines().next_line().await.ok()??;
            line.contains("\"jetstream\":true").then_some(())
        })
        .await;
    }
}
