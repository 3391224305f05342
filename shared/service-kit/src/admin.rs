//! The admin port: `/metrics`, `/healthz`, `/readyz`, and what a service has below `/admin`.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use api::problem::ProblemKind;
use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use telemetry::Telemetry;

use crate::access::{self, Guard};
use crate::edge;
use crate::error::ApiError;

/// Whether requests should come. Off until the server runs, and off again as soon as it is told to stop.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    pub(crate) fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the admin port asks of a service.
pub trait Health: Send + Sync + 'static {
    /// Whether what this service cannot do without (its database) answers. An `Err` says in words what does not.
    fn check(&self) -> impl Future<Output = Result<(), String>> + Send;

    /// Brings gauges up to date before they are read.
    fn refresh(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// A service that has no database is as healthy as its process.
impl Health for () {
    async fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

struct Admin<H> {
    telemetry: Telemetry,
    readiness: Readiness,
    guard: Guard,
    health: H,
}

/// The longest a check may take: shorter than what an orchestrator waits for its probe.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// The router of the admin port.
pub fn router<H: Health>(telemetry: &Telemetry, readiness: &Readiness, guard: &Guard, health: H) -> Router {
    router_with(telemetry, readiness, guard, health, Router::new())
}

/// The router of the admin port, with a service's own routes below `/admin`: those are for operators.
pub fn router_with<H: Health>(
    telemetry: &Telemetry,
    readiness: &Readiness,
    guard: &Guard,
    health: H,
    own: Router,
) -> Router {
    let admin =
        Admin { telemetry: telemetry.clone(), readiness: readiness.clone(), guard: guard.clone(), health };
    let router = Router::new()
        .route("/metrics", get(metrics::<H>))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz::<H>))
        .with_state(Arc::new(admin))
        .merge(access::operators(own, guard));
    edge::with_problems(router)
}

async fn metrics<H: Health>(State(admin): State<Arc<Admin<H>>>) -> impl IntoResponse {
    // Metrics must come even while the database does not.
    let _ = tokio::time::timeout(CHECK_TIMEOUT, admin.health.refresh()).await;
    ([(CONTENT_TYPE, telemetry::metrics::CONTENT_TYPE)], admin.telemetry.metrics().encode())
}

async fn readyz<H: Health>(State(admin): State<Arc<Admin<H>>>) -> Result<&'static str, ApiError> {
    let unready = |why: String| ApiError::new(ProblemKind::Unavailable, why).retry_after(1);
    if !admin.readiness.get() {
        return Err(unready("the service is starting or stopping".to_owned()));
    }
    admin.guard.ready().map_err(unready)?;
    match tokio::time::timeout(CHECK_TIMEOUT, admin.health.check()).await {
        Ok(Ok(())) => Ok("ready\n"),
        Ok(Err(why)) => Err(unready(why)),
        Err(_) => Err(unready("a dependency did not answer in time".to_owned())),
    }
}
