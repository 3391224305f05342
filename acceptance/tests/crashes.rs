//! Processes die at random points under load, and every order that was acknowledged stands.
//!
//! `WAYBILL_KILLS` says how many are killed (20), `WAYBILL_SEED` which and when; `scripts/kill-test` runs the long
//! version.

use acceptance::{Databases, Network, Placed, Settings, Shop, Stack};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{io::Write, time::Duration};
use testkit::{Nats, Postgres, eventually};

const CUSTOMERS: usize = 8;

#[tokio::test]
async fn services_on_sqlite_are_killed() {
    survives(Settings::default()).await;
}

#[tokio::test]
async fn two_of_each_service_on_postgresql_and_nats_are_killed() {
    let Some(postgres) = Postgres::shared().await else { return };
    let Some(nats) = Nats::start().await else { return };
    let settings = Settings {
        databases: Databases::Postgres(postgres),
        nats: Some(nats.url()),
        network: Network::TwoOfEach,
        ..Settings::default()
    };
    survives(settings).await;
}

async fn survives(settings: Settings) {
    let kills = number("WAYBILL_KILLS").unwrap_or(20);
    let seed = number("WAYBILL_SEED").unwrap_or_else(rand::random);
    let mut stack = Stack::start(Settings { env: hasty(), ..settings }).await;
    let seeded = stack.stock().await;
    let shop = Shop::at(&stack);

    let killing = async {
        kill(&mut stack, &shop, kills, StdRng::seed_from_u64(seed)).await;
        shop.close();
    };
    let (placed, ()) = tokio::join!(shop.serve(CUSTOMERS, usize::MAX), killing);

    stack.ready().await;
    let statuses = stack.assert_books(&seeded).await;
    let printed = stack.printed();
    assert!(!printed.contains("panicked"), "{printed}");
    assert!(!printed.contains("not-to-be-shown"), "the password of the database is in {printed}");
    let failed = Placed::assert_all_stand(&placed, &statuses);
    let (placed, kills) = (placed.len(), kills as usize);
    // The figures of the long version are worth knowing even when all is well.
    let _ = writeln!(
        std::io::stdout(),
        "{kills} kills, WAYBILL_SEED={seed}: {placed} orders answered, {failed} of them given up"
    );
    assert!(placed > kills, "{placed} orders and {kills} kills, with WAYBILL_SEED={seed}");
    assert!(failed < placed / 2, "{failed} of {placed} orders were given up, with WAYBILL_SEED={seed}");
}

/// Kills any service at any moment of some order, and starts it again at once. Between two kills some orders get on,
/// however slow the machine is.
async fn kill(stack: &mut Stack, shop: &Shop, kills: u64, mut random: StdRng) {
    let services: Vec<_> = stack.parts().into_iter().filter(|part| *part != "observatory").collect();
    for _ in 0..kills {
        let enough = shop.begun() + random.random_range(1..=8);
        eventually("orders to get on", async || (shop.begun() >= enough).then_some(())).await;
        // Not a wait for anything: the moment is the point.
        tokio::time::sleep(Duration::from_millis(random.random_range(0..100))).await;
        let service = services[random.random_range(0..services.len())];
        stack.kill(service);
        stack.restart(service);
    }
}

/// Whatever was under way is taken up soon, and what nobody asks for any more is soon given back.
fn hasty() -> Vec<(&'static str, String)> {
    let settings = [
        ("REQUEST_TIMEOUT_MS", "3000"),
        ("ORDER_LEASE_MS", "4000"),
        ("RESUME_INTERVAL_MS", "200"),
        ("RESERVATION_TTL_MS", "8000"),
    ];
    settings.map(|(name, value)| (name, value.to_owned())).to_vec()
}

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable}={value} is no whole number")))
}
