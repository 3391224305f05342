//! The same spans, lines and metrics with the `telemetry` crate. Lines go to standard output, as the other way has it.

use crate::{
    client::CALL_TIMEOUT,
    hops::{CHARGES, Hop, ORDERS, PLACED, RESERVATIONS},
    telemetry::NoAnswer,
};
use axum::{
    Router,
    body::Bytes,
    http::{Method, Request},
};
use prometheus_client::encoding::EncodeLabelSet;
use std::time::Duration;
use telemetry::{
    Config, ConfigError, Env, Telemetry,
    http_client::HttpClient,
    http_server::{self, Operation, Operations},
    metrics::Counter,
    names::metric,
};

/// Named as the other way names them: by method and route.
static OPERATIONS: Operations = &[
    Operation::server(Method::POST, PLACED, "POST /api/orders"),
    Operation::server(Method::POST, ORDERS, "POST /orders"),
    Operation::server(Method::POST, RESERVATIONS, "POST /reservations"),
    Operation::server(Method::POST, CHARGES, "POST /charges"),
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: &'static str,
}

#[derive(Clone)]
pub(crate) struct Ours {
    telemetry: Telemetry,
    http: HttpClient,
    orders: Counter<Status>,
}

impl Ours {
    pub(crate) fn start(hop: Hop) -> Result<Self, ConfigError> {
        let telemetry = telemetry::init(Config::from_env(hop.service(), &Env::from_process())?)?;
        let http = HttpClient::new(&telemetry);
        let orders = telemetry.metrics().counter(metric::ORDERS);
        Ok(Self { telemetry, http, orders })
    }

    pub(crate) fn around(&self, router: Router) -> Router {
        router.layer(http_server::layer(&self.telemetry, OPERATIONS))
    }

    pub(crate) async fn call(
        &self,
        operation: &'static str,
        request: Request<Bytes>,
    ) -> Result<Bytes, NoAnswer> {
        let reply = self.http.send(operation, request, CALL_TIMEOUT).await.map_err(|_| NoAnswer)?;
        if reply.status.is_success() { Ok(reply.body) } else { Err(NoAnswer) }
    }

    pub(crate) fn confirmed(&self) {
        self.orders.inc(&Status { status: "confirmed" });
    }

    pub(crate) fn exposition(&self) -> String {
        self.telemetry.metrics().encode()
    }

    pub(crate) async fn stop(self) {
        self.telemetry.shutdown(Duration::from_secs(5)).await;
    }
}
