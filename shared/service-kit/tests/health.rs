use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use axum::Router;
use service_kit::admin::Health;
use service_kit::health::ask;

use crate::app::{start, start_with, until_status};

async fn asked(admin: SocketAddr) -> Result<(), String> {
    tokio::task::spawn_blocking(move || ask(admin)).await.unwrap()
}

fn address(url: &str) -> SocketAddr {
    url.trim_start_matches("http://").parse().unwrap()
}

#[tokio::test]
async fn a_process_that_is_ready() {
    let app = start(Router::new(), Duration::from_secs(1), Duration::from_secs(1)).await;
    until_status(&format!("{}/readyz", app.admin), 200).await;
    assert_eq!(asked(address(&app.admin)).await, Ok(()));
    let everywhere = SocketAddr::from(([0, 0, 0, 0], address(&app.admin).port()));
    assert_eq!(asked(everywhere).await, Ok(()), "asked on 127.0.0.1");
}

struct Ill;

impl Health for Ill {
    async fn check(&self) -> Result<(), String> {
        Err("the database is away".to_owned())
    }
}

#[tokio::test]
async fn one_that_is_not_says_why() {
    let app = start_with(Ill, Router::new(), Duration::from_secs(1), Duration::from_secs(1)).await;
    until_status(&format!("{}/readyz", app.admin), 503).await;
    assert_eq!(asked(address(&app.admin)).await, Err("the database is away".to_owned()));
}

#[tokio::test]
async fn one_that_is_not_there_or_never_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = listener.local_addr().unwrap();
    let begun = Instant::now();
    let why = asked(admin).await.unwrap_err();
    assert!(why.starts_with(&admin.to_string()) && begun.elapsed() < Duration::from_secs(4), "{why}");
    drop(listener);
    let why = asked(admin).await.unwrap_err();
    assert!(why.contains("refused"), "{why}");
}

#[tokio::test]
async fn one_that_answers_something_else() {
    for (answer, expected) in [("HTTP/1.1 404 Not Found\r\n\r\nno", "it answered 404"), ("", "no answer")] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let admin = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let why = asked(admin).await.unwrap_err();
        assert!(why.ends_with(expected), "{why}");
        server.join().unwrap();
    }
}
