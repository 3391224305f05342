//! Listening, serving and stopping.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use crate::admin::Readiness;
use crate::config::ServerConfig;
use crate::shutdown::Shutdown;

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

/// Serves until the stop, in this order: ready; stop called; not ready; requests in flight are finished, within
/// `drain_timeout`; the admin port closes last, so that the drain can be watched.
pub async fn serve(
    listeners: Listeners,
    api: Router,
    admin: Router,
    readiness: Readiness,
    shutdown: Shutdown,
    drain_timeout: Duration,
) -> io::Result<()> {
    let (drained, admin_stop) = Shutdown::by_hand();
    let admin = tokio::spawn(
        axum::serve(listeners.admin, admin).with_graceful_shutdown(admin_stop.requested()).into_future(),
    );
    // Small answers must not wait for more to send.
    let api_listener = listeners.api.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let service = api.into_make_service_with_connect_info::<SocketAddr>();
    let stop = shutdown.requested();
    let server = axum::serve(api_listener, service).with_graceful_shutdown({
        let readiness = readiness.clone();
        async move {
            stop.await;
            readiness.set(false);
        }
    });
    readiness.set(true);
    let outcome = tokio::select! {
        ended = server.into_future() => ended,
        () = passed(&shutdown, drain_timeout) => {
            tracing::warn!(drain_timeout_ms = drain_timeout.as_millis() as u64, "requests still in flight are cut off");
            Ok(())
        }
    };
    drained.stop();
    // A scraper that keeps its connection open must not hold up the stop.
    let _ = tokio::time::timeout(Duration::from_millis(200), admin).await;
    outcome
}

/// Resolves when the stop has been called and the drain's time is over. `axum::serve` has no such bound itself.
async fn passed(shutdown: &Shutdown, drain_timeout: Duration) {
    shutdown.requested().await;
    tokio::time::sleep(drain_timeout).await;
}
