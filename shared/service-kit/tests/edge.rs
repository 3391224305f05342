use std::time::Duration;

use api::order::NewOrder;
use api::problem::Problem;
use axum::Router;
use axum::routing::{get, post};
use reqwest::{Client, Method, Response};
use service_kit::deadline::Deadline;
use service_kit::extract::{ApiJson, ApiPath, BODY_LIMIT};

use crate::app::{App, start};

const SECOND: Duration = Duration::from_secs(1);

async fn app() -> App {
    let router = Router::new()
        .route("/orders", post(|ApiJson(_): ApiJson<NewOrder>| async { "taken" }))
        .route("/orders/{id}", get(|ApiPath(id): ApiPath<api::ids::OrderId>| async move { id.to_string() }))
        .route("/panic", get(panics))
        .route("/left", get(|d: Deadline| async move { d.remaining().as_millis().to_string() }));
    start(router, 2 * SECOND, SECOND).await
}

async fn panics() -> &'static str {
    panic!("the secret of the panic")
}

/// The problem of an answer, whose form is checked on the way.
async fn problem(answer: Response) -> Problem {
    let status = answer.status().as_u16();
    let path = answer.url().path().to_owned();
    let trace_id = answer.headers()["x-trace-id"].to_str().unwrap().to_owned();
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: Problem = answer.json().await.unwrap();
    assert_eq!((problem.status, problem.trace_id.as_deref()), (status, Some(trace_id.as_str())));
    assert_eq!(problem.instance.as_deref(), Some(path.as_str()));
    problem
}

async fn post_order(app: &App, content_type: Option<&str>, body: impl Into<reqwest::Body>) -> Response {
    let request = Client::new().post(format!("{}/orders", app.api)).body(body);
    let request = match content_type {
        Some(content_type) => request.header("content-type", content_type),
        None => request,
    };
    request.send().await.unwrap()
}

#[tokio::test]
async fn unknown_paths_and_methods() {
    let app = app().await;
    let missing = problem(reqwest::get(format!("{}/nowhere", app.api)).await.unwrap()).await;
    assert_eq!(
        (missing.status, missing.kind_uri.as_str()),
        (404, "https://waybill.example/problems/not-found")
    );
    let wrong = Client::new().delete(format!("{}/orders", app.api)).send().await.unwrap();
    assert_eq!(wrong.headers()["allow"], "POST");
    assert_eq!(problem(wrong).await.status, 405);
    let strange = Method::from_bytes(b"BREW").unwrap();
    let brewed = Client::new().request(strange, format!("{}/orders/x", app.api)).send().await.unwrap();
    assert_eq!(brewed.headers()["allow"], "GET,HEAD");
    assert_eq!(problem(brewed).await.status, 405);
}

#[tokio::test]
async fn bodies_that_are_not_taken() {
    let app = app().await;
    let json = Some("application/json");
    for (content_type, body, status) in [
        (None, "{}", 415),
        (Some("text/plain"), "{}", 415),
        (Some("application/x-www-form-urlencoded"), "a=b", 415),
        (Some("application/jsonx"), "{}", 415),
        (json, "", 400),
        (json, "{", 400),
        (json, "{} {}", 400),
        (json, "{}", 422),
        (json, "[]", 422),
        (json, "null", 422),
        (Some("application/vnd.waybill+json; charset=utf-8"), "{}", 422),
    ] {
        let problem = problem(post_order(&app, content_type, body).await).await;
        assert_eq!(problem.status, status, "{content_type:?} {body}");
        assert_eq!(problem.errors.is_empty(), status != 422, "{problem:?}");
    }
}

#[tokio::test]
async fn bodies_that_are_too_large() {
    let app = app().await;
    let json = Some("application/json");
    let fits = problem(post_order(&app, json, vec![b' '; BODY_LIMIT]).await).await;
    assert_eq!(fits.status, 400, "white space is no JSON, but its size is right");
    let over = problem(post_order(&app, json, vec![b' '; BODY_LIMIT + 1]).await).await;
    assert_eq!(over.status, 413);
    // Without a length it must be counted.
    let address = app.api.strip_prefix("http://").unwrap();
    let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", BODY_LIMIT + 1, " ".repeat(BODY_LIMIT + 1));
    let head = "POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                transfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    let answer = raw(address, &format!("{head}{chunk}")).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    // A client that asks first is told before it sends.
    let asks = "POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 300000\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n";
    let answer = raw(address, asks).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let app = app().await;
    let address = app.api.strip_prefix("http://").unwrap();
    let slow = "POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 10\r\nx-deadline-ms: 50\r\nconnection: close\r\n\r\n";
    let answer = raw(address, slow).await;
    assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
}

/// Sends bytes as they are and reads what comes back.
async fn raw(address: &str, request: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = async { while stream.read_buf(&mut answer).await.unwrap_or(0) > 0 {} };
    tokio::time::timeout(Duration::from_secs(5), read).await.expect("no answer");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_path_that_names_nothing() {
    let app = app().await;
    let get = |path: &str| reqwest::get(format!("{}{path}", app.api));
    let odd = problem(get("/orders/42").await.unwrap()).await;
    assert_eq!(odd.status, 404);
    assert!(odd.detail.unwrap().contains("an order id is a UUIDv7"));
    assert_eq!(problem(get("/orders/%ff").await.unwrap()).await.status, 400);
    let id = api::ids::OrderId::new().to_string();
    assert_eq!(get(&format!("/orders/{id}")).await.unwrap().text().await.unwrap(), id);
    let card = get("/orders/4242424242424242").await.unwrap().text().await.unwrap();
    assert!(!card.contains("4242424242424242"), "{card}");
}

#[tokio::test]
async fn a_panic_is_a_problem_without_its_words_and_one_error_line() {
    let app = app().await;
    let answer = reqwest::get(format!("{}/panic", app.api)).await.unwrap();
    let problem = problem(answer).await;
    assert_eq!(problem.status, 500);
    let lines = telemetry::testing::recorder().lines(problem.trace_id.as_deref().unwrap());
    let errors: Vec<_> = lines.iter().filter(|line| line["severity"] == "ERROR").collect();
    assert_eq!(errors.len(), 1, "{lines:?}");
    assert!(errors[0]["message"].as_str().unwrap().contains("the secret of the panic"), "{errors:?}");
    assert!(!format!("{problem:?}").contains("secret"));
    let left = reqwest::get(format!("{}/left", app.api)).await.unwrap();
    assert_eq!(left.status(), 200, "the service lives on");
}

#[tokio::test]
async fn the_smaller_deadline_counts() {
    let app = app().await;
    let left = async |header: &str| -> u64 {
        let request = Client::new().get(format!("{}/left", app.api)).header("x-deadline-ms", header);
        request.send().await.unwrap().text().await.unwrap().parse().unwrap()
    };
    assert!((1..=500).contains(&left("500").await));
    for none in ["99999999", "soon", "-1", ""] {
        assert!((1_000..=2_000).contains(&left(none).await), "{none}");
    }
    assert_eq!(left("0").await, 0);
}
