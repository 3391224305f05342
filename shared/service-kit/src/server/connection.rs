//! One connection, from its opening to its end, and one listener with all of its connections.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;

use api::problem::ProblemKind;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::HOST;
use axum::http::{Request, Response, Version};
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};
use tower::Service;

use super::line::Line;
use super::progress::{Overdue, Progress};
use super::seats::{Seat, Seats};
use super::{HEAD_LIMIT, Limits, Reason, Refusals, URI_LIMIT};
use crate::edge;
use crate::error::ApiError;

/// A listener and what its connections share.
pub(super) struct Server {
    router: Router,
    limits: Limits,
    refusals: Refusals,
    http: http1::Builder,
    /// Touched twice by a request; the one thing here that all workers write to.
    in_flight: AtomicUsize,
}

impl Server {
    pub(super) fn new(router: Router, limits: Limits, refusals: Refusals) -> Arc<Self> {
        let mut http = http1::Builder::new();
        // Its timer would be set anew for each request; ours is one for each connection.
        http.max_header_size(HEAD_LIMIT).header_read_timeout(None);
        Arc::new(Self { router, limits, refusals, http, in_flight: AtomicUsize::new(0) })
    }

    /// Takes connections until the stop, and then waits until those that are busy have ended.
    pub(super) async fn serve(self: Arc<Self>, mut listener: TcpListener, stop: impl Future<Output = ()>) {
        let (seats, graceful) = (Seats::new(&self.limits), GracefulShutdown::new());
        let mut stop = pin!(stop);
        loop {
            let (stream, peer) = tokio::select! {
                accepted = Listener::accept(&mut listener) => accepted,
                () = &mut stop => break,
            };
            match seats.take(peer.ip()) {
                Ok(seat) => {
                    tokio::spawn(self.clone().connection(stream, peer, seat, graceful.watcher()));
                }
                Err(reason) => self.refusals.count(reason),
            }
        }
        drop(listener);
        graceful.shutdown().await;
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, seat: Seat, watcher: Watcher) {
        // Small answers must not wait for more to send.
        let _ = stream.set_nodelay(true);
        let progress = Progress::new();
        let line = Line::new(stream, progress.clone(), self.refusals.clone());
        let service = service_fn(|request| {
            progress.begin();
            let answer = self.answer(request, peer);
            async {
                let answer = answer.await;
                progress.end();
                Ok::<_, Infallible>(answer)
            }
        });
        let connection = pin!(watcher.watch(self.http.serve_connection(TokioIo::new(line), service)));
        if let Err(Overdue::Slow(reason)) = self.in_time(connection, &progress, &seat).await {
            self.refusals.count(reason);
        }
    }

    /// Runs a connection until it ends, or until it is overdue. The clock is set when it has run out, not at each
    /// request: that costs a busy connection nothing.
    async fn in_time(
        &self,
        mut connection: Pin<&mut impl Future>,
        progress: &Progress,
        seat: &Seat,
    ) -> Result<(), Overdue> {
        let mut clock = pin!(sleep(self.limits.tick()));
        poll_fn(|context| {
            // How a connection breaks is nothing that we could do anything about.
            if connection.as_mut().poll(context).is_ready() {
                return Poll::Ready(Ok(()));
            }
            while clock.as_mut().poll(context).is_ready() {
                match progress.check(&self.limits, seat.are_scarce()) {
                    Ok(time) => clock.as_mut().reset(Instant::now() + time),
                    Err(overdue) => return Poll::Ready(Err(overdue)),
                }
            }
            Poll::Pending
        })
        .await
    }

    async fn answer(&self, mut request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        if !names_one_host(&request) {
            let error = ApiError::new(ProblemKind::MalformedRequest, "a request has one `Host` header");
            return self.refuse(Reason::Malformed, &request, error);
        }
        if request.uri().path_and_query().is_some_and(|path| path.as_str().len() > URI_LIMIT) {
            let error = ApiError::new(ProblemKind::UriTooLong, "path and query are over 8 KiB");
            return self.refuse(Reason::UriTooLong, &request, error);
        }
        let Some(_place) = self.place() else {
            let error = ApiError::new(ProblemKind::Unavailable, "as much is being worked on as may be");
            return self.refuse(Reason::InFlight, &request, error.code("overloaded").retry_after(1));
        };
        request.extensions_mut().insert(ConnectInfo(peer));
        let Ok(response) = self.router.clone().call(request.map(Body::new)).await;
        response
    }

    fn refuse(&self, reason: Reason, request: &Request<Incoming>, error: ApiError) -> Response<Body> {
        self.refusals.count(reason);
        edge::turned_away(request.headers(), request.uri(), error)
    }

    /// A place among the requests that are worked on; `None` when all are taken. Nobody waits for one: who waits in a
    /// full house is served when his own patience has run out.
    fn place(&self) -> Option<Place<'_>> {
        let place = Place(&self.in_flight);
        (self.in_flight.fetch_add(1, Relaxed) < self.limits.in_flight).then_some(place)
    }
}

/// RFC 9112, section 3.2. Whoever stands before us may have chosen one of several.
fn names_one_host(request: &Request<Incoming>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), None) => true,
        (None, None) => request.version() == Version::HTTP_10,
        _ => false,
    }
}

struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
