use std::time::Duration;

use api::event::CloudEvent;
use axum::routing::post;
use axum::{Json, Router};
use reqwest::{Client, RequestBuilder};
use serde_json::json;
use service_kit::cloudevents::{Event, to_request};

use crate::app::{App, start};

async fn app() -> App {
    let router = Router::new().route("/events", post(|Event(event): Event| async move { Json(event) }));
    start(router, Duration::from_secs(5), Duration::from_secs(1)).await
}

fn event() -> CloudEvent {
    CloudEvent {
        specversion: "1.0".into(),
        id: "e-1".into(),
        source: "/order-service".into(),
        kind: "order.confirmed".into(),
        subject: Some("019ab2d4-7c1e-7d3a-9b52-0c6f1e2d3a4b".into()),
        time: Some("2026-11-22T10:11:12.131415Z".parse().unwrap()),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        tracestate: None,
        data: json!({"order_id": "019ab2d4-7c1e-7d3a-9b52-0c6f1e2d3a4b"}),
    }
}

fn request(app: &App) -> RequestBuilder {
    Client::new().post(format!("{}/events", app.api))
}

#[tokio::test]
async fn both_modes_carry_the_same() {
    let app = app().await;
    let (headers, body) = to_request(&event()).unwrap();
    assert_eq!(headers["ce-type"], "order.confirmed");
    let binary = request(&app).headers(headers).body(body).send().await.unwrap();
    assert_eq!(binary.json::<CloudEvent>().await.unwrap(), event());
    let structured = request(&app)
        .header("content-type", "application/cloudevents+json; charset=utf-8")
        .body(serde_json::to_string(&event()).unwrap());
    assert_eq!(structured.send().await.unwrap().json::<CloudEvent>().await.unwrap(), event());
}

#[tokio::test]
async fn what_is_no_event_is_refused() {
    let app = app().await;
    let status = async |change: fn(&mut reqwest::header::HeaderMap)| {
        let (mut headers, body) = to_request(&event()).unwrap();
        change(&mut headers);
        request(&app).headers(headers).body(body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(status(|_| {}).await, 200);
    for change in [
        (|h| drop(h.remove("ce-id"))) as fn(&mut reqwest::header::HeaderMap),
        |h| drop(h.remove("ce-source")),
        |h| drop(h.remove("ce-type")),
        |h| drop(h.remove("ce-specversion")),
        |h| drop(h.insert("ce-specversion", "0.3".parse().unwrap())),
        |h| drop(h.insert("ce-id", "".parse().unwrap())),
        |h| drop(h.insert("ce-time", "yesterday".parse().unwrap())),
    ] {
        assert_eq!(status(change).await, 400);
    }
    for other in ["text/xml", "application/cloudevents-batch+json"] {
        let (mut headers, body) = to_request(&event()).unwrap();
        headers.insert("content-type", other.parse().unwrap());
        let answer = request(&app).headers(headers).body(body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 415, "{other}");
    }
    let half = request(&app).header("content-type", "application/cloudevents+json").body(r#"{"id": "x"}"#);
    assert_eq!(half.send().await.unwrap().status().as_u16(), 422);
}
