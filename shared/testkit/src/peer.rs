//! A neighbouring HTTP service that answers what the test says and remembers what it was asked.

use crate::{eventually, server::Server};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, Response, StatusCode, header::CONTENT_TYPE},
};
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;

/// A request that came.
#[derive(Clone, Debug)]
pub struct Received {
    /// `POST`
    pub method: String,
    /// `/charges`
    pub path: String,
    /// As they came.
    pub headers: HeaderMap,
    /// As JSON; `null` when it is not.
    pub body: Value,
}

impl Received {
    /// A header's text, empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// What a peer does with a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// This status with this JSON body.
    Json(u16, Value),
    /// This status without a body.
    Empty(u16),
    /// This status with `Retry-After: 1` and a problem document.
    RetryLater(u16, Value),
    /// The connection breaks in the middle of the answer.
    BreakOff,
    /// No answer at all.
    Hang,
}

type Script = dyn Fn(&Received) -> Answer + Send + Sync;

/// The neighbour.
pub struct Peer {
    server: Server,
    shared: Arc<Shared>,
}

struct Shared {
    script: Mutex<Arc<Script>>,
    received: Mutex<Vec<Received>>,
}

impl Peer {
    /// Listens on a free port and answers what `script` says.
    pub fn start(script: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared { script: Mutex::new(Arc::new(script)), received: Mutex::default() });
        Self { server: Server::start(|listener| serve(listener, shared.clone())), shared }
    }

    /// Its base URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Answers otherwise from now on.
    pub fn script(&self, script: impl Fn(&Received) -> Answer + Send + Sync + 'static) {
        *lock(&self.shared.script) = Arc::new(script);
    }

    /// Goes away, with all connections.
    pub fn stop(&mut self) {
        self.server.stop();
    }

    /// Comes back on the same port.
    pub fn restart(&mut self) {
        let shared = self.shared.clone();
        self.server.restart(|listener| serve(listener, shared));
    }

    /// The requests to a path so far.
    pub fn received(&self, path: &str) -> Vec<Received> {
        lock(&self.shared.received).iter().filter(|request| request.path == path).cloned().collect()
    }

    /// Waits until a path has been asked for `count` times.
    pub async fn wait_for(&self, path: &str, count: usize) -> Vec<Received> {
        let enough = async || Some(self.received(path)).filter(|requests| requests.len() >= count);
        eventually(&format!("{count} requests to {path}"), enough).await
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let _ = axum::serve(listener, Router::new().fallback(answer).with_state(shared)).await;
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let received = Received {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        headers: parts.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    lock(&shared.received).push(received.clone());
    let script = lock(&shared.script).clone();
    match script(&received) {
        Answer::Json(status, body) => respond(status, Body::from(body.to_string())),
        Answer::Empty(status) => respond(status, Body::empty()),
        Answer::RetryLater(status, body) => {
            let mut response = respond(status, Body::from(body.to_string()));
            response.headers_mut().insert("retry-after", 1.into());
            response
        }
        Answer::BreakOff => {
            let broken = futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("cut")) });
            respond(200, Body::from_stream(broken))
        }
        Answer::Hang => std::future::pending().await,
    }
}

fn respond(status: u16, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    let content_type = if status < 400 { "application/json" } else { "application/problem+json" };
    response.headers_mut().insert(CONTENT_TYPE, content_type.parse().expect("a content type"));
    response
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
