//! Order events from NATS.

use std::time::Duration;

use api::ids::OrderId;
use serde_json::json;
use service_kit::events::{EventsUrl, Publisher};
use telemetry::Env;
use telemetry::propagation::StoredContext;
use telemetry::testing::{assert_tree, recorder};
use testkit::{Nats, eventually};

use crate::app::App;
use crate::events::event;
use testkit::Database;

const PU_ERH: &str = "TEA-PUERH-1998";

#[tokio::test]
async fn events_come_from_nats_too() {
    let Some(nats) = Nats::start().await else { return };
    let url = nats.url();
    let app = App::start_on(Database::sqlite(), &[("EVENTS_URL", &url)]).await;
    let events = EventsUrl::from_env(&Env::from_pairs([("EVENTS_URL", &url)])).unwrap();
    let publisher = Publisher::new(&events, Duration::from_secs(5), None).unwrap();
    let order = OrderId::new();
    app.reserve(order, json!([{"sku": PU_ERH, "quantity": 2}])).await;
    let trace = "6bf92f3577b34da6a3ce929d0e0e4736";
    let context =
        StoredContext { traceparent: format!("00-{trace}-00f067aa0ba902b7-01"), ..StoredContext::default() };
    let event = event("order.confirmed", order);
    // The stream is made at the first contact, which may take its time; the same delivery twice is one.
    let publish = async || publisher.publish(&event, &context, "delivery-1").await.ok();
    eventually("the event to be taken", publish).await;
    let sold = async || (app.reserved(PU_ERH).await == 0 && app.available(PU_ERH).await == 1).then_some(());
    eventually("the sale", sold).await;
    let spans = recorder().wait_for_spans(trace, 2).await;
    assert_tree(
        &spans,
        "
        order-events process  CONSUMER inventory-service
          reservation.sell    CLIENT   inventory-service
        ",
    );
    app.stop().await;
}
