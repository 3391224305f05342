//! The sink as this program's child.

use crate::sink::{Addresses, Ask, Bytecount};
use std::{net::SocketAddr, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::Mutex,
};

/// A running sink; it ends with this.
pub(super) struct Receiver {
    pub(super) addresses: Addresses,
    talk: Mutex<(ChildStdin, Lines<BufReader<ChildStdout>>)>,
    child: Child,
}

impl Receiver {
    pub(super) async fn start() -> Result<Self, Box<dyn std::error::Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("sink")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the sink has no pipes".into());
        };
        let mut output = BufReader::new(output).lines();
        let first = output.next_line().await?.ok_or("the sink said nothing")?;
        Ok(Self { addresses: serde_json::from_str(&first)?, talk: Mutex::new((input, output)), child })
    }

    /// Scrapes these from now on.
    pub(super) async fn scrape(&self, targets: Vec<SocketAddr>) -> Result<(), Box<dyn std::error::Error>> {
        self.ask(&Ask::Scrape(targets)).await.map(drop)
    }

    /// Bytes so far.
    pub(super) async fn count(&self) -> Result<Bytecount, Box<dyn std::error::Error>> {
        self.ask(&Ask::Count).await
    }

    /// Ends it, so that its CPU time is counted as ours.
    pub(super) async fn end(mut self) {
        // One that cannot be killed has ended.
        let _ = self.child.kill().await;
    }

    async fn ask(&self, ask: &Ask) -> Result<Bytecount, Box<dyn std::error::Error>> {
        let mut talk = self.talk.lock().await;
        let (input, output) = &mut *talk;
        input.write_all(format!("{}\n", serde_json::to_string(ask)?).as_bytes()).await?;
        let answer = output.next_line().await?.ok_or("the sink has ended")?;
        Ok(serde_json::from_str(&answer)?)
    }
}
