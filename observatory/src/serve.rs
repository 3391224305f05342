//! Listening, serving and stopping.

mod http;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use serde_json::json;
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

use crate::alerts::{self, Alerts};
use crate::config::{BindError, Config, Data, Hidden};
use crate::ingest::limit::Limit;
use crate::ingest::room::Room;
use crate::ingest::samples::Samples;
use crate::ingest::{Intake, lines_tcp, lines_udp, otlp_grpc, otlp_http};
use crate::metrics::{Metrics, Readiness, admin};
use crate::queue::Queue;
use crate::say::{Severity, say};
use crate::scrape::Scraped;
use crate::stop::{self, Stopping};
use crate::store::{Retention, Store, StoreError};
use crate::user_key::UserKey;
use crate::{AppState, api, page, scrape, writer};

/// What requests in flight may take once the stop has been asked for.
const DRAIN: Duration = Duration::from_secs(3);
/// What storing the queue's rest may take.
const LAST_COMMITS: Duration = Duration::from_secs(10);

/// The doors, bound but not yet served: a taken port is seen before anything else starts.
#[derive(Debug)]
pub struct Listeners {
    /// Page and query API.
    pub http: TcpListener,
    /// Metrics and health.
    pub admin: TcpListener,
    /// OTLP over gRPC.
    pub otlp_grpc: TcpListener,
    /// OTLP over HTTP.
    pub otlp_http: TcpListener,
    /// JSON lines over TCP.
    pub log_tcp: TcpListener,
    /// JSON lines over UDP.
    pub log_udp: UdpSocket,
}

impl Listeners {
    /// Binds all of them.
    pub async fn bind(config: &Config) -> Result<Self, BindError> {
        let log_udp = UdpSocket::bind(config.log).await;
        Ok(Self {
            http: bind("LISTEN_ADDR", config.listen).await?,
            admin: bind("ADMIN_ADDR", config.admin).await?,
            otlp_grpc: bind("OTLP_GRPC_ADDR", config.otlp_grpc).await?,
            otlp_http: bind("OTLP_HTTP_ADDR", config.otlp_http).await?,
            log_tcp: bind("LOG_ADDR", config.log).await?,
            log_udp: log_udp.map_err(|source| BindError::new("LOG_ADDR", config.log, source))?,
        })
    }
}

async fn bind(variable: &'static str, address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| BindError::new(variable, address, source))
}

/// Why the observatory could not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The data directory cannot be used.
    #[error("DATA_DIR: {0}")]
    Store(#[from] StoreError),
    /// The key of user references cannot be read or made.
    #[error("DATA_DIR: the key of user references: {0}")]
    UserKey(std::io::Error),
    /// No temporary directory can be made.
    #[error("DATA_DIR: no temporary directory: {0}")]
    Ephemeral(std::io::Error),
}

