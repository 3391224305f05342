//! The life of a service's process: read the environment, set up telemetry, bind, run, flush, exit.

use std::future::Future;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use telemetry::env::Variable;
use telemetry::{ConfigError, Env, Telemetry};

use crate::config::{Report, ServerConfig, environment, idle, known};
use crate::database::{DatabaseUrl, OpenError, Schema};
use crate::health;
use crate::server::{BindError, Listeners};
use crate::shutdown::{Shutdown, stops_with_stdin};

/// What telemetry is given to flush at the end.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// A service's settings.
pub trait ServiceConfig: Sized {
    /// The variables that only this service reads.
    const VARIABLES: &'static [Variable];

    /// Reads and checks all of them.
    fn from_env(env: &Env) -> Result<Self, ConfigError>;

    /// Those that every service has.
    fn server(&self) -> &ServerConfig;

    /// Its database, and the tables that belong there; a service that keeps nothing has none. Reads nothing else: the
    /// job that runs migrations is given no other secret.
    fn database(_env: &Env) -> Result<Option<(DatabaseUrl, &'static Schema)>, ConfigError> {
        Ok(None)
    }
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
        ["migrate"] => migrate::<C>(service),
        ["config"] => show(&report::<C>(service, &Env::from_process()), false),
        ["config", "--json"] => show(&report::<C>(service, &Env::from_process()), true),
        ["--version"] => say(&format!("{service} {version}")),
        ["--help"] => say(&format!(
            "{service} {version}: configured by environment (docs/CONFIGURATION.md); `healthcheck` asks the one that \
             runs whether it is ready, `migrate` brings the tables of its database up to date, `config [--json]` shows what it runs with"
        )),
        other => {
            let given = other.join(" ");
            let takes = "takes no argument, `healthcheck`, `migrate`, `config`, `--version` or `--help`";
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
    match environment(&known(C::VARIABLES)).and_then(|env| C::from_env(&env)) {
        Ok(config) => health::report(service, config.server().admin),
        Err(error) => fail(service, &error, 2),
    }
}

/// Brings the tables of this service's database up to date, for `MIGRATIONS=job`. Exit code 0 when they are, 1 when
/// they cannot be, 2 for a wrong configuration.
pub fn migrate<C: ServiceConfig>(service: &'static str) -> ExitCode {
    let (database, schema) = match environment(&known(C::VARIABLES)).and_then(|env| C::database(&env)) {
        Ok(Some(it)) => it,
        Ok(None) => return fail(service, &"it has no database, so there is nothing to migrate", 2),
        Err(error) => return fail(service, &error, 2),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let migrated =
        runtime.map_err(RunError::from).and_then(|runtime| Ok(runtime.block_on(database.migrate(schema))?));
    match migrated {
        Ok(()) => say(&format!("{service}: the tables of {} are up to date", database.place())),
        Err(error) => fail(service, &error, 1),
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

/// What a service runs with, shown and not used.
pub fn report<C: ServiceConfig>(service: &'static str, env: &Env) -> Report {
    Report::new(service, env, &known(C::VARIABLES), |env| Settings::<C>::from_env(service, env).map(|_| ()))
}

/// Prints a report. Exit code 0, or 2 where something is wrong.
pub fn show(report: &Report, as_json: bool) -> ExitCode {
    let _ = if as_json {
        writeln!(std::io::stdout(), "{:#}", report.json())
    } else {
        write!(std::io::stdout(), "{report}")
    };
    ExitCode::from(if report.errors().is_empty() { 0 } else { 2 })
}

/// Everything that a service's process reads.
struct Settings<C> {
    config: C,
    telemetry: telemetry::Config,
    with_stdin: bool,
}

impl<C: ServiceConfig> Settings<C> {
    fn from_env(service: &'static str, env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            config: C::from_env(env)?,
            telemetry: telemetry::Config::from_env(service, env)?,
            with_stdin: stops_with_stdin(env)?,
        })
    }
}

fn life<C, F>(
    service: &'static str,
    run: impl FnOnce(C, Listeners, Telemetry, Shutdown) -> F,
) -> Result<(), RunError>
where
    C: ServiceConfig,
    F: Future<Output = Result<(), RunError>>,
{
    let known = known(C::VARIABLES);
    let env = environment(&known)?;
    let Settings { config, telemetry, with_stdin } = Settings::<C>::from_env(service, &env)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // Before telemetry: a second start of the same service must not disturb the first one's files and sinks.
        let listeners = Listeners::bind(config.server()).await?;
        let shutdown = Shutdown::of_process(with_stdin)?;
        let telemetry = telemetry::init(telemetry)?;
        for line in idle(&env, &known) {
            tracing::warn!("{line}");
        }
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
