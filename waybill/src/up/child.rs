//! One process of the platform: started, watched, restarted, stopped.

use super::{
    NOT_INHERITED,
    plan::{Plan, Role},
};
use crate::style::{GOOD, WARN, paint};
use std::{
    io,
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};
use tokio::process::ChildStdin;

/// A drain, a flush and some reserve.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A process that has lived so long was not a failed start.
const STABLE: Duration = Duration::from_secs(30);

pub(crate) struct Child {
    pub(crate) role: Role,
    process: tokio::process::Child,
    /// Held here because waiting for a process closes what it still has of its input.
    stdin: Option<ChildStdin>,
}

impl Child {
    /// Its standard input is held open: its end tells the child to stop, also when this process is killed. Lines go
    /// to the observatory; printing them here as well would bury what this command has to say.
    pub(crate) fn start(role: Role, plan: &Plan) -> io::Result<Self> {
        let mut command = tokio::process::Command::new(std::env::current_exe()?);
        for name in NOT_INHERITED {
            command.env_remove(name);
        }
        command
            .arg(role.command())
            .envs(plan.environment(role))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            // A group of its own: Ctrl-C in a terminal is for this process, which stops the others in order.
            .process_group(0);
        let mut process = command.spawn()?;
        let stdin = process.stdin.take();
        Ok(Self { role, process, stdin })
    }

    /// How it ended, if it has.
    pub(crate) fn has_ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    /// Starts it again whenever it ends, each time after a longer pause, and says so.
    pub(crate) async fn keep_alive(&mut self, plan: &Plan) {
        let mut pause = FIRST_PAUSE;
        loop {
            let start = Instant::now();
            let ended = self.process.wait().await;
            pause = if start.elapsed() > STABLE { FIRST_PAUSE } else { pause };
            let service = self.role.service();
            let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
            let note = format!("{service} has died ({how}); it starts again in {} ms", pause.as_millis());
            anstream::println!("{}", paint(WARN, note));
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            match Self::start(self.role, plan) {
                Ok(child) => {
                    *self = child;
                    anstream::println!("{}", paint(GOOD, format_args!("{service} is started again")));
                }
                Err(error) => anstream::println!("{}", paint(WARN, format_args!("{service}: {error}"))),
            }
        }
    }

    /// Asks it to stop and waits; false when it did not end well, or had to be killed.
    pub(crate) async fn stop(&mut self) -> io::Result<bool> {
        drop(self.stdin.take());
        if let Ok(status) = tokio::time::timeout(STOP_TIMEOUT, self.process.wait()).await {
            return Ok(status?.success());
        }
        self.process.kill().await?;
        Ok(false)
    }
}
