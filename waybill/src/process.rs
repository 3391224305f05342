//! The observatory as a process. The four services' are in `service_kit::process`.

use observatory::{Config, ConfigError, Listeners};
use service_kit::{health, shutdown::Shutdown};
use std::{error::Error, process::ExitCode};
use telemetry::Env;

const NAME: &str = "observatory";

/// Exit code 0 after an orderly stop, 2 for a wrong configuration, 1 for anything else.
pub(crate) fn observatory() -> ExitCode {
    let env = Env::from_process();
    let config = match config(&env) {
        Ok(config) => config,
        Err(error) => return failed(&error, 2),
    };
    match live(config, &env) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&*error, 1),
    }
}

/// Asks the observatory that runs with this environment whether it is ready.
pub(crate) fn observatory_health() -> ExitCode {
    match config(&Env::from_process()) {
        Ok(config) => health::report(NAME, config.admin),
        Err(error) => failed(&error, 2),
    }
}

fn config(env: &Env) -> Result<Config, ConfigError> {
    Config::from_env(&|name| env.get(name).map(str::to_owned))
}

fn live(config: Config, env: &Env) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listeners = Listeners::bind(&config).await?;
        let shutdown = Shutdown::of_process(env)?;
        observatory::run(config, listeners, shutdown.requested()).await?;
        Ok(())
    })
}

fn failed(error: &dyn Error, code: u8) -> ExitCode {
    anstream::eprintln!("{NAME}: {error}");
    ExitCode::from(code)
}
