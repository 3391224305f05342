use std::time::Duration;

use api::problem::{Problem, ProblemKind};
use axum::Router;
use axum::routing::{get, post};
use service_kit::deadline::Deadline;
use service_kit::error::ApiError;
use service_kit::peer::{CallError, Peer, http_client};
use telemetry::Telemetry;

use crate::app::start;

const SECOND: Duration = Duration::from_secs(1);

fn peer(base: &str, timeout: Duration) -> Peer {
    let http = http_client(&Telemetry::for_test("kit-service")).unwrap();
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
    assert!(matches!(error, CallError::Unavailable { .. }), "{error:?}");
    assert_eq!(ApiError::from(error).kind(), ProblemKind::Unavailable);
}
