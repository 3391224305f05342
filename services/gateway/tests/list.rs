use std::collections::BTreeMap;

use axum::extract::Query;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use telemetry::testing::{assert_tree, recorder};

use crate::app::{App, confirmed, problem};

#[tokio::test]
async fn orders_are_listed_as_they_were_asked_for() {
    // What was asked for comes back as the cursor.
    let list = |Query(query): Query<BTreeMap<String, String>>| async move {
        Json(json!({"orders": [confirmed()], "next_cursor": format!("{query:?}")}))
    };
    let app = App::start(Router::new().route("/orders", get(list))).await;
    for (asked, heard) in [
        ("", r#"{"limit": "20"}"#),
        ("?limit=100", r#"{"limit": "100"}"#),
        (
            "?customer_id=c-1042&status=confirmed&limit=1&cursor=a%26b%3D%2F",
            r#"{"cursor": "a&b=/", "customer_id": "c-1042", "limit": "1", "status": "confirmed"}"#,
        ),
    ] {
        let answer = app.get(&format!("/api/orders{asked}")).await;
        assert_eq!(answer.status().as_u16(), 200);
        let trace = answer.headers()["x-trace-id"].to_str().unwrap().to_owned();
        assert_eq!(
            answer.json::<Value>().await.unwrap(),
            json!({"orders": [confirmed()], "next_cursor": heard})
        );
        let spans = recorder().wait_for_spans(&trace, 2).await;
        assert_tree(
            &spans,
            "
            gateway.listOrders     SERVER api-gateway
              gateway.fetchOrders  CLIENT api-gateway
            ",
        );
        assert!(!format!("{spans:?}").contains("c-1042"), "{spans:?}");
    }
}

#[tokio::test]
async fn the_last_page_says_so() {
    let list = || async { Json(json!({"orders": [], "next_cursor": null})) };
    let app = App::start(Router::new().route("/orders", get(list))).await;
    assert_eq!(app.get("/api/orders").await.text().await.unwrap(), r#"{"orders":[],"next_cursor":null}"#);
}

#[tokio::test]
async fn questions_that_make_no_sense_are_named() {
    let app = App::start(Router::new()).await;
    let long = "x".repeat(201);
    for (asked, pointers) in [
        ("limit=0", vec!["/limit"]),
        ("limit=101", vec!["/limit"]),
        ("limit=-1", vec!["/limit"]),
        ("limit=ten", vec!["/limit"]),
        ("status=lost&limit=0", vec!["/status", "/limit"]),
        ("customer_id=", vec!["/customer_id"]),
        ("cursor=", vec!["/cursor"]),
        (&format!("cursor={long}"), vec!["/cursor"]),
        ("colour=red", vec![]),
        ("limit=1&limit=2", vec![]),
    ] {
        let answer = problem(app.get(&format!("/api/orders?{asked}")).await, 422).await;
        let named: Vec<_> = answer.errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(named, pointers, "{asked}");
    }
}
