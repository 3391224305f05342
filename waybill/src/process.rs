//! The observatory as a process. The four services' are in `service_kit::process`.

use observatory::{Config, Listeners};
use service_kit::shutdown::Shutdown;
use std::{error::Error, process::ExitCode};
use telemetry::Env;

/// Exit code 0 after an orderly stop, 2 for a wrong configuration, 1 for anything else.
pub(crate) fn observatory() -> ExitCode {
    let env = Env::from_process();
    let config = match Config::from_env(&|name| env.get(name).map(str::to_owned)) {
        Ok(config) => config,
        Err(error) => return failed(&error, 2),
    };
    match live(config, &env) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&*error, 1),
    }
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
    anstream::eprintln!("observatory: {error}");
    ExitCode::from(code)
}
