use std::time::Duration;

use api::problem::{Problem, ProblemKind};
use axum::extract::Query;
use axum::http::Method;
use axum::routing::{get, post};
use axum::{Json, Router};
use service_kit::deadline::Deadline;
use service_kit::error::ApiError;
use service_kit::peer::{CallError, Peer};
use telemetry::Telemetry;
use telemetry::http_client::{HttpClient, SendError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::app::start;

const SECOND: Duration = Duration::from_secs(1);

fn peer(base: &str, timeout: Duration) -> Peer {
    let http = HttpClient::new(&Telemetry::for_test("kit-service"));
    Peer::new("other-service", base.parse().unwrap(), &http, timeout)
}

async fn fetch(base: &str, path: &str) -> Result<String, CallError> {
    peer(base, 5 * SECOND).get("kit.fetch", path, Deadline::after(5 * SECOND)).await
}

#[tokio::test]
async fn answers_and_problems_come_across() {
    let declined = || async {
        ApiError::new(ProblemKind::CardDeclined, "no").code("insufficient_funds").instance("/api/orders/1")
    };
    let busy = || async { ApiError::new(ProblemKind::Unavailable, "busy").retry_after(7) };
    let router = Router::new()
        .route("/good", post(|body: String| async move { body }))
        .route("/left", get(|d: Deadline| async move { format!("\"{}\"", d.remaining().as_millis()) }))
        .route("/declined", get(declined))
        .route("/busy", get(busy));
    let app = start(router, 60 * SECOND, SECOND).await;
    let good: String =
        peer(&app.api, SECOND).post("kit.send", "/good", &"text", Deadline::after(SECOND)).await.unwrap();
    assert_eq!(good, "text");
    let left: u64 = fetch(&app.api, "/left").await.unwrap().parse().unwrap();
    assert!((1..=5_000).contains(&left), "our deadline is theirs: {left}");

    let error = fetch(&app.api, "/declined").await.unwrap_err();
    let (kind, problem): (ProblemKind, &Problem) = error.problem().unwrap();
    assert_eq!((kind, problem.code.as_deref()), (ProblemKind::CardDeclined, Some("insufficient_funds")));
    let passed_on = ApiError::from(error);
    assert_eq!(passed_on.instance_path(), Some("/api/orders/1"));

    let error = fetch(&app.api, "/busy").await.unwrap_err();
    assert!(matches!(&error, CallError::Problem { retry_after: Some(7), .. }), "{error:?}");
    assert_eq!(ApiError::from(error).instance_path(), None, "an internal path stays inside");
}

#[tokio::test]
async fn what_is_no_answer_is_told_apart() {
    let router = Router::new()
        .route("/text", get(|| async { "not json" }))
        .route("/html", get(|| async { (axum::http::StatusCode::BAD_GATEWAY, "<html>") }))
        .route("/slow", get(std::future::pending::<()>));
    let app = start(router, 60 * SECOND, SECOND).await;
    for path in ["/text", "/html"] {
        let error = fetch(&app.api, path).await.unwrap_err();
        assert!(matches!(error, CallError::Malformed { .. }), "{error:?}");
        assert_eq!(ApiError::from(error).kind(), ProblemKind::Unavailable);
    }
    let slow = Deadline::after(Duration::from_millis(50));
    let error = peer(&app.api, 5 * SECOND).get::<String>("kit.fetch", "/slow", slow).await.unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }), "{error:?}");
    assert_eq!(ApiError::from(error).kind(), ProblemKind::DeadlinePassed);
    let own_limit = peer(&app.api, Duration::from_millis(50));
    let error = own_limit.get::<String>("kit.fetch", "/slow", Deadline::after(5 * SECOND)).await.unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }), "{error:?}");
    let passed = Deadline::after(Duration::ZERO);
    let error = peer(&app.api, SECOND).get::<String>("kit.fetch", "/text", passed).await.unwrap_err();
    assert!(matches!(error, CallError::TimedOut { .. }), "nothing is sent: {error:?}");
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let error = fetch(&format!("http://{address}"), "/x").await.unwrap_err();
    assert!(matches!(error, CallError::Unavailable { source: SendError::Connect(_), .. }), "{error:?}");
    assert_eq!(ApiError::from(error).kind(), ProblemKind::Unavailable);
}

/// Answers requests in these words, each list on a connection of its own, which it then closes.
async fn in_these_words(connections: &'static [&'static [&'static str]]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for answers in connections {
            let (mut stream, _) = listener.accept().await.unwrap();
            for answer in *answers {
                // A request without a body arrives at once.
                assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    });
    base
}

#[tokio::test]
async fn connections_are_kept_until_the_peer_closes_them() {
    const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n\"ok\"";
    // A third request on the first connection would find it closed, and a third connection nobody.
    let peer = peer(&in_these_words(&[&[ANSWER, ANSWER], &[ANSWER]]).await, SECOND);
    for _ in 0..3 {
        let answer: String = peer.get("kit.fetch", "/x", Deadline::after(5 * SECOND)).await.unwrap();
        assert_eq!(answer, "ok");
    }
}

#[tokio::test]
async fn half_an_answer_is_none() {
    let nothing = in_these_words(&[&[""]]).await;
    let half = in_these_words(&[&["HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n\"half"]]).await;
    for (base, of_body) in [(nothing, false), (half, true)] {
        let error = fetch(&base, "/x").await.unwrap_err();
        let CallError::Unavailable { source, .. } = &error else { panic!("{error:?}") };
        assert_eq!(matches!(source, SendError::Body(_)), of_body, "{source:?}");
        assert_eq!(matches!(source, SendError::Request(_)), !of_body, "{source:?}");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_kept() {
    let router = Router::new().route("/huge", get(|| async { vec![b' '; 8 * 1024 * 1024 + 1] }));
    let app = start(router, 60 * SECOND, SECOND).await;
    let error = fetch(&app.api, "/huge").await.unwrap_err();
    assert!(matches!(error, CallError::Unavailable { source: SendError::Body(_), .. }), "{error:?}");
}

#[tokio::test]
async fn queries_arrive_as_they_are_meant() {
    let tell = |Query(pairs): Query<Vec<(String, String)>>| async { Json(pairs) };
    let app = start(Router::new().route("/orders", get(tell)), 60 * SECOND, SECOND).await;
    let peer = peer(&app.api, 5 * SECOND);
    let call = peer.call("kit.fetch", Method::GET, "/orders").query("id", "a b&c=ü%").query("limit", "1");
    let answer = call.send::<Vec<(String, String)>>(Deadline::after(5 * SECOND)).await.unwrap();
    assert_eq!(answer.body, [("id".into(), "a b&c=ü%".into()), ("limit".into(), "1".into())]);

    let unfit = peer.get::<String>("kit.fetch", "/a b", Deadline::after(5 * SECOND)).await.unwrap_err();
    assert!(matches!(unfit, CallError::Unfit { .. }), "nothing is sent: {unfit:?}");
}
