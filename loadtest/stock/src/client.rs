//! The client of the ways that are not ours: the same library with the same settings as the `telemetry` crate's, so that
//! what differs is what is around it.

use axum::{
    body::Bytes,
    http::{Request, StatusCode},
};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use std::{error::Error, time::Duration};

/// What a call may take, in all ways.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub(crate) struct Client(legacy::Client<HttpConnector, Full<Bytes>>);

impl Client {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_secs(1)));
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(256)
            .build(connector);
        Self(client)
    }

    /// Status and body of the answer.
    pub(crate) async fn send(
        &self,
        request: Request<Bytes>,
    ) -> Result<(StatusCode, Bytes), Box<dyn Error + Send + Sync>> {
        let exchange = async {
            let response = self.0.request(request.map(Full::new)).await?;
            Ok((response.status(), response.into_body().collect().await?.to_bytes()))
        };
        tokio::time::timeout(CALL_TIMEOUT, exchange).await?
    }
}
