//! The observatory as a process. The four services' are in `service_kit::process`.

use observatory::{Config, Listeners};
use service_kit::{
    config::{Report, environment, idle, variables::STOP_WITH_STDIN},
    health,
    shutdown::{Shutdown, stops_with_stdin},
};
use std::{error::Error, process::ExitCode};
use telemetry::{
    ConfigError, Env,
    env::{Secret, Variable, parse},
};

const NAME: &str = "observatory";

/// Exit code 0 after an orderly stop, 2 for a wrong configuration, 1 for anything else.
pub(crate) fn observatory() -> ExitCode {
    let known = variables();
    let read = environment(&known).and_then(|env| {
        for line in idle(&env, &known) {
            anstream::eprintln!("{NAME}: {line}");
        }
        settings(&env)
    });
    match read.map(|(config, with_stdin)| live(config, with_stdin)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => failed(&*error, 1),
        Err(error) => failed(&error, 2),
    }
}

/// Asks the observatory that runs with this environment whether it is ready.
pub(crate) fn observatory_health() -> ExitCode {
    match environment(&variables()).and_then(|env| settings(&env)) {
        Ok((config, _)) => health::report(NAME, config.admin),
        Err(error) => failed(&error, 2),
    }
}

/// What the observatory runs with, shown and not used.
pub(crate) fn observatory_report(env: &Env) -> Report {
    Report::new(NAME, env, &variables(), |env| settings(env).map(|_| ()))
}

/// The observatory's variables. It shares no code with the services, so that its declarations are of a type of its own.
pub(crate) fn variables() -> Vec<Variable> {
    let own = observatory::VARIABLES.iter().map(|variable| Variable {
        takes: variable.takes,
        default: variable.default,
        without: variable.without,
        unit: variable.unit,
        secret: if variable.is_secret { Secret::Whole } else { Secret::No },
        ..Variable::named(variable.name, variable.brief)
    });
    own.chain([STOP_WITH_STDIN]).collect()
}

fn settings(env: &Env) -> Result<(Config, bool), ConfigError> {
    let known = variables();
    let lookup = |name: &str| {
        let variable = known.iter().find(|variable| variable.name == name)?;
        let held = if variable.default.is_empty() {
            env.optional(variable, parse::value)
        } else {
            env.read(variable, parse::value).map(Some)
        };
        held.ok().flatten()
    };
    let config = Config::from_env(&lookup).map_err(|error| {
        let shown = known.iter().find(|variable| variable.name == error.variable()).zip(error.held());
        match shown {
            Some((variable, held)) => variable.wrong_here(held, error.takes()),
            None => ConfigError::secret(error.variable(), error.takes()),
        }
    })?;
    Ok((config, stops_with_stdin(env)?))
}

fn live(config: Config, with_stdin: bool) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listeners = Listeners::bind(&config).await?;
        let shutdown = Shutdown::of_process(with_stdin)?;
        observatory::run(config, listeners, shutdown.requested()).await?;
        Ok(())
    })
}

fn failed(error: &dyn Error, code: u8) -> ExitCode {
    anstream::eprintln!("{NAME}: {error}");
    ExitCode::from(code)
}
