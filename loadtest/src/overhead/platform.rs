//! The four services as children, each with a fresh database, configured as one arm.

use super::arms::{Arm, Group};
use crate::{client::Client, cpu, sink::Addresses};
use std::{
    collections::BTreeMap,
    error::Error,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// In the order they are started: who is called stands before who calls.
const SERVICES: [&str; 4] = ["inventory", "payment", "order", "gateway"];
const READY: Duration = Duration::from_secs(15);
const ONE_LOOK: Duration = Duration::from_secs(1);

/// What is started, for each group of arms.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    pub(super) waybill: PathBuf,
    pub(super) stock: PathBuf,
}

impl Programs {
    pub(super) fn of(&self, group: Group) -> &Path {
        match group {
            Group::Platform => &self.waybill,
            Group::Peer => &self.stock,
        }
    }
}

/// A running platform. Its processes end, and its data is gone, when it is dropped.
pub(super) struct Platform {
    services: Vec<Service>,
    pub(super) gateway: Client,
    _data: TempDir,
}

struct Service {
    child: Child,
    admin: SocketAddr,
}

/// Addresses of one service.
#[derive(Clone, Copy)]
struct Ports {
    api: SocketAddr,
    admin: SocketAddr,
}

impl Platform {
    /// Starts all four and waits until they are ready.
    pub(super) async fn start(
        programs: &Programs,
        arm: &Arm,
        sink: &Addresses,
    ) -> Result<Self, Box<dyn Error>> {
        let data = tempfile::tempdir()?;
        let ports = free_ports()?;
        let mut services = Vec::new();
        for (name, of) in SERVICES.into_iter().zip(ports) {
            let child = Command::new(programs.of(arm.group))
                .arg(name)
                .env_clear()
                .envs(arm.environment(sink))
                .envs(common(name, of, &ports, data.path()))
                .stdin(Stdio::piped())
                .stdout(output(arm, sink)?)
                .kill_on_drop(true)
                .spawn()?;
            services.push(Service { child, admin: of.admin });
        }
        let [.., gateway] = ports;
        let gateway = Client::new(&format!("http://{}", gateway.api), false)?;
        let mut platform = Self { services, gateway, _data: data };
        platform.ready().await?;
        Ok(platform)
    }

    async fn ready(&mut self) -> Result<(), Box<dyn Error>> {
        let end = Instant::now() + READY;
        for (service, name) in self.services.iter_mut().zip(SERVICES) {
            let admin = Client::new(&format!("http://{}", service.admin), false)?;
            while !matches!(admin.get("/readyz", ONE_LOOK).await, Ok((200, _))) {
                if let Some(status) = service.child.try_wait()? {
                    return Err(format!("{name} did not start ({status})").into());
                }
                if Instant::now() > end {
                    return Err(format!("{name} is not ready after {READY:?}").into());
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        Ok(())
    }

    /// The addresses of `/metrics`.
    pub(super) fn admins(&self) -> Vec<SocketAddr> {
        self.services.iter().map(|service| service.admin).collect()
    }

    /// CPU time of the four so far.
    pub(super) fn cpu(&self) -> Result<Duration, Box<dyn Error>> {
        self.each(cpu::time_of).map(|times| times.iter().sum())
    }

    /// Ends it, so that its CPU time is counted as ours.
    pub(super) async fn end(mut self) {
        for service in &mut self.services {
            // One that cannot be killed has ended.
            let _ = service.child.kill().await;
        }
    }

    /// Resident memory of the four, in bytes. Pages that they share count for each.
    pub(super) fn resident(&self) -> Result<u64, Box<dyn Error>> {
        self.each(cpu::resident).map(|sizes| sizes.iter().sum())
    }

    fn each<T>(&self, read: fn(u32) -> std::io::Result<T>) -> Result<Vec<T>, Box<dyn Error>> {
        let of = |service: &Service| Ok(read(service.child.id().ok_or("a service has ended")?)?);
        self.services.iter().map(of).collect()
    }

    /// The services' own counts of spans and lines, added up by `signal outcome`. Empty when metrics are off.
    pub(super) async fn own_counts(&self) -> BTreeMap<String, f64> {
        let mut counts = BTreeMap::new();
        for admin in self.admins() {
            let Ok(client) = Client::new(&format!("http://{admin}"), false) else { continue };
            if let Ok((200, body)) = client.get("/metrics", ONE_LOOK).await {
                for (name, value) in String::from_utf8_lossy(&body).lines().filter_map(own_count) {
                    *counts.entry(name).or_default() += value;
                }
            }
        }
        counts
    }
}

/// Lines that are to be counted go into the socket itself: no other process handles them.
fn output(arm: &Arm, sink: &Addresses) -> std::io::Result<Stdio> {
    if !arm.writes_lines() {
        return Ok(Stdio::null());
    }
    Ok(OwnedFd::from(TcpStream::connect(sink.lines)?).into())
}

/// `telemetry_spans_total{outcome="exported"} 15` is `spans exported`, 15.
fn own_count(line: &str) -> Option<(String, f64)> {
    let (signal, rest) = line.strip_prefix("telemetry_")?.split_once("_total{")?;
    let (labels, value) = rest.split_once("} ")?;
    if labels.contains("sink=\"stdout\"") {
        return None;
    }
    let (_, outcome) = labels.split_once("outcome=\"")?;
    let (outcome, _) = outcome.split_once('"')?;
    let value = value.split_whitespace().next()?.parse().ok()?;
    Some((format!("{signal} {outcome}"), value))
}

fn common(name: &str, of: Ports, ports: &[Ports; 4], data: &Path) -> Vec<(&'static str, String)> {
    let [inventory, payment, order, _] = ports.map(|ports| format!("http://{}", ports.api));
    vec![
        ("LISTEN_ADDR", of.api.to_string()),
        ("ADMIN_ADDR", of.admin.to_string()),
        ("DATABASE_URL", format!("sqlite:{}", data.join(name).with_extension("db").display())),
        ("EVENTS_URL", format!("{inventory}/events")),
        ("INVENTORY_URL", inventory),
        ("PAYMENT_URL", payment),
        ("ORDER_URL", order),
        // As `waybill up` has it, and short enough for a round to see its exports.
        ("OTEL_BSP_SCHEDULE_DELAY", "200".to_owned()),
        ("CUSTOMER_REF_KEY", "of an experiment only".to_owned()),
        ("CARD_SEAL_KEY", "of an experiment only".to_owned()),
        // They end when this process does, however it ends.
        ("STOP_WITH_STDIN", "true".to_owned()),
    ]
}

/// Eight that are free now. All are held until the last is found, so that they differ.
fn free_ports() -> std::io::Result<[Ports; 4]> {
    let mut held = Vec::new();
    let mut free = || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr();
        held.push(listener);
        address
    };
    let mut both = || Ok::<_, std::io::Error>(Ports { api: free()?, admin: free()? });
    Ok([both()?, both()?, both()?, both()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_counts_are_read() {
        for (line, expected) in [
            ("telemetry_spans_total{outcome=\"exported\"} 15", Some(("spans exported", 15.0))),
            ("telemetry_logs_total{sink=\"tcp\",outcome=\"shipped\"} 7", Some(("logs shipped", 7.0))),
            ("telemetry_logs_total{sink=\"stdout\",outcome=\"shipped\"} 7", None),
            ("telemetry_queue_length{signal=\"traces\"} 1", None),
            ("orders_total{status=\"confirmed\"} 1", None),
        ] {
            assert_eq!(own_count(line), expected.map(|(name, value)| (name.to_owned(), value)), "{line}");
        }
    }
}
