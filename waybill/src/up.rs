//! `waybill up`: everything on this machine, each process as a child of its own.

mod child;
pub(crate) mod plan;
mod samples;

use crate::{
    cli::UpOptions,
    config::idle_under_up,
    remote::Remote,
    stop::Stop,
    style::{BAD, BOLD, DIM, GOOD, WARN, paint},
};
use child::Child;
use plan::{Plan, Role};
use std::{
    error::Error,
    time::{Duration, Instant},
};

/// What would be the same for all of them.
pub(crate) const NOT_INHERITED: [&str; 2] = ["OTEL_SERVICE_NAME", "DATABASE_URL_FILE"];

/// What a process may take until it is ready.
const READY_TIMEOUT: Duration = Duration::from_secs(15);

pub(crate) async fn run(options: UpOptions) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let mut stop = Stop::new()?;
    for line in idle_under_up() {
        anstream::eprintln!("{}", paint(WARN, line));
    }
    let plan = Plan::new(&options)?;
    plan.check_ports()?;
    let remote = Remote::new(&plan.url(Role::Gateway), &plan.url(Role::Observatory))?;

    // The observatory first: it must be there for the others' first span.
    let mut children = Vec::new();
    for role in Role::ALL {
        children.push(Child::start(role, &plan)?);
    }
    let started = tokio::select! {
        ready = ready(&mut children, &plan, &remote) => ready,
        () = stop.called() => Err("stopped before everything was ready".into()),
    };
    if started.is_ok() {
        announce(&remote, &plan, start);
        tokio::select! {
            () = live(&mut children, &plan, &remote, !options.no_samples, start) => {}
            () = stop.called() => {}
        }
        anstream::println!("{}", paint(DIM, "stopping: requests are drained, telemetry is flushed"));
    }
    let ended = tokio::select! {
        ended = end(&mut children) => ended,
        () = stop.called() => Err("stopped at once: telemetry on its way is lost".into()),
    };
    plan.clean_up();
    started.and(ended)
}

async fn ready(children: &mut [Child], plan: &Plan, remote: &Remote) -> Result<(), Box<dyn Error>> {
    let end = Instant::now() + READY_TIMEOUT;
    for child in children {
        while !remote.is_ready(&plan.admin(child.role)).await {
            if let Some(status) = child.has_ended()? {
                return Err(format!("{} did not start ({status})", child.role.service()).into());
            }
            if Instant::now() > end {
                return Err(format!("{} is not ready after {READY_TIMEOUT:?}", child.role.service()).into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    Ok(())
}

fn announce(remote: &Remote, plan: &Plan, start: Instant) {
    let took = start.elapsed().as_secs_f64();
    anstream::println!("{} in {took:.2} s, data in {}", paint(GOOD, "ready"), plan.data().display());
    anstream::println!("  orders   {}/api/orders", remote.gateway());
    anstream::println!("  page     {}", paint(BOLD, remote.page()));
    anstream::println!("  access   {} (docs/ACCESS.md)", Plan::access());
}

/// Places the samples, then restarts what dies, for ever.
async fn live(children: &mut [Child], plan: &Plan, remote: &Remote, samples: bool, start: Instant) {
    if samples && let Err(error) = samples::place(remote, start).await {
        anstream::println!("{}", paint(BAD, format_args!("the sample orders did not work: {error}")));
    }
    anstream::println!("{}", paint(DIM, "running; Ctrl-C stops it"));
    futures_util::future::join_all(children.iter_mut().map(|child| child.keep_alive(plan))).await;
}

/// Front to back: whoever calls stops before whom it calls, and the observatory last, when all telemetry is in.
async fn end(children: &mut [Child]) -> Result<(), Box<dyn Error>> {
    let mut failed = Vec::new();
    for child in children.iter_mut().rev() {
        if !child.stop().await? {
            failed.push(child.role.service());
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("did not stop in order: {}", failed.join(", ")).into())
    }
}
