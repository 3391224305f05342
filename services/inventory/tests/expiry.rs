//! Reservations that nobody confirms.

use api::ids::OrderId;
use serde_json::json;
use telemetry::testing::recorder;
use testkit::eventually;

use crate::app::App;
use crate::events::{deliver, event};
use testkit::Database;

const PU_ERH: &str = "TEA-PUERH-1998";
const EXPIRED: &str = "inventory_reservations_expired_total{}";

#[tokio::test]
async fn stock_that_nobody_confirms_can_be_sold_again() {
    for database in Database::each().await {
        let app = App::start_on(database, &[("RESERVATION_TTL_MS", "40")]).await;
        let (lost, late) = (OrderId::new(), OrderId::new());
        app.reserve(lost, json!([{"sku": PU_ERH, "quantity": 3}])).await;
        let free = async || (app.available(PU_ERH).await == 3).then_some(());
        eventually("the stock to be free again", free).await;
        assert_eq!(app.reserved(PU_ERH).await, 0);
        let line = recorder()
            .everything()
            .lines()
            .any(|line| line.contains("reservation expired") && line.contains(&lost.to_string()));
        assert!(line, "one line says so");

        app.reserve(late, json!([{"sku": PU_ERH, "quantity": 2}])).await;
        eventually("the second one to expire", free).await;
        let app = {
            let database = app.stop().await;
            App::start_on(database, &[]).await
        };
        let again = app.reserve(late, json!([{"sku": PU_ERH, "quantity": 2}])).await;
        assert_eq!(again.status().as_u16(), 201, "an order that still wants it has it again");
        assert_eq!((app.available(PU_ERH).await, app.reserved(PU_ERH).await), (1, 2));
        assert_eq!(app.release(lost).await, 204);
        let other = app.reserve(OrderId::new(), json!([{"sku": PU_ERH, "quantity": 2}])).await;
        assert_eq!(other.status().as_u16(), 409);
        assert_eq!(deliver(&app, &event("order.confirmed", late)).await, 204);
        assert_eq!((app.available(PU_ERH).await, app.reserved(PU_ERH).await), (1, 0));
    }
}

#[tokio::test]
async fn a_confirmation_that_comes_too_late_never_oversells() {
    for database in Database::each().await {
        let app = App::start_on(database, &[("RESERVATION_TTL_MS", "40")]).await;
        let (first, second) = (OrderId::new(), OrderId::new());
        for order in [first, second] {
            app.reserve(order, json!([{"sku": PU_ERH, "quantity": 2}])).await;
            eventually("the stock to be free", async || (app.available(PU_ERH).await == 3).then_some(()))
                .await;
        }
        assert_eq!(deliver(&app, &event("order.confirmed", second)).await, 204);
        assert_eq!(deliver(&app, &event("order.confirmed", first)).await, 409);
        assert_eq!((app.available(PU_ERH).await, app.reserved(PU_ERH).await), (1, 0));
        let counted = async || (app.metric(EXPIRED).await == 2).then_some(());
        eventually("both to be counted", counted).await;
    }
}
