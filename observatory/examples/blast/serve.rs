//! The observatory in a process of its own, and its counters.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use observatory::openmetrics::Exposition;
use observatory::{Config, Data, Listeners};

/// Counters that stand still for so long have come to their end.
const QUIET: Duration = Duration::from_secs(1);
/// What storing the rest may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// The child's side: free ports, an empty store; ends with its standard input.
pub fn run() -> Result<(), Box<dyn Error>> {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = Config {
        listen: free,
        admin: free,
        otlp_grpc: free,
        otlp_http: free,
        log: free,
        data: Data::Ephemeral,
        scrape_targets: Vec::new(),
        ..Config::from_env(&|name| std::env::var(name).ok())?
    };
    // As many threads as `waybill observatory` has.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listeners = Listeners::bind(&config).await?;
        let addresses = [
            listeners.http.local_addr()?,
            listeners.admin.local_addr()?,
            listeners.log_tcp.local_addr()?,
            listeners.log_udp.local_addr()?,
            listeners.otlp_http.local_addr()?,
            listeners.otlp_grpc.local_addr()?,
        ];
        println!("{}", addresses.map(|address| address.to_string()).join(" "));
        std::io::stdout().flush()?;
        let ended = async {
            let end = || std::io::stdin().read_to_end(&mut Vec::new());
            let _ = tokio::task::spawn_blocking(end).await;
        };
        observatory::run(config, listeners, ended).await?;
        Ok(())
    })
}

#[derive(Clone, Copy)]
pub struct Ports {
    pub http: SocketAddr,
    pub admin: SocketAddr,
    pub tcp: SocketAddr,
    pub udp: SocketAddr,
    pub otlp_http: SocketAddr,
    pub otlp_grpc: SocketAddr,
}

/// What became of everything that was sent.
#[derive(Clone, Copy, Default, PartialEq)]
pub struct Counts {
    pub received: u64,
    pub stored: u64,
    pub refused: u64,
    pub limited: u64,
    pub failed: u64,
    pub malformed: u64,
}

impl Counts {
    fn settled(&self) -> u64 {
        self.stored + self.refused + self.limited + self.failed + self.malformed
    }
}

/// The parent's side.
pub struct Served {
    pub ports: Ports,
    child: Child,
    client: reqwest::Client,
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Served {
    pub async fn start() -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().ok_or("no output")?);
        output.read_line(&mut line)?;
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        let addresses = line.split_whitespace().map(str::parse).collect::<Result<Vec<SocketAddr>, _>>()?;
        let [http, admin, tcp, udp, otlp_http, otlp_grpc] =
            addresses.try_into().map_err(|_| "six addresses")?;
        let client = reqwest::Client::builder().no_proxy().build()?;
        let served = Self { ports: Ports { http, admin, tcp, udp, otlp_http, otlp_grpc }, child, client };
        while served.counts().await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(served)
    }

    async fn counts(&self) -> Result<Counts, Box<dyn Error>> {
        let answer = self.client.get(format!("http://{}/metrics", self.ports.admin)).send().await?;
        let exposition = Exposition::parse(&answer.text().await?).ok_or("no metrics")?;
        let sum = |name: &str| {
            let name = format!("observatory_{name}_total");
            exposition
                .samples
                .iter()
                .filter(|sample| sample.name == name)
                .map(|sample| sample.value as u64)
                .sum()
        };
        Ok(Counts {
            received: sum("received"),
            stored: sum("stored"),
            refused: sum("refused"),
            limited: sum("limited"),
            failed: sum("failed"),
            malformed: sum("malformed"),
        })
    }

    /// Waits until everything sent is accounted for, or until nothing happens any more; with the time of the last change.
    pub async fn settled(&self, sent: u64) -> Result<(Counts, Instant), Box<dyn Error>> {
        let began = Instant::now();
        let (mut last, mut since) = (Counts::default(), Instant::now());
        loop {
            let now = self.counts().await?;
            if now != last {
                (last, since) = (now, Instant::now());
            }
            let done = now.received >= sent && now.settled() == now.received;
            if done || since.elapsed() >= QUIET || began.elapsed() > PATIENCE {
                return Ok((now, since));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// User and system time so far.
    pub fn cpu_seconds(&self) -> Result<f64, Box<dyn Error>> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let after_name = stat.rsplit_once(')').ok_or("stat")?.1;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        // Linux counts in hundredths of a second for user space, on every architecture.
        Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / 100.0)
    }

    /// The most memory it had at any time.
    pub fn peak_bytes(&self) -> Result<u64, Box<dyn Error>> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("status")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }
}
