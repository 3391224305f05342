//! Every answer of every call between the services is lost once, and nothing is lost by that.

use acceptance::{Databases, Network, Placed, Settings, Shop, Stack};
use testkit::Postgres;

const ORDERS: usize = 30;

#[tokio::test]
async fn on_sqlite() {
    ends_as_if_nothing_were_lost(Databases::Sqlite).await;
}

#[tokio::test]
async fn on_postgresql() {
    let Some(postgres) = Postgres::shared().await else { return };
    ends_as_if_nothing_were_lost(Databases::Postgres(postgres)).await;
}

async fn ends_as_if_nothing_were_lost(databases: Databases) {
    let env = [("RESUME_INTERVAL_MS", "200"), ("RESERVATION_TTL_MS", "20000")];
    let env = env.map(|(name, value)| (name, value.to_owned())).to_vec();
    let network = Network::LosesAnswers;
    let stack = Stack::start(Settings { databases, network, env, ..Settings::default() }).await;
    let seeded = stack.stock().await;

    let placed = Shop::at(&stack).serve(4, ORDERS).await;
    assert_eq!(placed.len(), ORDERS);
    let statuses = stack.assert_books(&seeded).await;
    assert_eq!(Placed::assert_all_stand(&placed, &statuses), 0, "given up");

    // An order's reservation, charge and event each lost an answer, and it was answered twice at the two doors.
    for service in ["gateway", "order", "payment", "inventory"] {
        let lost = stack.answers_lost(service);
        assert!(lost >= ORDERS / 2, "{service} lost {lost} answers");
    }
}
