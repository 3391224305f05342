//! `waybill up`: everything with one command, and what it prints.

use std::net::TcpListener;
use telemetry::redact::RefRing;
use tempfile::TempDir;
use testkit::{PATIENCE, Process, built, eventually, free_port};

/// The default ports.
const PORTS: [u16; 13] = [8080, 8081, 8082, 8083, 9080, 9081, 9082, 9083, 9086, 16686, 4317, 4318, 5170];

/// A port offset that leaves all of them free.
fn free_offset() -> u16 {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let offsets = std::iter::repeat_with(|| free_port() - 16_000);
    let mut free = offsets.take(200).filter(|offset| PORTS.iter().all(|port| is_free(port + offset)));
    free.next().expect("free ports")
}

fn up(folder: &TempDir, offset: u16) -> Process {
    let data = folder.path().join("data").display().to_string();
    let offset = offset.to_string();
    Process::start(&built("waybill"), &["up", "--data", &data, "--port-offset", &offset], [("NO_COLOR", "1")])
}

#[tokio::test]
async fn one_command_starts_everything_and_ends_it() {
    let folder = TempDir::new().unwrap();
    let offset = free_offset();
    let mut process = up(&folder, offset);
    let page = format!("http://127.0.0.1:{}/trace/", 16686 + offset);
    let printed = eventually("links to sample orders", async || {
        assert!(process.is_running(), "{:?} {:?}", process.stdout(), process.stderr());
        let printed = process.stdout().join("\n");
        (printed.matches(&page).count() >= 3).then_some(printed)
    })
    .await;
    for outcome in ["confirmed", "declined", "out of stock"] {
        assert!(printed.contains(outcome), "{outcome} in\n{printed}");
    }
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for (at, _) in printed.match_indices(&page) {
        let link = printed[at..].split_whitespace().next().unwrap();
        eventually(link, async || client.get(link).send().await.ok().filter(|page| page.status() == 200))
            .await;
    }
    process.terminate();
    let status = process.ended(PATIENCE).await;
    assert!(status.success(), "{status}: {:?}", process.stderr());
}

#[tokio::test]
async fn a_taken_port_stops_it_with_one_line() {
    let folder = TempDir::new().unwrap();
    let offset = free_offset();
    let _taken = TcpListener::bind(("127.0.0.1", 8082 + offset)).unwrap();
    let mut process = up(&folder, offset);
    let status = process.ended(PATIENCE).await;
    assert!(!status.success());
    let errors = process.stderr();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains(&(8082 + offset).to_string()), "{errors:?}");
}

#[tokio::test]
async fn a_key_ring_is_made_once_and_a_key_that_is_there_is_kept() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("data/customer-ref.key");
    let offset = free_offset();
    // It stops as soon as it has its keys.
    let _taken = TcpListener::bind(("127.0.0.1", 8082 + offset)).unwrap();
    let key = async || {
        assert!(!up(&folder, offset).ended(PATIENCE).await.success());
        std::fs::read_to_string(&path).unwrap()
    };
    let ring = key().await;
    assert!(RefRing::parse(&ring).is_ok());
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&path.metadata().unwrap()) & 0o777, 0o600);
    assert_eq!(key().await, ring);
    std::fs::write(&path, "one key for all customers").unwrap();
    assert_eq!(key().await, "one key for all customers");
}
