//! Taking charges back, over HTTP.

use api::ids::OrderId;
use api::payment::Charge;
use serde_json::{Value, json};
use telemetry::testing::{assert_tree, recorder};

use crate::app::{App, problem};
use testkit::Database;

const GOOD: &str = "4242424242424242";
const DECLINED: &str = "4000000000000002";
const FLAKY: &str = "4000000000000119";

async fn state(app: &App, order: OrderId) -> Value {
    let answer = app.refund(order).await;
    assert_eq!(answer.status().as_u16(), 200);
    answer.json().await.unwrap()
}

#[tokio::test]
async fn whatever_has_become_of_a_charge_it_is_taken_back_for_good() {
    for database in Database::each().await {
        let app = App::start_on(database).await;
        for (card, was, becomes) in [
            (Some(GOOD), 201, "refunded"),
            (Some(DECLINED), 402, "declined"),
            (Some(FLAKY), 503, "voided"),
            (None, 0, "voided"),
        ] {
            let order = OrderId::new();
            if let Some(card) = card {
                assert_eq!(app.charge(order, 2500, card).await.status().as_u16(), was);
            }
            for _ in 0..2 {
                assert_eq!(state(&app, order).await, json!({"state": becomes}), "{card:?}");
            }
            let late = app.charge(order, 2500, card.unwrap_or(GOOD)).await;
            if becomes == "declined" {
                assert_eq!(late.status().as_u16(), 402);
            } else {
                let problem = problem(late, 409).await;
                assert!(problem.kind_uri.ends_with("/conflict"), "{problem:?}");
            }
            assert_eq!(state(&app, order).await, json!({"state": becomes}), "{card:?}");
        }
    }
}

#[tokio::test]
async fn a_path_that_names_no_order() {
    let app = App::start().await;
    problem(app.post("/charges/42/refund", &Value::Null).await, 404).await;
    let get = app.client.get(format!("{}/charges/{}/refund", app.api, OrderId::new()));
    problem(get.send().await.unwrap(), 405).await;
}

#[tokio::test]
async fn a_refund_in_telemetry() {
    let app = App::start().await;
    let order = OrderId::new();
    let charge: Charge = app.charge(order, 2500, GOOD).await.json().await.unwrap();
    let mut traces = Vec::new();
    for _ in 0..2 {
        let answer = app.refund(order).await;
        traces.push(answer.headers()["x-trace-id"].to_str().unwrap().to_owned());
    }
    let spans = recorder().wait_for_spans(&traces[0], 3).await;
    assert_tree(
        &spans,
        "
        payment.refund   SERVER payment-service
          charge.void    CLIENT payment-service
          charge.refund  CLIENT payment-service
        ",
    );
    let server = spans.iter().find(|span| span.kind == "SERVER").unwrap();
    assert_eq!(server.attributes["order.id"], json!(order));
    assert_eq!(server.events[0].0, "PaymentRefunded");
    assert_eq!(server.events[0].1["transaction_id"], json!(charge.transaction_id));
    let lines = recorder().lines(&traces[0]);
    assert_eq!((&lines[0]["message"], &lines[0]["severity"]), (&json!("charge taken back"), &json!("INFO")));
    app.refund(OrderId::new()).await;
    let text = app.client.get(format!("{}/metrics", app.admin)).send().await.unwrap().text().await.unwrap();
    let counted = format!("payments_total{{outcome=\"refunded\"}} 1 # {{trace_id=\"{}\"}}", traces[0]);
    assert!(text.contains(&counted), "once, however often it is asked for:\n{text}");
    assert!(text.contains("payments_total{outcome=\"voided\"} 1 "), "{text}");
}
