//! `loadtest overhead`: what each part of telemetry costs, one platform against another that is the same but for it.
//!
//! Each arm is a configuration of the four services. In each round every arm gets four fresh processes with fresh
//! databases, is warmed up, measured at a fixed rate and at saturation, and thrown away; the order within a round is
//! random. So neither the machine's mood nor one process's luck with its memory belongs to an arm.

mod arms;
mod document;
mod measure;
mod neighbours;
mod oversleep;
mod platform;
mod receiver;

use crate::{cli::OverheadOptions, cpu, progress::Progress};
use arms::Arm;
use measure::{Measured, Plan};
use neighbours::{Neighbours, Ticks};
use oversleep::Oversleep;
use rand::seq::SliceRandom;
use receiver::Receiver;
use serde::Serialize;
use std::{error::Error, fs, path::PathBuf, time::Instant};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Everything that was measured.
#[derive(Serialize)]
pub(crate) struct Experiment {
    started: String,
    machine: String,
    program: String,
    plan: Plan,
    arms: Vec<Arm>,
    oversleep: Oversleep,
    neighbours: Neighbours,
    minutes: f64,
    rounds: Vec<Measured>,
}

/// Runs the experiment and writes what came out.
pub(crate) async fn run(options: &OverheadOptions) -> Result<(), Box<dyn Error>> {
    if !PathBuf::from("/proc/self/schedstat").exists() {
        return Err(
            "CPU time is read from /proc/<pid>/schedstat, which this system has not (Linux only)".into()
        );
    }
    let arms = arms::chosen(&options.arms)?;
    let program = program(options)?;
    let (start, ticks) = (Instant::now(), Ticks::now());
    let started = OffsetDateTime::now_utc().replace_nanosecond(0)?.format(&Rfc3339)?;
    let receiver = Receiver::start().await?;
    let mut plan = Plan::of(options);
    let mut progress = Progress::new();
    if plan.rate == 0.0 {
        progress.say("calibrating the rate");
        plan.rate = measure::half_of_saturation(&program, &plan, &receiver).await?;
    }
    let mut experiment = Experiment {
        started,
        machine: cpu::machine(),
        program: program.display().to_string(),
        plan,
        arms: arms.clone(),
        oversleep: Oversleep::default(),
        neighbours: Neighbours::default(),
        minutes: 0.0,
        rounds: Vec::new(),
    };
    for round in 0..plan.rounds {
        experiment.oversleep.look();
        let mut order = arms.clone();
        order.shuffle(&mut rand::rng());
        for arm in order {
            progress.say(&format!("round {} of {}: {}", round + 1, plan.rounds, arm.name));
            let measured = measure::once(&program, &arm, round, &plan, &receiver).await;
            experiment.rounds.push(measured.map_err(|error| format!("{}: {error}", arm.name))?);
        }
    }
    // Its CPU time is counted as ours once it has ended.
    receiver.end().await;
    progress.end();
    experiment.neighbours = ticks.until(Ticks::now());
    experiment.minutes = start.elapsed().as_secs_f64() / 60.0;
    written(&experiment, options, &mut progress)
}

fn written(
    experiment: &Experiment,
    options: &OverheadOptions,
    progress: &mut Progress,
) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(&options.out)?;
    let raw = options.out.join("rounds.json");
    fs::write(&raw, serde_json::to_vec_pretty(experiment)?)?;
    let page = document::Page::about(experiment);
    fs::write(options.out.join("overhead.md"), page.text())?;
    page.write_plots(&options.out)?;
    if let Some(target) = &options.page {
        page.write_into(target)?;
        progress.say(&format!("written: {}", target.display()));
    }
    anstream::println!("{}", page.text());
    anstream::eprintln!("every round: {}", raw.display());
    Ok(())
}

/// Built by the same command, thus beside this one.
fn program(options: &OverheadOptions) -> Result<PathBuf, Box<dyn Error>> {
    let beside = std::env::current_exe()?.with_file_name("waybill");
    let program = options.waybill.clone().unwrap_or(beside);
    if !program.exists() {
        return Err(format!("{} is not there: cargo build --release -p waybill", program.display()).into());
    }
    Ok(program)
}
