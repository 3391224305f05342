use api::problem::{Problem, ProblemKind};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use telemetry::testing::{assert_tree, recorder};

use crate::app::{App, ID, confirmed, problem, refusal};

#[tokio::test]
async fn an_order_is_cancelled() {
    let mut cancelled = confirmed();
    cancelled["status"] = json!("cancelled");
    let answer = cancelled.clone();
    let behind = Router::new().route(&format!("/orders/{ID}/cancel"), post(|| async { Json(answer) }));
    let app = App::start(behind).await;
    let answer = app.post(&format!("/api/orders/{ID}/cancel"), &Value::Null).await;
    assert_eq!(answer.status().as_u16(), 200);
    let trace = answer.headers()["x-trace-id"].to_str().unwrap().to_owned();
    assert_eq!(answer.json::<Value>().await.unwrap(), cancelled);
    let spans = recorder().wait_for_spans(&trace, 2).await;
    assert_tree(
        &spans,
        "
        gateway.cancelOrder      SERVER api-gateway
          gateway.forwardCancel  CLIENT api-gateway
        ",
    );
    let server = spans.iter().find(|span| span.kind == "SERVER").unwrap();
    assert_eq!(server.attributes["order.id"], ID);
    assert!(server.attributes.contains_key("customer.ref"));
    assert_eq!(recorder().lines(&trace)[0]["message"], "order cancelled");
}

#[tokio::test]
async fn what_cannot_be_cancelled_is_said() {
    let not_cancellable = || async { refusal(&Problem::new(ProblemKind::NotCancellable)) };
    let behind = Router::new().route("/orders/{id}/cancel", post(not_cancellable));
    let app = App::start(behind).await;
    let answer = problem(app.post(&format!("/api/orders/{ID}/cancel"), &Value::Null).await, 409).await;
    assert!(answer.kind_uri.ends_with("/not-cancellable"));
    assert_eq!(answer.instance, Some(format!("/api/orders/{ID}/cancel")));
}
