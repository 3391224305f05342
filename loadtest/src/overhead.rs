//! `loadtest overhead`: what each part of telemetry costs, one platform against another that is the same but for it.
//!
//! Each arm is a configuration of four services. In each round every arm gets four fresh processes with fresh
//! databases and is warmed up; then all of them take turns, a slice of a second at a time, in random order: at a fixed
//! rate, and at saturation. So neither the machine's mood, which changes within minutes, nor one process's luck with its
//! memory belongs to an arm.
//!
//! An arm that fails is said and left out of its round. What is known is saved after each round, and a run that is
//! stopped by Ctrl-C is written out as far as it came, which is to the last whole round.

mod arms;
mod document;
mod measure;
mod neighbours;
mod oversleep;
mod plan;
mod platform;
mod receiver;
mod round;
mod running;
mod span_times;

use crate::{cli::OverheadOptions, cpu, progress::Progress};
use arms::{Arm, Group};
use measure::Measured;
use neighbours::{Neighbours, Ticks};
use oversleep::Oversleep;
use plan::Plan;
use platform::Programs;
use round::{Failed, Round};
use serde::{Deserialize, Serialize};
use span_times::SpanTime;
use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Connections of the generator, pipes, databases: of one arm's platform and receiver.
const FILES_OF_AN_ARM: usize = 100;

/// Everything that was measured.
#[derive(Serialize, Deserialize)]
pub(crate) struct Experiment {
    started: String,
    machine: String,
    plan: Plan,
    arms: Vec<String>,
    oversleep: Oversleep,
    neighbours: Neighbours,
    minutes: f64,
    span_times: Vec<SpanTime>,
    rounds: Vec<Measured>,
    failed: Vec<Failed>,
}

impl Experiment {
    /// In the order of the report.
    fn arms_of(&self, group: Group) -> impl Iterator<Item = &'static Arm> {
        self.arms.iter().filter_map(|name| arms::named(name)).filter(move |arm| arm.group == group)
    }
}

/// Runs the experiment and writes what came out.
pub(crate) async fn run(options: &OverheadOptions) -> Result<(), Box<dyn Error>> {
    let mut progress = Progress::new();
    if let Some(saved) = &options.saved {
        let experiment = serde_json::from_slice(&fs::read(saved)?)?;
        return write(&experiment, options, &mut progress);
    }
    if !PathBuf::from("/proc/self/schedstat").exists() {
        return Err(
            "CPU time is read from /proc/<pid>/schedstat, which this system has not (Linux only)".into()
        );
    }
    let arms = arms::chosen(&options.arms)?;
    let programs = programs(options, &arms)?;
    let mut experiment = begin(options, &arms)?;
    let (start, ticks) = (Instant::now(), Ticks::now());
    let so_far = |experiment: &mut Experiment| {
        experiment.neighbours = ticks.until(Ticks::now());
        experiment.minutes = start.elapsed().as_secs_f64() / 60.0;
    };
    let measuring = async {
        calibrate(&mut experiment.plan, options, &programs, &arms, &mut progress).await?;
        let plan = experiment.plan;
        for round in 0..plan.all_rounds() {
            experiment.oversleep.look();
            let arms = plan.arms_of(round, &arms);
            let round = Round::new(round, plan, &mut progress).run(&programs, &arms).await;
            experiment.rounds.extend(round.measured);
            experiment.failed.extend(round.failed);
            so_far(&mut experiment);
            save(&experiment, &options.out)?;
        }
        Ok::<_, Box<dyn Error>>(())
    };
    tokio::select! {
        measured = measuring => measured?,
        _ = tokio::signal::ctrl_c() => progress.say("stopped: what follows is as far as it came"),
    }
    progress.end();
    if experiment.rounds.is_empty() {
        return Err("nothing was measured".into());
    }
    save(&experiment, &options.out)?;
    write(&experiment, options, &mut progress)
}

fn begin(options: &OverheadOptions, arms: &[&'static Arm]) -> Result<Experiment, Box<dyn Error>> {
    if options.judged_rounds > 0 && !arms.iter().any(|arm| document::has_target(arm)) {
        return Err(
            "--judged-rounds: none of these arms has a target for the default pipeline (--arms direct)"
                .into(),
        );
    }
    let needed = arms.len() * FILES_OF_AN_ARM;
    if let Some(limit) = cpu::open_files().filter(|limit| *limit < needed) {
        return Err(
            format!("{needed} files are to be open at once, and {limit} may be: ulimit -n {needed}").into()
        );
    }
    let span_times = match &options.span_times {
        Some(file) => span_times::read(&fs::read_to_string(file)?),
        None => Vec::new(),
    };
    Ok(Experiment {
        started: OffsetDateTime::now_utc().replace_nanosecond(0)?.format(&Rfc3339)?,
        machine: cpu::machine(),
        plan: Plan::of(options),
        arms: arms.iter().map(|arm| arm.name.to_owned()).collect(),
        oversleep: Oversleep::default(),
        neighbours: Neighbours::default(),
        minutes: 0.0,
        span_times,
        rounds: Vec::new(),
        failed: Vec::new(),
    })
}

/// Finds the rate of each group that is measured, and says how long it will all take.
async fn calibrate(
    plan: &mut Plan,
    options: &OverheadOptions,
    programs: &Programs,
    arms: &[&'static Arm],
    progress: &mut Progress,
) -> Result<(), Box<dyn Error>> {
    for group in Group::ALL {
        if options.rate.is_none() && arms.iter().any(|arm| arm.group == group) {
            let seconds = plan.calibration_time().as_secs_f64();
            progress.say(&format!("finding the rate with {}: about {seconds:.0} s", group.heaviest().name));
            let rate = measure::half_of_saturation(programs, group, plan).await;
            plan.set_rate(group, rate.map_err(|error| format!("no rate: {error}"))?, options);
        }
    }
    let minutes = plan.time(arms).as_secs_f64() / 60.0;
    progress.keep(&format!("{} arms, {} rounds: about {minutes:.0} min", arms.len(), plan.all_rounds()));
    Ok(())
}

/// In two steps, so that a run that is killed meanwhile leaves what was saved before.
fn save(experiment: &Experiment, folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let (new, saved) = (folder.join("rounds.json.new"), folder.join("rounds.json"));
    fs::write(&new, serde_json::to_vec_pretty(experiment)?)?;
    Ok(fs::rename(new, saved)?)
}

fn write(
    experiment: &Experiment,
    options: &OverheadOptions,
    progress: &mut Progress,
) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(&options.out)?;
    let page = document::Page::about(experiment);
    fs::write(options.out.join("overhead.md"), page.text())?;
    page.write_plots(&options.out)?;
    if let Some(target) = &options.page {
        page.write_into(target)?;
        progress.keep(&format!("written: {}", target.display()));
    }
    anstream::println!("{}", page.text());
    Ok(())
}

/// Built by the same commands, thus beside this one.
fn programs(options: &OverheadOptions, arms: &[&'static Arm]) -> Result<Programs, Box<dyn Error>> {
    let this = std::env::current_exe()?;
    let beside = |given: &Option<PathBuf>, name| given.clone().unwrap_or_else(|| this.with_file_name(name));
    let programs =
        Programs { waybill: beside(&options.waybill, "waybill"), stock: beside(&options.stock, "stock") };
    for (group, package) in [(Group::Platform, "waybill"), (Group::Peer, "stock")] {
        let program = programs.of(group);
        if arms.iter().any(|arm| arm.group == group) && !program.exists() {
            let program = program.display();
            return Err(format!("{program} is not there: cargo build --release -p {package}").into());
        }
    }
    Ok(programs)
}
