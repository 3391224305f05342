//! A small service on free ports.

use std::time::Duration;

use axum::Router;
use service_kit::access::{Access, Door};
use service_kit::admin::{self, Health, Readiness};
use service_kit::config::ServerConfig;
use service_kit::edge;
use service_kit::server::{self, Limits, Listeners, Terms};
use service_kit::shutdown::{Shutdown, Trigger};
use telemetry::http_server::Operations;
use telemetry::{Env, Telemetry};
use tokio::task::JoinHandle;

pub(crate) struct App {
    pub(crate) api: String,
    pub(crate) admin: String,
    pub(crate) trigger: Trigger,
    pub(crate) ended: JoinHandle<std::io::Result<()>>,
}

pub(crate) fn config() -> ServerConfig {
    let env = Env::from_pairs([("LISTEN_ADDR", "127.0.0.1:0"), ("ADMIN_ADDR", "127.0.0.1:0")]);
    ServerConfig::from_env(&env, 1, 2).unwrap()
}

const OPERATIONS: Operations = &[];

pub(crate) async fn start(router: Router, request_timeout: Duration, drain_timeout: Duration) -> App {
    start_with((), router, request_timeout, drain_timeout).await
}

pub(crate) async fn start_with(
    health: impl Health,
    router: Router,
    request_timeout: Duration,
    drain_timeout: Duration,
) -> App {
    start_within(config().limits, health, router, request_timeout, drain_timeout).await
}

/// With bounds of its own.
pub(crate) async fn start_within(
    limits: Limits,
    health: impl Health,
    router: Router,
    request_timeout: Duration,
    drain_timeout: Duration,
) -> App {
    let telemetry = Telemetry::for_test("kit-service");
    let listeners = Listeners::bind(&config()).await.unwrap();
    let url = |listener: &tokio::net::TcpListener| format!("http://{}", listener.local_addr().unwrap());
    let (api, admin) = (url(&listeners.api), url(&listeners.admin));
    let (trigger, shutdown) = Shutdown::by_hand();
    let readiness = Readiness::default();
    let open = Access::from_env(&Env::default(), Door::Services, &config()).unwrap();
    let guard = open.guard("kit-service", &telemetry);
    let admin_router = admin::router(&telemetry, &readiness, &guard, health);
    let router = edge::harden(router, &telemetry, OPERATIONS, request_timeout);
    let terms = Terms { limits, drain_timeout, ..Terms::new(&config(), &telemetry) };
    let ended = tokio::spawn(server::serve(listeners, router, admin_router, readiness, shutdown, terms));
    App { api, admin, trigger, ended }
}

/// Waits, at most 5 s, until `url` answers `status`.
pub(crate) async fn until_status(url: &str, status: u16) {
    tokio::time::timeout(Duration::from_secs(5), async {
        while reqwest::get(url).await.map(|answer| answer.status().as_u16()).ok() != Some(status) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the status never came");
}
