//! Calls to the other services.

use std::time::Duration;

use api::problem::{Problem, ProblemKind};
use axum::body::Bytes;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use serde::Serialize;
use serde::de::DeserializeOwned;
use telemetry::http_client::{HttpClient, Reply, SendError};

use crate::access::PeerToken;
use crate::deadline::{self, Deadline};
use crate::error::ApiError;

/// A client whose calls are no spans, for what has a span of its own, or none: events, audit entries. Peers are inside:
/// no proxy of the environment stands between.
pub fn plain_client(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let connect = timeout.min(Duration::from_secs(1));
    client.tcp_nodelay(true).connect_timeout(connect).timeout(timeout).build()
}

/// Another service.
#[derive(Clone)]
pub struct Peer {
    name: &'static str,
    base: Uri,
    http: HttpClient,
    timeout: Duration,
    token: Option<PeerToken>,
}

/// Why a call brought no answer that could be used.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The peer answered with a problem document. It has logged what there is to log.
    #[error("{peer} answered {}: {}", .problem.status, .problem.title)]
    Problem {
        /// The peer's `service.name`.
        peer: &'static str,
        /// What it said.
        problem: Box<Problem>,
        /// In how many seconds to ask again.
        retry_after: Option<u64>,
    },
    /// It cannot be reached, or the connection broke. Whether it did what was asked is not known.
    #[error("{peer} cannot be reached")]
    Unavailable {
        /// The peer's `service.name`.
        peer: &'static str,
        /// What the client said.
        source: SendError,
    },
    /// It did not answer in time. Whether it did what was asked is not known.
    #[error("{peer} did not answer in time")]
    TimedOut {
        /// The peer's `service.name`.
        peer: &'static str,
    },
    /// What should be asked cannot be put into a request.
    #[error("{peer} cannot be asked this")]
    Unfit {
        /// The peer's `service.name`.
        peer: &'static str,
        /// What does not fit.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Its answer cannot be read as what was asked for.
    #[error("{peer} answered {status} with a body that cannot be read: {detail}")]
    Malformed {
        /// The peer's `service.name`.
        peer: &'static str,
        /// The status it answered with.
        status: u16,
        /// What is wrong with it.
        detail: String,
    },
}

impl Peer {
    /// `name` is the peer's `service.name`; `timeout` the most that one call may take.
    pub fn new(name: &'static str, base: Uri, http: &HttpClient, timeout: Duration) -> Self {
        Self { name, base, http: http.clone(), timeout, token: None }
    }

    /// With this on every call; see [`crate::access::Guard::token_for`].
    pub fn with_token(mut self, token: Option<PeerToken>) -> Self {
        self.token = token;
        self
    }

    /// `GET path`. `operation` names the client span.
    pub async fn get<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        deadline: Deadline,
    ) -> Result<T, CallError> {
        self.call(operation, Method::GET, path).send(deadline).await.map(|answer| answer.body)
    }

    /// `POST path` with a JSON body. `operation` names the client span.
    pub async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        body: &B,
        deadline: Deadline,
    ) -> Result<T, CallError> {
        let call = self.call(operation, Method::POST, path).json(body)?;
        call.send(deadline).await.map(|answer| answer.body)
    }

    /// Any other call, to be put together and sent. `operation` names the client span.
    pub fn call(&self, operation: &'static str, method: Method, path: &str) -> Call<'_> {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = method;
        Call { peer: self, operation, path: path.to_owned(), request }
    }

    /// Only the path is parsed: the rest is the same in all calls.
    fn uri(&self, path: String) -> Result<Uri, CallError> {
        let path = PathAndQuery::try_from(path).map_err(|error| self.unfit(error))?;
        let mut parts = self.base.clone().into_parts();
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).map_err(|error| self.unfit(error))
    }

    fn read<T: DeserializeOwned>(&self, reply: &Reply) -> Result<T, CallError> {
        let status = reply.status.as_u16();
        if reply.status.is_success() {
            // An answer without a body (204) reads as `null`, which is what `()` is read from.
            let body: &[u8] = if reply.body.is_empty() { b"null" } else { &reply.body };
            return serde_json::from_slice(body).map_err(|error| {
                reply.fail("malformed_answer", "the answer's body cannot be read");
                self.malformed(status, &error)
            });
        }
        let problem: Box<Problem> =
            serde_json::from_slice(&reply.body).map_err(|error| self.malformed(status, &error))?;
        reply.fail(&problem.error_type(), problem.detail.as_deref().unwrap_or(&problem.title));
        Err(CallError::Problem { peer: self.name, problem, retry_after: retry_after(&reply.headers) })
    }

    fn broken(&self, source: SendError) -> CallError {
        match source {
            SendError::TimedOut => CallError::TimedOut { peer: self.name },
            _ => CallError::Unavailable { peer: self.name, source },
        }
    }

    fn unfit(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> CallError {
        CallError::Unfit { peer: self.name, source: source.into() }
    }

    fn malformed(&self, status: u16, error: &serde_json::Error) -> CallError {
        // The category and place only: the parser's words may quote the body.
        let detail = format!("{:?} at line {} column {}", error.classify(), error.line(), error.column());
        CallError::Malformed { peer: self.name, status, detail }
    }
}

