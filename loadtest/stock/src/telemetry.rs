//! Where the three ways part: everything that the work says about itself goes through here, or is a `tracing` macro.

use crate::{client::Client, hops::Hop, ours::Ours, stock::Stock};
use axum::{Router, body::Bytes, http::Request};
use std::{env, error::Error};

/// The telemetry of this process.
#[derive(Clone)]
pub(crate) enum Telemetry {
    /// No subscriber, no layer, no instrument.
    None(Client),
    Ours(Ours),
    Stock(Box<Stock>),
}

/// A call without a good answer.
pub(crate) struct NoAnswer;

impl Telemetry {
    /// As `TELEMETRY` says.
    pub(crate) fn start(hop: Hop) -> Result<Self, Box<dyn Error + Send + Sync>> {
        match env::var("TELEMETRY")?.as_str() {
            "none" => Ok(Self::None(Client::new())),
            "ours" => Ok(Self::Ours(Ours::start(hop)?)),
            "stock" => Ok(Self::Stock(Box::new(Stock::start(hop)?))),
            other => Err(format!("TELEMETRY={other} won't do; it takes none, ours or stock").into()),
        }
    }

    /// The router with a span, metrics and the caller's context for each request.
    pub(crate) fn around(&self, router: Router) -> Router {
        match self {
            Self::None(_) => router,
            Self::Ours(ours) => ours.around(router),
            Self::Stock(stock) => stock.around(router),
        }
    }

    /// A call to another service, in a client span called `operation`.
    pub(crate) async fn call(
        &self,
        operation: &'static str,
        request: Request<Bytes>,
    ) -> Result<Bytes, NoAnswer> {
        match self {
            Self::None(client) => match client.send(request).await {
                Ok((status, body)) if status.is_success() => Ok(body),
                _ => Err(NoAnswer),
            },
            Self::Ours(ours) => ours.call(operation, request).await,
            Self::Stock(stock) => stock.call(operation, request).await,
        }
    }

    /// Counts an order.
    pub(crate) fn confirmed(&self) {
        match self {
            Self::None(_) => {}
            Self::Ours(ours) => ours.confirmed(),
            Self::Stock(_) => Stock::confirmed(),
        }
    }

    /// What `/metrics` answers.
    pub(crate) fn exposition(&self) -> String {
        match self {
            Self::None(_) => String::new(),
            Self::Ours(ours) => ours.exposition(),
            Self::Stock(stock) => stock.exposition(),
        }
    }

    /// Sends what waits.
    pub(crate) async fn stop(self) {
        match self {
            Self::None(_) => {}
            Self::Ours(ours) => ours.stop().await,
            Self::Stock(stock) => stock.stop().await,
        }
    }
}
