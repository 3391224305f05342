//! What a charge looks like in a trace, in the log and in the metrics.

use api::ids::OrderId;
use reqwest::Response;
use serde_json::json;
use telemetry::testing::{SpanRecord, assert_tree, recorder};

use crate::app::App;

fn trace_id(answer: &Response) -> String {
    answer.headers()["x-trace-id"].to_str().unwrap().to_owned()
}

fn server_span(spans: &[SpanRecord]) -> &SpanRecord {
    spans.iter().find(|span| span.kind == "SERVER").unwrap()
}

fn errors(trace: &str) -> usize {
    recorder().lines(trace).iter().filter(|line| line["severity"] == "ERROR").count()
}

#[tokio::test]
async fn a_charge() {
    let app = App::start().await;
    let order = OrderId::new();
    let answer = app.charge(order, 2500, "4242424242424242").await;
    let trace = trace_id(&answer);
    let charge: api::payment::Charge = answer.json().await.unwrap();
    let spans = recorder().wait_for_spans(&trace, 3).await;
    assert_tree(
        &spans,
        "
        payment.charge  SERVER payment-service
          charge.open   CLIENT payment-service
          charge.close  CLIENT payment-service
        ",
    );
    let server = server_span(&spans);
    assert_eq!(
        (&server.attributes["order.id"], &server.attributes["payment.method"]),
        (&json!(order), &json!("card"))
    );
    assert_eq!(server.events[0].0, "PaymentProcessed");
    assert_eq!(server.events[0].1["transaction_id"], json!(charge.transaction_id));
    assert_eq!((server.error.as_deref(), errors(&trace)), (None, 0));
    assert_eq!(recorder().lines(&trace)[0]["order_id"], json!(order));
}

#[tokio::test]
async fn a_refused_charge_fails_the_span_and_gives_one_error_line() {
    let app = App::start().await;
    for (card, code, detail) in [
        ("4000000000000002", "card_declined", "the card was declined"),
        ("4000000000009995", "insufficient_funds", "the card has insufficient funds"),
        ("4000000000000119", "processing_error", "the card processor cannot answer now"),
    ] {
        let trace = trace_id(&app.charge(OrderId::new(), 2500, card).await);
        // Without an answer there is nothing to note, so one transaction less.
        let expected = if code == "processing_error" { 2 } else { 3 };
        let spans = recorder().wait_for_spans(&trace, expected).await;
        let server = server_span(&spans);
        assert_eq!(server.error.as_deref(), Some(detail));
        assert_eq!(
            (&server.attributes["payment.error_code"], &server.attributes["error.type"]),
            (&json!(code), &json!(code))
        );
        assert_eq!(
            (server.events[0].0.as_str(), &server.events[0].1["error"]),
            ("PaymentFailed", &json!(code))
        );
        assert!(spans.iter().all(|span| span.kind == "SERVER" || span.error.is_none()), "{spans:?}");
        assert_eq!(errors(&trace), 1);
    }
}

#[tokio::test]
async fn outcomes_are_counted_with_their_traces() {
    let app = App::start().await;
    let mut expected = Vec::new();
    for (card, outcome) in [
        ("4242424242424242", "approved"),
        ("4000000000000002", "card_declined"),
        ("4000000000009995", "insufficient_funds"),
        ("4000000000000119", "processing_error"),
    ] {
        let trace = trace_id(&app.charge(OrderId::new(), 2500, card).await);
        expected.push(format!("payments_total{{outcome=\"{outcome}\"}} 1 # {{trace_id=\"{trace}\"}} 1.0 "));
    }
    let text = app.client.get(format!("{}/metrics", app.admin)).send().await.unwrap().text().await.unwrap();
    for line in expected {
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn no_card_number_is_recorded_anywhere() {
    let app = App::start().await;
    for card in ["5105105105105100", "4012888888881881"] {
        app.charge(OrderId::new(), 2500, card).await;
        app.client.get(format!("{}/charges/{card}", app.api)).send().await.unwrap();
        let trace = trace_id(&app.post("/charges", &json!({card: card})).await);
        recorder().wait_for_spans(&trace, 1).await;
        assert!(!recorder().everything().contains(card));
    }
}