/// A call that is being put together.
pub struct Call<'a> {
    peer: &'a Peer,
    operation: &'static str,
    path: String,
    request: Request<Bytes>,
}

/// A successful answer.
#[derive(Debug)]
pub struct Answer<T> {
    /// Any of 200 to 299.
    pub status: StatusCode,
    /// What the body holds.
    pub body: T,
}

impl Call<'_> {
    /// Adds a parameter to the query. `name` is one of our own, and stands as it is.
    pub fn query(mut self, name: &'static str, value: &str) -> Self {
        self.path.push(if self.path.contains('?') { '&' } else { '?' });
        self.path.push_str(name);
        self.path.push('=');
        self.path.extend(form_urlencoded::byte_serialize(value.as_bytes()));
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: HeaderValue) -> Self {
        self.request.headers_mut().insert(HeaderName::from_static(name), value);
        self
    }

    /// Gives it a JSON body.
    pub fn json<B: Serialize + Sync>(mut self, body: &B) -> Result<Self, CallError> {
        let body = serde_json::to_vec(body).map_err(|error| self.peer.unfit(error))?;
        self.request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *self.request.body_mut() = body.into();
        Ok(self)
    }

    /// Sends it and reads the answer, until the deadline.
    pub async fn send<T: DeserializeOwned>(mut self, deadline: Deadline) -> Result<Answer<T>, CallError> {
        let peer = self.peer;
        let time = deadline.remaining().min(peer.timeout);
        if time.is_zero() {
            return Err(CallError::TimedOut { peer: peer.name });
        }
        *self.request.uri_mut() = peer.uri(self.path)?;
        self.request.headers_mut().insert(&deadline::HEADER, HeaderValue::from(time.as_millis() as u64));
        if let Some(token) = &peer.token {
            self.request.headers_mut().insert(AUTHORIZATION, token.header());
        }
        let sent = peer.http.send(self.operation, self.request, time).await;
        let reply = sent.map_err(|error| peer.broken(error))?;
        Ok(Answer { status: reply.status, body: peer.read(&reply)? })
    }
}

fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()
}

impl CallError {
    /// What the peer thinks of what was asked: its problem and the kind of it, when it is one of ours. A peer that does
    /// not take our token has not looked at it (the keys differ, or the clocks do): that is an outage, and no opinion.
    pub fn problem(&self) -> Option<(ProblemKind, &Problem)> {
        match self {
            Self::Problem { problem, .. } => {
                let kind = problem.kind().filter(|kind| *kind != ProblemKind::Unauthenticated)?;
                Some((kind, problem))
            }
            _ => None,
        }
    }

    /// Whether the peer has said no, for whatever reason, and so has done nothing.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Problem { problem, .. } if problem.kind().is_some())
    }
}

impl From<CallError> for ApiError {
    fn from(error: CallError) -> Self {
        match error {
            // It is our token that is not taken, and nothing the client could change.
            CallError::Problem { ref problem, .. } if problem.status == 401 => {
                Self::new(ProblemKind::Unavailable, "a service that is needed does not know this one")
                    .retry_after(1)
                    .source(error)
            }
            CallError::Problem { problem, retry_after, .. } if problem.kind().is_some() => {
                Self::passed_on(*problem, retry_after)
            }
            CallError::Problem { .. } | CallError::Malformed { .. } => {
                Self::new(ProblemKind::Unavailable, "a service answered what it should not")
                    .retry_after(1)
                    .source(error)
            }
            CallError::Unavailable { .. } => {
                Self::new(ProblemKind::Unavailable, "a service that is needed cannot be reached")
                    .retry_after(1)
                    .source(error)
            }
            CallError::Unfit { .. } => Self::internal(error),
            CallError::TimedOut { .. } => {
                Self::new(ProblemKind::DeadlinePassed, "the answer was not ready in time").source(error)
            }
        }
    }
}
