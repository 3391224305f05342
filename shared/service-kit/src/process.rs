//! The life of a service's process: read the environment, set up telemetry, bind, run, flush, exit.

use std::future::Future;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use telemetry::{ConfigError, Env, Telemetry};

use crate::config::{ServerConfig, environment};
use crate::database::OpenError;
use crate::health;
use crate::server::{BindError, Listeners};
use crate::shutdown::Shutdown;

/// What telemetry is given to flush at the end.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// A service's settings.
pub trait ServiceConfig: Sized {
    /// Reads and checks all of them.
    fn from_env(env: &Env) -> Result<Self, ConfigError>;

    /// Those that every service has.
    fn server(&self) -> &ServerConfig;
}

/// Why a service did not start or did not run to its end. Each prints as one line.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A variable holds what it can't.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A port is not to be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The database is not to be had.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The HTTP client cannot be made.
    #[error("cannot make an HTTP client: {0}")]
    HttpClient(#[from] reqwest::Error),
    /// The system refuses something that every process needs.
    #[error("the system refuses: {0}")]
    System(#[from] std::io::Error),
}

/// A service's own program: runs it, unless its one argument asks for something else. Each of these is one line.
pub fn main<C, F>(service: &'static str, run: impl FnOnce(C, Listeners, Telemetry, Shutdown) -> F) -> ExitCode
where
    C: ServiceConfig,
    F: Future<Output = Result<(), RunError>>,
{
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
    let version = env!("CARGO_PKG_VERSION");
    match arguments.iter().map(AsRef::as_ref).collect::<Vec<_>>().as_slice() {
        [] => start(service, run),
        ["healthcheck"] => healthcheck::<C>(service),
        ["--version"] => say(&format!("{service} {version}")),
        ["--help"] => say(&format!(
            "{service} {version}: configured by environment (docs/CONFIGURATION.md); `healthcheck` asks the one that \
             runs whether it is ready"
        )),
        other => {
            let given = other.join(" ");
            let takes = "takes no argument, `healthcheck`, `--version` or `--help`";
            fail(service, &format!("`{given}` won't do; it {takes}"), 2)
        }
    }
}

/// Runs a service until SIGTERM or SIGINT. Exit code 0 after an orderly stop, 2 for a wrong configuration and 1
/// for anything else; what is wrong is one line on standard error.
pub fn start<C, F>(
    service: &'static str,
    run: impl FnOnce(C, Listeners, Telemetry, Shutdown) -> F,
) -> ExitCode
where
    C: ServiceConfig,
    F: Future<Output = Result<(), RunError>>,
{
    match life(service, run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(service, &error, if matches!(error, RunError::Config(_)) { 2 } else { 1 }),
    }
}

/// Asks the service that runs with this environment whether it is ready. Exit code 0 when it is, 1 when it is not,
/// 2 for a wrong configuration.
pub fn healthcheck<C: ServiceConfig>(service: &'static str) -> ExitCode {
    match environment().and_then(|env| C::from_env(&env)) {
        Ok(config) => health::report(service, config.server().admin),
        Err(error) => fail(service, &error, 2),
    }
}

fn say(line: &str) -> ExitCode {
    let _ = writeln!(std::io::stdout(), "{line}");
    ExitCode::SUCCESS
}

fn fail(service: &str, why: &dyn std::fmt::Display, code: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{service}: {why}");
    ExitCode::from(code)
}

fn life<C, F>(
    service: &'static str,
    run: impl FnOnce(C, Listeners, Telemetry, Shutdown) -> F,
) -> Result<(), RunError>
where
    C: ServiceConfig,
    F: Future<Output = Result<(), RunError>>,
{
    let env = environment()?;
    let config = C::from_env(&env)?;
    let telemetry_config = telemetry::Config::from_env(service, &env)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // Before telemetry: a second start of the same service must not disturb the first one's files and sinks.
        let listeners = Listeners::bind(config.server()).await?;
        let shutdown = Shutdown::of_process(&env)?;
        let telemetry = telemetry::init(telemetry_config)?;
        tracing::info!(listen = %config.server().listen, "started");
        let ended = run(config, listeners, telemetry.clone(), shutdown).await;
        tracing::info!("stopped");
        let report = telemetry.shutdown(FLUSH_TIMEOUT).await;
        if !report.is_complete() {
            let _ = writeln!(std::io::stderr(), "{service}: telemetry was lost: {report}");
        }
        ended
    })
}
