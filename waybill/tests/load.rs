//! `waybill order place` with many orders, against a gateway that answers what the test says.

use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use testkit::{Answer, PATIENCE, Peer, Process};

const ORDERS: &str = "/api/orders";

fn confirmed(order: &Value) -> Answer {
    let answer = json!({
        "id": "0193f5c2-0000-7000-8000-000000000001", "status": "confirmed",
        "customer_id": order["customer_id"], "items": order["items"],
        "created_at": "2026-11-22T10:11:12.131415Z",
    });
    Answer::Json(201, answer)
}

fn place(gateway: &Peer, args: &[&str]) -> Process {
    let args: Vec<_> = ["order", "place"].iter().chain(args).copied().collect();
    Process::start(Path::new(env!("CARGO_BIN_EXE_waybill")), &args, [("GATEWAY_URL", gateway.url())])
}

async fn printed(process: &mut Process) -> String {
    let status = process.ended(PATIENCE).await;
    assert!(status.success(), "{status}: {:?}", process.stderr());
    process.stdout().join("\n")
}

#[tokio::test]
async fn a_steady_load_keeps_its_rate_until_its_time_is_over() {
    let gateway = Peer::start(|request| confirmed(&request.body));
    let start = Instant::now();
    let mut process = place(&gateway, &["--rate", "20", "--for", "2s"]);
    let text = printed(&mut process).await;
    assert!(start.elapsed() >= Duration::from_secs(2));
    let placed = gateway.received(ORDERS).len();
    // Forty, and one at the very beginning; a machine that is busy may be a little late.
    assert!((35..=41).contains(&placed), "{placed}");
    assert!(text.contains(&format!("{placed} confirmed")), "{text}");
}

#[tokio::test]
async fn it_ends_with_a_signal_and_a_summary() {
    let gateway = Peer::start(|request| confirmed(&request.body));
    let mut process = place(&gateway, &["--rate", "50", "--mix"]);
    let orders = gateway.wait_for(ORDERS, 100).await;
    process.terminate();
    let text = printed(&mut process).await;
    let placed = gateway.received(ORDERS).len();
    assert!(text.contains(&format!("{placed} confirmed")) && text.contains("orders in"), "{text}");
    let different = |pointer: &str| {
        let values = orders.iter().map(|order| order.body.pointer(pointer).unwrap().to_string());
        values.collect::<BTreeSet<_>>().len()
    };
    for pointer in ["/customer_id", "/items/0/sku", "/items/0/quantity"] {
        assert!(different(pointer) > 1, "{pointer}");
    }
}

#[tokio::test]
async fn a_gateway_that_does_not_answer_is_not_buried() {
    let under_way = Arc::new(AtomicU32::new(0));
    let seen = under_way.clone();
    let gateway = Peer::start(move |_| {
        seen.fetch_add(1, Relaxed);
        Answer::Hang
    });
    let start = Instant::now();
    let mut process = place(&gateway, &["--rate", "100", "--for", "1s", "--concurrency", "3"]);
    let text = printed(&mut process).await;
    assert!(start.elapsed() < Duration::from_secs(12), "{:?}", start.elapsed());
    assert_eq!(under_way.load(Relaxed), 3);
    assert!(text.contains("left out: 3 were under way") && text.contains("3 not answered"), "{text}");
}

#[tokio::test]
async fn a_gateway_that_is_away_is_an_outcome() {
    let mut gateway = Peer::start(|request| confirmed(&request.body));
    gateway.stop();
    let mut process = place(&gateway, &["--rate", "20", "--for", "1s"]);
    let text = printed(&mut process).await;
    assert!(text.contains("nothing answers at"), "{text}");
}

#[tokio::test]
async fn many_at_once_are_counted() {
    let gateway = Peer::start(|request| confirmed(&request.body));
    let mut process = place(&gateway, &["--count", "50", "--mix"]);
    let text = printed(&mut process).await;
    assert!(text.contains("50 confirmed") && text.contains("50 orders in"), "{text}");
}