/// Runs until `shutdown` resolves, then stops listening, stores what has been taken, and returns.
pub async fn run(
    config: Config,
    listeners: Listeners,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), RunError> {
    // The guard deletes an ephemeral directory when this function ends.
    let (directory, _guard) = match config.data {
        Data::Directory(directory) => (directory, None),
        Data::Ephemeral => {
            let guard = tempfile::tempdir().map_err(RunError::Ephemeral)?;
            (guard.path().to_owned(), Some(guard))
        }
    };
    let retention = Retention { days: config.retention_days, bytes: config.retention_bytes };
    let (store, store_writer) = Store::open(&directory, retention)?;
    let user_key = UserKey::of(&directory).map_err(RunError::UserKey)?;
    let queue = Arc::new(Queue::new(config.queue_bytes));
    let udp_port = listeners.log_udp.local_addr().map_or(0, |address| address.port());
    let mut alerts = Alerts::new(&config.alert_rules, config.clock);
    alerts.resume(&directory);
    let webhook = config.alert_webhook.map(|Hidden(url)| alerts.tell(url, page_url(&listeners.http)));
    let metrics = Metrics::new(Arc::clone(&queue), udp_port, &alerts);
    let writer = writer::start(store_writer, Arc::clone(&queue), metrics.clone(), alerts.clone())?;
    let intake = Intake {
        queue: Arc::clone(&queue),
        metrics: metrics.clone(),
        limit: Limit::new(config.rate_limit),
        room: Room::default(),
        samples: Samples::default(),
        user_key,
    };
    let state =
        AppState { store, scraped: Scraped::default(), intake: intake.clone(), alerts: alerts.clone() };

    let (stop, stopping) = stop::pair();
    let (stop_admin, admin_stopping) = stop::pair();
    let readiness = Readiness::default();
    let ready = json!({"http": listeners.http.local_addr().ok(), "data": directory});
    let forget = config.admin_door.around(api::forget::routes(state.clone()));
    let admin = admin(metrics, readiness.clone()).merge(forget);
    let admin = tokio::spawn(http::serve(listeners.admin, admin, admin_stopping));
    let mut tasks = JoinSet::new();
    let pages = config.door.around(routes(state.clone()));
    tasks.spawn(http::serve(listeners.http, pages, stopping.clone()));
    tasks.spawn(http::serve(listeners.otlp_http, otlp_http::routes(intake.clone()), stopping.clone()));
    tasks.spawn(grpc(listeners.otlp_grpc, intake.clone(), stopping.clone()));
    tasks.spawn(lines_tcp::serve(listeners.log_tcp, intake.clone(), stopping.clone()));
    tasks.spawn(lines_udp::serve(listeners.log_udp, intake, stopping.clone()));
    tasks.spawn(alerts::run(alerts, webhook, directory, stopping.clone()));
    tasks.spawn(scrape::run(config.scrape_targets, state.scraped, stopping));
    readiness.set(true);
    say(Severity::Info, "observatory ready", &ready);

    shutdown.await;
    readiness.set(false);
    stop.now();
    drain(tasks).await;
    queue.close();
    store_rest(writer, &queue).await;
    // The admin port closes last, so that the drain can be watched.
    stop_admin.now();
    let _ = tokio::time::timeout(DRAIN, admin).await;
    say(Severity::Info, "observatory stopped", &json!({}));
    Ok(())
}

/// Where our page is, for links from outside. Whoever listens on all addresses is at least on this one.
fn page_url(listener: &TcpListener) -> String {
    let address = listener.local_addr().ok();
    let port = address.map_or(0, |address| address.port());
    let address = address.filter(|address| !address.ip().is_unspecified());
    format!("http://{}", address.unwrap_or(SocketAddr::from(([127, 0, 0, 1], port))))
}

async fn drain(mut tasks: JoinSet<()>) {
    let done = tokio::time::timeout(DRAIN, async { while tasks.join_next().await.is_some() {} }).await;
    if done.is_err() {
        say(Severity::Warn, "requests in flight were cut off", &json!({"listeners": tasks.len()}));
        tasks.shutdown().await;
    }
}

fn routes(state: AppState) -> Router {
    let room = state.intake.room.clone();
    page::routes().fallback(page::not_found).nest("/api", api::routes(room)).with_state(state)
}

async fn grpc(listener: TcpListener, intake: Intake, mut stopping: Stopping) {
    if let Err(error) = otlp_grpc::serve(listener, intake, async move { stopping.told().await }).await {
        say(Severity::Error, "OTLP over gRPC stopped", &json!({"error": error.to_string()}));
    }
}

async fn store_rest(writer: JoinHandle<()>, queue: &Queue<crate::ingest::Batch>) {
    let joined = tokio::task::spawn_blocking(move || writer.join());
    match tokio::time::timeout(LAST_COMMITS, joined).await {
        Ok(Ok(Ok(()))) => {}
        Ok(_) => say(Severity::Error, "the writer failed", &json!({"lost_bytes": queue.weight()})),
        Err(_) => say(Severity::Error, "the store is too slow", &json!({"lost_bytes": queue.weight()})),
    }
}
