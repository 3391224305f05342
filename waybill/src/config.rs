//! `waybill config`: what each process runs with, and where that comes from.

mod page;

use crate::{
    cli::{ConfigOptions, UpOptions},
    process,
    up::plan::{Plan, Role},
};
use serde_json::Value;
use service_kit::{
    access,
    config::{Report, idle, known},
    process::{ServiceConfig, report},
};
use std::{error::Error, path::Path};
use telemetry::{
    ConfigError, Env,
    config::variables::CUSTOMER_REF_KEY,
    env::{Secret, Source, Variable},
    redact::RefRing,
};

telemetry::variables! {
    /// The gateway: where `waybill order place` and `loadtest` ask.
    GATEWAY_URL { takes: "a URL such as http://127.0.0.1:8080", default: "http://127.0.0.1:8080" };
    /// The observatory: where `waybill trace`, `logs` and `loadtest` ask.
    OBSERVATORY_URL { takes: "a URL such as http://127.0.0.1:16686", default: "http://127.0.0.1:16686" };
    /// An access token of the gateway's users, where `--token` gives none: it is not seen in the list of processes.
    WAYBILL_TOKEN { takes: "an access token", secret: Secret::Whole };
    /// Who did it, in the audit log: `waybill customer` says so.
    USER { takes: "a name", without: "unknown" };
    /// No colours; where the output is no terminal there are none anyway.
    NO_COLOR { takes: "anything" };
    /// Colours, also where the output is no terminal.
    CLICOLOR_FORCE { takes: "anything but 0" };
}

/// The environment of a command that a person types, with the secrets that are in files.
pub(crate) fn environment() -> Result<Env, ConfigError> {
    let observatory = process::variables();
    Env::from_process()
        .with_files([VARIABLES, access::settings::VARIABLES, &observatory].into_iter().flatten())
}

/// Shows it. False when something is wrong.
pub(crate) fn run(options: &ConfigOptions) -> Result<bool, Box<dyn Error>> {
    if let Some(page) = &options.page {
        return page::write(page).map(|()| true);
    }
    let reports = match options.service {
        Some(role) if options.up == UpOptions::default() => vec![of(role, &Env::from_process())],
        Some(_) => return Err("an option of `waybill up` says nothing about one process on its own".into()),
        None => under_up(&options.up)?,
    };
    if options.json {
        let reports: Vec<Value> = reports.iter().map(Report::json).collect();
        match reports.as_slice() {
            [only] if options.service.is_some() => anstream::println!("{only:#}"),
            all => anstream::println!("{:#}", Value::from(all)),
        }
    } else {
        let reports: Vec<String> = reports.iter().map(ToString::to_string).collect();
        anstream::print!("{}", reports.join("\n"));
    }
    Ok(reports.iter().all(|report| report.errors().is_empty()))
}

fn of(role: Role, env: &Env) -> Report {
    match role {
        Role::Observatory => process::observatory_report(env),
        Role::Inventory => report::<inventory::config::Config>(role.service(), env),
        Role::Payment => report::<payment::config::Config>(role.service(), env),
        Role::Order => report::<order::config::Config>(role.service(), env),
        Role::Gateway => report::<gateway::config::Config>(role.service(), env),
    }
}

fn under_up(options: &UpOptions) -> Result<Vec<Report>, Box<dyn Error>> {
    let plan = Plan::outline(options)?;
    let report = |role| {
        let given = plan.environment(role).into_iter().map(|(name, value)| {
            let source = Source::Given(flag(name, options).unwrap_or("waybill up"));
            let (name, value) = made_later(name, value);
            (name, value, source)
        });
        let inherited =
            super::up::NOT_INHERITED.iter().fold(Env::from_process(), |env, name| env.without(name));
        of(role, &inherited.with(given))
    };
    Ok(Role::ALL.into_iter().map(report).collect())
}

/// The option that decides what `waybill up` gives.
fn flag(name: &str, options: &UpOptions) -> Option<&'static str> {
    let usual = UpOptions::default();
    match name {
        "DATABASE_URL" if options.postgres.is_some() => Some("--postgres"),
        "DATABASE_URL" | "DATA_DIR" | "AUDIT_LOG" | "CUSTOMER_REF_KEY_FILE" => {
            let data = (options.data != usual.data).then_some("--data");
            data.or_else(|| options.ephemeral.then_some("--ephemeral"))
        }
        "SCRAPE_TARGETS" | "LOG_SHIP" | "OTEL_EXPORTER_OTLP_ENDPOINT" => shifted(options),
        name if name.ends_with("_ADDR") || name.ends_with("_URL") => shifted(options),
        _ => None,
    }
}

fn shifted(options: &UpOptions) -> Option<&'static str> {
    (options.port_offset != 0).then_some("--port-offset")
}

/// `waybill up` makes this file at its first start. Before that there is one like it.
fn made_later(name: &'static str, value: String) -> (&'static str, String) {
    if name == "CUSTOMER_REF_KEY_FILE" && !Path::new(&value).exists() {
        return (CUSTOMER_REF_KEY.name, RefRing::generate().render());
    }
    (name, value)
}

/// What a person has set for `waybill up` and nobody reads, though it looks as if somebody should: a line each.
pub(crate) fn idle_under_up() -> Vec<String> {
    let all: Vec<Variable> = sections().into_iter().flat_map(|(_, variables)| variables).collect();
    idle(&Env::from_process(), &all)
}

/// All variables, by the part of docs/CONFIGURATION.md that they stand in.
fn sections() -> [(&'static str, Vec<Variable>); 7] {
    let own = |variables: &'static [Variable]| variables.to_vec();
    let telemetry = telemetry::config::variables::VARIABLES;
    let shared = known(&[]).into_iter().filter(|variable| !telemetry.contains(variable));
    [
        ("services", shared.collect()),
        ("gateway", own(gateway::config::Config::VARIABLES)),
        ("order", own(order::config::Config::VARIABLES)),
        ("inventory", own(inventory::config::Config::VARIABLES)),
        ("telemetry", own(telemetry)),
        (
            "observatory",
            process::variables().into_iter().filter(|variable| variable.name != "STOP_WITH_STDIN").collect(),
        ),
        ("commands", own(VARIABLES)),
    ]
}

#[cfg(test)]
mod tests;
