//! One port that speaks HTTP. `axum::serve` has no bound on connections, or on how long a request's head may take.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::Service;

use crate::stop::Stopping;

/// Connections to one port.
const MOST: usize = 256;
/// For the head of a request, and for the wait before it.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// Serves until it is told to stop, and then what is under way.
pub(super) async fn serve(listener: TcpListener, routes: Router, stopping: Stopping) {
    serve_within(listener, routes, stopping, MOST, HEAD_TIME).await;
}

async fn serve_within(
    mut listener: TcpListener,
    routes: Router,
    mut stopping: Stopping,
    most: usize,
    head_time: Duration,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head_time);
    let (seats, graceful) = (Arc::new(Semaphore::new(most)), GracefulShutdown::new());
    loop {
        // This tries again when accepting fails.
        let (stream, sender): (TcpStream, SocketAddr) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = stopping.told() => break,
        };
        // One too many is closed at once.
        let Ok(seat) = Arc::clone(&seats).try_acquire_owned() else { continue };
        let _ = stream.set_nodelay(true);
        let routes = routes.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(sender));
            routes.clone().call(request.map(Body::new))
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // How a connection breaks is nothing that we could do anything about.
            let _ = connection.await;
            drop(seat);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn whoever_does_not_finish_makes_room_for_others() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopping) = crate::stop::pair();
        let routes = Router::new().route("/", get(async || "there"));
        let served = tokio::spawn(serve_within(listener, routes, stopping, 1, Duration::from_millis(200)));
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        // A reset is as good as an end.
        assert_eq!(second.read(&mut [0; 8]).await.unwrap_or_default(), 0, "one too many is closed");
        let mut rest = Vec::new();
        let _ = slow.read_to_end(&mut rest).await;
        assert!(!rest.starts_with(b"HTTP/1.1 200"), "its time is over");

        let mut third = TcpStream::connect(address).await.unwrap();
        third.write_all(b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        third.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("there"), "{answer}");
        stop.now();
        served.await.unwrap();
    }
}
