//! `loadtest run`: one scenario, its report, its thresholds.

use crate::{
    cli::{Arrivals, RunOptions, Scenario},
    client::Client,
    cpu,
    generate::{Load, open_loop},
    limit,
    progress::Progress,
    report::{self, Report},
    schedule::Profile,
    traces,
};
use std::{error::Error, time::Duration};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// False when a threshold is broken.
pub(crate) async fn run(options: &RunOptions) -> Result<bool, Box<dyn Error>> {
    let client = at(options.url.as_ref(), "GATEWAY_URL", "http://127.0.0.1:8080", options.allow_remote)?;
    let client = with(client, options.token.as_ref(), "WAYBILL_TOKEN")?;
    let remote = options.allow_remote;
    let observatory = at(options.observatory.as_ref(), "OBSERVATORY_URL", "http://127.0.0.1:16686", remote)?;
    let observatory = with(observatory, None, "OBSERVATORY_TOKEN")?;
    match client.get("/api/products", Duration::from_secs(5)).await {
        Err(_) => {
            return Err(format!("nothing answers at {}: is `waybill up` running?", client.base()).into());
        }
        Ok((401 | 403, _)) => {
            return Err(format!("{} does not take this token: --token, WAYBILL_TOKEN", client.base()).into());
        }
        Ok(_) => {}
    }
    let load = load(options);
    let started = OffsetDateTime::now_utc();
    let cpu_before = cpu::own_time();
    let mut progress = Progress::new();
    let (tally, from_here) = open_loop(&client, &load, |tally| progress.show(tally)).await;
    let cpu = cpu::own_time().saturating_sub(cpu_before);
    progress.end();
    let traces = match options.trace {
        Some(_) => Some(traces::compare(&observatory, from_here).await),
        None => None,
    };
    let summary = tally.summary();
    let report = Report {
        scenario: options.scenario.name(),
        started: started.replace_nanosecond(0)?.format(&Rfc3339)?,
        gateway: client.base().to_owned(),
        machine: cpu::machine(),
        load: described(options),
        limit: (options.scenario == Scenario::Ramp).then(|| limit::of(&summary.intervals)).flatten(),
        checks: options.thresholds.check(&summary),
        client_cpu_micros: cpu.as_secs_f64() * 1e6 / summary.answered.max(1) as f64,
        traces,
        summary,
    };
    anstream::println!("{}", report::markdown(&report));
    if let Some(folder) = &options.report {
        report::write(&report, folder)?;
        anstream::eprintln!("written: {}", folder.join("report.html").display());
    }
    Ok(report.checks.iter().all(|check| check.held))
}

fn at(given: Option<&String>, variable: &str, default: &str, remote: bool) -> Result<Client, String> {
    let named = held(variable);
    Client::new(given.or(named.as_ref()).map_or(default, String::as_str), remote)
}

fn with(client: Client, given: Option<&String>, variable: &str) -> Result<Client, String> {
    let named = held(variable);
    match given.or(named.as_ref()) {
        Some(token) => client.with_token(token),
        None => Ok(client),
    }
}

fn held(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}

fn load(options: &RunOptions) -> Load {
    let (rate, duration) = (options.rate, duration(options));
    let profile = match options.scenario {
        Scenario::Steady | Scenario::Soak => Profile::steady(rate, duration),
        Scenario::Ramp => Profile::ramp(rate, peak(options), duration),
        Scenario::Spike => Profile::spike(rate, peak(options), duration),
    };
    Load {
        profile,
        warm_up: options.warm_up,
        poisson: options.arrivals == Arrivals::Poisson,
        mix: options.mix,
        in_flight: usize::from(options.in_flight),
        timeout: options.timeout,
        traced: options.trace.unwrap_or_default(),
        stop_at_limit: options.scenario == Scenario::Ramp,
        seed: options.seed,
    }
}

fn duration(options: &RunOptions) -> Duration {
    options.duration.unwrap_or(options.scenario.usual_time())
}

fn peak(options: &RunOptions) -> f64 {
    options.peak.unwrap_or(options.rate * options.scenario.usual_peak())
}

fn described(options: &RunOptions) -> String {
    let spread = match options.arrivals {
        Arrivals::Constant => "evenly spread",
        Arrivals::Poisson => "spread by chance",
    };
    let rate = match options.scenario {
        Scenario::Steady | Scenario::Soak => format!("{}", options.rate),
        Scenario::Ramp => format!("{} to {}", options.rate, peak(options)),
        Scenario::Spike => format!("{}, with a burst of {}", options.rate, peak(options)),
    };
    format!(
        "{rate} orders a second, {spread}, for {:?} after {:?} of warm-up; at most {} in flight",
        duration(options),
        options.warm_up,
        options.in_flight
    )
}
