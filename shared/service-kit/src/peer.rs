//! Calls to the other services.

use std::time::Duration;

use api::problem::{Problem, ProblemKind};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method};
use reqwest::{Request, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use telemetry::Telemetry;
use telemetry::http_client::{HttpClient, Reply};

use crate::deadline::{self, Deadline};
use crate::error::ApiError;

/// The HTTP client that all peers of a process share, for its pool of connections.
pub fn http_client(telemetry: &Telemetry) -> Result<HttpClient, reqwest::Error> {
    let client = reqwest::Client::builder()
        // Peers are inside: no proxy of the environment stands between.
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .tcp_nodelay(true)
        .connect_timeout(Duration::from_secs(1))
        .build()?;
    Ok(HttpClient::new(client, telemetry))
}

/// Another service.
#[derive(Clone)]
pub struct Peer {
    name: &'static str,
    base: Url,
    http: HttpClient,
    timeout: Duration,
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
        /// What the client library said.
        source: reqwest::Error,
    },
    /// It did not answer in time. Whether it did what was asked is not known.
    #[error("{peer} did not answer in time")]
    TimedOut {
        /// The peer's `service.name`.
        peer: &'static str,
    },
    /// It answered something that is not in the contract.
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
    pub fn new(name: &'static str, base: Url, http: &HttpClient, timeout: Duration) -> Self {
        Self { name, base, http: http.clone(), timeout }
    }

    /// `GET path`. `operation` names the client span.
    pub async fn get<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        deadline: Deadline,
    ) -> Result<T, CallError> {
        self.call(operation, Method::GET, path, None, deadline).await
    }

    /// `POST path` with a JSON body. `operation` names the client span.
    pub async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &str,
        body: &B,
        deadline: Deadline,
    ) -> Result<T, CallError> {
        let body = serde_json::to_vec(body).map_err(|error| self.malformed(0, &error))?;
        self.call(operation, Method::POST, path, Some(body), deadline).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        deadline: Deadline,
    ) -> Result<T, CallError> {
        let time = deadline.remaining().min(self.timeout);
        if time.is_zero() {
            return Err(CallError::TimedOut { peer: self.name });
        }
        let mut url = self.base.clone();
        url.set_path(path);
        let mut request = Request::new(method, url);
        *request.timeout_mut() = Some(time);
        request.headers_mut().insert(&deadline::HEADER, HeaderValue::from(time.as_millis() as u64));
        if let Some(body) = body {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Some(body.into());
        }
        let reply = self.http.send(operation, request).await.map_err(|error| self.broken(error))?;
        self.read(&reply)
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

    fn broken(&self, source: reqwest::Error) -> CallError {
        if source.is_timeout() && !source.is_connect() {
            return CallError::TimedOut { peer: self.name };
        }
        CallError::Unavailable { peer: self.name, source }
    }

    fn malformed(&self, status: u16, error: &serde_json::Error) -> CallError {
        // The category and place only: the parser's words may quote the body.
        let detail = format!("{:?} at line {} column {}", error.classify(), error.line(), error.column());
        CallError::Malformed { peer: self.name, status, detail }
    }
}

fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()
}

impl CallError {
    /// The problem the peer answered with and its kind, when it is one of ours.
    pub fn problem(&self) -> Option<(ProblemKind, &Problem)> {
        match self {
            Self::Problem { problem, .. } => Some((problem.kind()?, problem)),
            _ => None,
        }
    }
}

impl From<CallError> for ApiError {
    fn from(error: CallError) -> Self {
        match error {
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
            CallError::TimedOut { .. } => {
                Self::new(ProblemKind::DeadlinePassed, "the answer was not ready in time").source(error)
            }
        }
    }
}
