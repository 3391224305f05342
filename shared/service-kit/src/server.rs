//! Listening, serving and stopping, within bounds (docs/LIMITS.md).
//!
//! hyper is used directly: `axum::serve` has no bound on what a client may send, or on how long it may take.

mod connection;
mod limits;
mod line;
mod progress;
mod refusals;
mod seats;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use telemetry::Telemetry;
use tokio::net::TcpListener;

use crate::admin::Readiness;
use crate::config::ServerConfig;
use crate::shutdown::Shutdown;
use connection::Server;
pub use limits::{HEAD_LIMIT, Limits, URI_LIMIT};
pub use refusals::{Reason, Refusals};

/// The two doors of a service, bound but not yet served: a taken port is seen before anything else starts.
#[derive(Debug)]
pub struct Listeners {
    /// The HTTP API.
    pub api: TcpListener,
    /// Metrics and health.
    pub admin: TcpListener,
}

/// Why a port could not be had: one line that names the variable and the address.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else listens there.
    #[error("{variable}: {address} is taken by another process")]
    Taken {
        /// `LISTEN_ADDR` or `ADMIN_ADDR`.
        variable: &'static str,
        /// Where it should have listened.
        address: SocketAddr,
    },
    /// The system refuses for another reason.
    #[error("{variable}: cannot listen on {address}: {source}")]
    Refused {
        /// `LISTEN_ADDR` or `ADMIN_ADDR`.
        variable: &'static str,
        /// Where it should have listened.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl Listeners {
    /// Binds both.
    pub async fn bind(config: &ServerConfig) -> Result<Self, BindError> {
        Ok(Self {
            api: bind("LISTEN_ADDR", config.listen).await?,
            admin: bind("ADMIN_ADDR", config.admin).await?,
        })
    }
}

async fn bind(variable: &'static str, address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => BindError::Taken { variable, address },
        _ => BindError::Refused { variable, address, source },
    })
}

/// On what terms a service serves.
#[derive(Clone)]
pub struct Terms {
    /// The bounds of the API.
    pub limits: Limits,
    /// Who counts those that are turned away.
    pub refusals: Refusals,
    /// What requests in flight are given at the stop.
    pub drain_timeout: Duration,
}

impl Terms {
    /// As the settings have them.
    pub fn new(config: &ServerConfig, telemetry: &Telemetry) -> Self {
        Self {
            limits: config.limits.clone(),
            refusals: Refusals::new(telemetry),
            drain_timeout: config.drain_timeout,
        }
    }
}

/// Serves until the stop, in this order: ready; stop called; not ready; requests in flight are finished, within
/// the drain's time; the admin port closes last, so that the drain can be watched.
pub async fn serve(
    listeners: Listeners,
    api: Router,
    admin: Router,
    readiness: Readiness,
    shutdown: Shutdown,
    terms: Terms,
) -> io::Result<()> {
    let Terms { limits, refusals, drain_timeout } = terms;
    let (drained, admin_stop) = Shutdown::by_hand();
    let admin = Server::new(admin, limits.of_admin(), refusals.clone());
    let admin = tokio::spawn(admin.serve(listeners.admin, admin_stop.requested()));
    let stop = shutdown.requested();
    let server = Server::new(api, limits, refusals).serve(listeners.api, {
        let readiness = readiness.clone();
        async move {
            stop.await;
            readiness.set(false);
        }
    });
    readiness.set(true);
    tokio::select! {
        () = server => {}
        () = passed(&shutdown, drain_timeout) => {
            tracing::warn!(drain_timeout_ms = drain_timeout.as_millis() as u64, "requests still in flight are cut off");
        }
    }
    drained.stop();
    // A scraper that keeps its connection open must not hold up the stop.
    let _ = tokio::time::timeout(Duration::from_millis(200), admin).await;
    Ok(())
}

/// Resolves when the stop has been called and the drain's time is over.
async fn passed(shutdown: &Shutdown, drain_timeout: Duration) {
    shutdown.requested().await;
    tokio::time::sleep(drain_timeout).await;
}
